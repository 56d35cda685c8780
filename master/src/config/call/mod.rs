//! One call of a native function: its arguments bound to their parameters, each with its place.
//!
//! A mistake never ends the call. It is written down at the argument's place and the readers (`plain`, `build`) answer as if
//! nothing had been given, so that the thing is registered as far as it can be (contract.md F28).

mod build;
mod choice;
mod field;
mod lock;
mod plain;

use std::collections::{BTreeMap, BTreeSet};

use starlark::environment::Module;
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;

use super::aliases;
use super::calls::{ArgumentSite, CallSite};
use super::draft::Draft;
use super::globals::{Function, Outcome};
use super::lower;
use super::nearest;
use super::problem::{Place, quote};
use super::values::{Desk, Made, Phantom};

pub(in crate::config) use build::OF_A_BUILD;
pub(in crate::config) use field::Given;
pub(in crate::config) use lock::take as take_lock;

/// A call in progress.
pub(in crate::config) struct Call<'v, 'd> {
    pub function: &'static Function,
    values: BTreeMap<&'static str, Value<'v>>,
    /// Named arguments of a function that takes any.
    rest: Vec<(String, Value<'v>)>,
    /// Arguments that were meant by others, which was reported.
    meant: BTreeSet<&'static str>,
    site: CallSite,
    desk: &'d Desk,
    module: &'d Module<'v>,
}

/// Calls a native function.
///
/// # Errors
/// Only when Starlark itself refuses the arguments, or when no configuration is being loaded.
pub(in crate::config) fn invoke<'v>(
    function: &'static Function,
    arguments: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    let Some(desk) = eval.extra.and_then(|extra| extra.downcast_ref::<Desk>()) else {
        return Err(starlark::Error::new_other(anyhow::anyhow!(
            "{}() can be called only while the configuration is loaded, not by a function of a build or change",
            function.name
        )));
    };
    let heap = eval.heap();
    let site = eval
        .call_stack_top_location()
        .map_or_else(CallSite::default, |span| desk.0.borrow().calls.site(&span));
    let mut call = Call {
        function,
        values: BTreeMap::new(),
        rest: Vec::new(),
        meant: BTreeSet::new(),
        site,
        desk,
        module: eval.module(),
    };
    let positional: Vec<Value<'v>> = arguments.positions(heap)?.collect();
    let named: Vec<(String, Value<'v>)> = arguments
        .names_map()?
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), *value))
        .collect();
    if function.is_later() {
        call.haunt(&positional, &named);
        call.problem_here(
            format!("`{}` is not there yet in this version of linn", function.name),
            "leave it out",
        );
        return Ok(heap.alloc(Phantom));
    }
    if desk.1.is_some() && !function.group.is_of_a_build() {
        return Err(starlark::Error::new_other(anyhow::anyhow!(
            "{}() declares something, which only the configuration itself can; a function of a build may make steps",
            function.name
        )));
    }
    call.bind(&positional, named);
    Ok(match (function.call)(&mut call) {
        Outcome::Nothing => Value::new_none(),
        Outcome::Text(text) => heap.alloc(text),
        Outcome::Texts(texts) => heap.alloc(texts),
        Outcome::Product(product) => heap.alloc(Made(product)),
        Outcome::Mistake => heap.alloc(Phantom),
    })
}

/// Calls what is not there: its arguments are looked at only for a name that it might have declared.
///
/// # Errors
/// When Starlark itself refuses the arguments.
pub(in crate::config) fn invoke_phantom<'v>(
    arguments: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    let heap = eval.heap();
    if let Some(desk) = eval.extra.and_then(|extra| extra.downcast_ref::<Desk>()) {
        let name = arguments.positions(heap)?.next().or_else(|| {
            let names = arguments.names_map().ok()?;
            names.iter().find(|(name, _)| name.as_str() == "name").map(|(_, value)| *value)
        });
        if let Some(name) = name.and_then(Value::unpack_str) {
            desk.0.borrow_mut().phantoms.insert(name.to_owned());
        }
    }
    Ok(heap.alloc(Phantom))
}

