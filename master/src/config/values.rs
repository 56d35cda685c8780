//! The few Starlark types of linn's own: what a file can call, what a call gives, and what stands for a mistake.
//!
//! None of them holds a Starlark value, so all of them freeze by being copied and may cross threads.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use allocative::Allocative;
use linn_core::config::{ChangeFilter, ForceParameter, LockAccess, StepSpec, TemplateValue};
use linn_core::id::{LockName, SecretName};
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::{FrozenValue, Heap, NoSerialize, StarlarkValue, Value, starlark_value};

use super::call;
use super::draft::Draft;
use super::globals::Function;
use super::guard::{self, Bounds};
use super::hooks::Generation;
use super::problem::Place;

/// What is being put together, where native functions find it: the evaluator's `extra`. While a build runs there is the
/// generation whose function makes steps (F39).
#[derive(Debug, ProvidesStaticType)]
pub(super) struct Desk(pub RefCell<Draft>, pub Option<Arc<Generation>>);

/// A function that a file can call.
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Native {
    #[allocative(skip)]
    pub function: &'static Function,
}

starlark_simple_value!(Native);

impl fmt::Display for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name)
    }
}

#[starlark_value(type = "native function")]
impl<'v> StarlarkValue<'v> for Native {
    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        call::invoke(self.function, arguments, eval)
    }

    fn name_for_call_stack(&self, _me: Value<'v>) -> String {
        self.function.name.to_owned()
    }
}

/// What a call gives that a file can only pass on.
#[derive(Clone, Debug)]
pub(super) enum Product {
    /// A step, and where it was made.
    Step(Box<StepSpec>, Place),
    /// `prop(...)` or `interpolate(...)`.
    Template(TemplateValue),
    /// Fields of a form, by the names under which they are given.
    Fields(Vec<ForceParameter>),
    /// `change_filter(...)`.
    Filter(Box<ChangeFilter>),
    /// `lock(...)` or `worker_lock(...)`.
    Lock(LockName),
    /// `db.exclusive()` or `cpu.counting(2)`.
    LockAccess(LockAccess),
    /// `DEFAULT_BRANCH`.
    DefaultBranch,
    /// `secret(...)`.
    Secret(SecretName),
}

impl Product {
    /// What people call it.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Step(..) => "a step",
            Self::Template(TemplateValue::Prop { .. }) => "prop(...)",
            Self::Template(_) => "interpolate(...)",
            Self::Fields(_) => "a parameter",
            Self::Filter(_) => "a change filter",
            Self::Lock(_) => "a lock",
            Self::LockAccess(_) => "a lock's exclusive() or counting()",
            Self::DefaultBranch => "DEFAULT_BRANCH",
            Self::Secret(_) => "secret(...)",
        }
    }
}

/// A [`Product`] as a value.
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Made(#[allocative(skip)] pub Product);

starlark_simple_value!(Made);

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.word())
    }
}

#[starlark_value(type = "linn")]
impl<'v> StarlarkValue<'v> for Made {
    fn get_attr(&self, name: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let Product::Lock(lock) = &self.0 else { return None };
        let exclusive = match name {
            "exclusive" => true,
            "counting" => false,
            _ => return None,
        };
        Some(heap.alloc(Taking { lock: lock.clone(), exclusive }))
    }

    fn dir_attr(&self) -> Vec<String> {
        let methods: &[&str] =
            if matches!(self.0, Product::Lock(_)) { &["exclusive", "counting"] } else { &[] };
        methods.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Tells apart what `is` does not: two products are never equal, but `DEFAULT_BRANCH` is itself.
    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        let other = Self::from_value(other).map(|made| &made.0);
        Ok(matches!((&self.0, other), (Product::DefaultBranch, Some(Product::DefaultBranch))))
    }
}

/// A way in which a lock is taken: `db.exclusive`.
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Taking {
    #[allocative(skip)]
    pub lock: LockName,
    pub exclusive: bool,
}

starlark_simple_value!(Taking);

impl fmt::Display for Taking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.lock, if self.exclusive { "exclusive" } else { "counting" })
    }
}

#[starlark_value(type = "native function")]
impl<'v> StarlarkValue<'v> for Taking {
    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        call::take_lock(&self.lock, self.exclusive, arguments, eval)
    }
}

/// What stands where a mistake was reported already: whatever is done with it gives it again, so that one mistake does not
/// cause others (contract.md F28).
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Phantom;

starlark_simple_value!(Phantom);

impl fmt::Display for Phantom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mistake reported elsewhere")
    }
}

#[starlark_value(type = "mistake")]
impl<'v> StarlarkValue<'v> for Phantom {
    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        call::invoke_phantom(arguments, eval)
    }

    fn get_attr(&self, _name: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(heap.alloc(Self))
    }

    fn at(&self, _index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        Ok(heap.alloc(Self))
    }

    fn iterate_collect(&self, _heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(Vec::new())
    }

    fn length(&self) -> starlark::Result<i32> {
        Ok(0)
    }

    fn to_bool(&self) -> bool {
        false
    }

    fn is_in(&self, _other: Value<'v>) -> starlark::Result<bool> {
        Ok(false)
    }

    fn add(&self, _other: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(heap.alloc(Self)))
    }

    fn radd(&self, _other: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(heap.alloc(Self)))
    }

    fn percent(&self, _other: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        Ok(heap.alloc(Self))
    }
}

/// What a guarded operator does.
pub(super) type Operate =
    for<'v> fn(Value<'v>, Value<'v>, Heap<'v>, &Bounds) -> starlark::Result<Value<'v>>;

/// An operator with a bound on its result (guard.rs).
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Operator {
    #[allocative(skip)]
    pub symbol: &'static str,
    #[allocative(skip)]
    pub act: Operate,
}

starlark_simple_value!(Operator);

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol)
    }
}

#[starlark_value(type = "operator")]
impl<'v> StarlarkValue<'v> for Operator {
    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let bounds = guard::look(eval)?;
        let [left, right] = arguments.positional(eval.heap())?;
        (self.act)(left, right, eval.heap(), bounds)
    }
}

/// A function of Starlark's before which the heap is looked at (guard.rs).
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative)]
pub(super) struct Growing {
    #[allocative(skip)]
    pub name: &'static str,
    /// Of globals that live as long as the program.
    #[allocative(skip)]
    pub function: FrozenValue,
}

starlark_simple_value!(Growing);

impl fmt::Display for Growing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[starlark_value(type = "native function")]
impl<'v> StarlarkValue<'v> for Growing {
    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        guard::look(eval)?;
        let heap = eval.heap();
        let positional: Vec<Value<'v>> = arguments.positions(heap)?.collect();
        let names = arguments.names_map()?;
        let named: Vec<(&str, Value<'v>)> =
            names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        eval.eval_function(self.function.to_value(), &positional, &named)
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        self.function.to_value().get_attr(attribute, heap).ok().flatten()
    }

    fn name_for_call_stack(&self, _me: Value<'v>) -> String {
        self.name.to_owned()
    }
}