impl<'v> Call<'v, '_> {
    fn haunt(&mut self, positional: &[Value<'v>], named: &[(String, Value<'v>)]) {
        let by_name = || named.iter().find(|(name, _)| name == "name").map(|(_, value)| *value);
        let name = positional.first().copied().or_else(by_name).and_then(Value::unpack_str);
        if let Some(name) = name {
            self.draft().phantoms.insert(name.to_owned());
        }
    }

    fn bind(&mut self, positional: &[Value<'v>], named: Vec<(String, Value<'v>)>) {
        let parameters: Vec<_> = self.function.parameters().collect();
        for (index, value) in positional.iter().enumerate() {
            if index < self.function.positional {
                self.values.insert(parameters[index].name, *value);
                continue;
            }
            let place = self.positional_place(index);
            let message = match self.function.positional {
                0 => format!("`{}` takes no argument without a name", self.function.name),
                1 => format!("`{}` takes one argument without a name", self.function.name),
                n => format!("`{}` takes {n} arguments without names", self.function.name),
            };
            let next = parameters.get(index).map_or("name", |parameter| parameter.name);
            self.meant.insert(next);
            self.draft().problem(&place, message, format!("write `{next} = ...`"));
            break;
        }
        for (name, value) in named {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                if self.function.open {
                    self.rest.push((name, value));
                    continue;
                }
                let known: Vec<&'static str> = parameters
                    .iter()
                    .filter(|parameter| !parameter.later)
                    .map(|parameter| parameter.name)
                    .collect();
                let message = format!("`{}` has no argument {}", self.function.name, quote(&name));
                let meant = aliases::argument(&name, &known)
                    .or_else(|| nearest::nearest(&name, known.iter().copied()));
                let hint = match meant {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => self.function.takes(),
                };
                self.problem(&name, message, hint);
                self.meant.extend(meant);
                continue;
            };
            if parameter.later {
                let message = format!(
                    "`{name}` of `{}` is not there yet in this version of linn",
                    self.function.name
                );
                self.problem(&name, message, "leave it out");
            } else if self.values.insert(parameter.name, value).is_some() {
                let message = format!("`{name}` of `{}` is given twice", self.function.name);
                self.problem(&name, message, "give it once");
            }
        }
    }

    fn positional_place(&self, index: usize) -> Place {
        self.site
            .positional
            .get(index)
            .map_or_else(|| self.site.place.clone(), |argument| argument.place.clone())
    }

    fn argument(&self, parameter: &str) -> Option<&ArgumentSite> {
        self.site.named.get(parameter).or_else(|| {
            let index =
                self.function.parameters().position(|candidate| candidate.name == parameter)?;
            (index < self.function.positional).then(|| self.site.positional.get(index)).flatten()
        })
    }

    /// Where the call stands.
    pub(in crate::config) fn here(&self) -> Place {
        self.site.place.clone()
    }

    /// Where an argument stands.
    pub(in crate::config) fn place(&self, parameter: &str) -> Place {
        self.argument(parameter).map_or_else(|| self.here(), |argument| argument.place.clone())
    }

    /// Where an element of a list stands, as nearly as the text tells.
    pub(in crate::config) fn element_place(&self, parameter: &str, index: usize) -> Place {
        self.argument(parameter)
            .and_then(|argument| argument.elements.get(index))
            .map_or_else(|| self.place(parameter), Clone::clone)
    }

    /// What is being put together.
    pub(in crate::config) fn draft(&self) -> std::cell::RefMut<'_, Draft> {
        self.desk.0.borrow_mut()
    }

    /// Something is wrong with the call as a whole.
    pub(in crate::config) fn problem_here(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.draft().problem(&self.site.place, message, hint);
    }

    /// Something is wrong with an argument.
    pub(in crate::config) fn problem(
        &self,
        parameter: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = self.place(parameter);
        self.draft().problem(&place, message, hint);
    }

    /// An argument is of the wrong type.
    fn mistyped(&self, parameter: &str, wanted: &str, value: Value<'v>, hint: impl Into<String>) {
        let message = format!(
            "`{parameter}` of `{}` must be {wanted}, not {}",
            self.function.name,
            lower::describe(value)
        );
        self.problem(parameter, message, hint);
    }

    /// The argument, unless it was left out or is a mistake that was reported elsewhere. `None` counts as given.
    fn given(&self, parameter: &str) -> Option<Value<'v>> {
        debug_assert!(
            self.function.parameters().any(|known| known.name == parameter),
            "`{parameter}` is in the table of `{}`",
            self.function.name
        );
        let value = *self.values.get(parameter)?;
        Phantom::from_value(value).is_none().then_some(value)
    }

    /// The argument, unless it was left out, is a mistake, or is `None`.
    fn present(&self, parameter: &str) -> Option<Value<'v>> {
        self.given(parameter).filter(|value| !value.is_none())
    }

    /// Whether something was written, be it right or wrong.
    pub(in crate::config) fn is_written(&self, parameter: &str) -> bool {
        self.values.get(parameter).is_some_and(|value| !value.is_none())
    }

    /// Whether anything was written, `None` too: where that overrules what was said before.
    pub(in crate::config) fn is_given(&self, parameter: &str) -> bool {
        self.values.contains_key(parameter)
    }

    /// Whether an empty text was written.
    pub(in crate::config) fn is_blank(&self, parameter: &str) -> bool {
        self.present(parameter).and_then(Value::unpack_str) == Some("")
    }

    /// Whether a list without anything in it was written.
    pub(in crate::config) fn is_bare(&self, parameter: &str) -> bool {
        self.present(parameter).and_then(lower::elements).is_some_and(<[_]>::is_empty)
    }

    /// An argument that must be given was not.
    pub(in crate::config) fn missing(&self, parameter: &str) {
        if self.meant.contains(parameter) {
            return;
        }
        let message = format!("`{}` needs `{parameter}`", self.function.name);
        let example = self
            .function
            .parameters()
            .find(|known| known.name == parameter)
            .map_or(String::new(), |known| {
                format!("write `{parameter} = {}`", known.kind.sample())
            });
        self.problem_here(message, example);
    }

    /// The elements of a list, or the one value that stands for a list of it, each with its place.
    fn each(&self, parameter: &str) -> Option<Vec<(Value<'v>, Place)>> {
        let value = self.present(parameter)?;
        let Some(items) = lower::elements(value) else {
            return Some(vec![(value, self.place(parameter))]);
        };
        let placed = items.iter().enumerate();
        Some(
            placed
                .filter(|(_, item)| Phantom::from_value(**item).is_none())
                .map(|(index, item)| (*item, self.element_place(parameter, index)))
                .collect(),
        )
    }
}

/// The name of a module's variable that holds a kept function; no file can write it.
pub(in crate::config) fn slot(index: u32) -> String {
    format!("function {index}")
}
