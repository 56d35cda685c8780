//! The functions of every generation still in use, callable by name (`linn_core::hooks::Hooks`).
//!
//! A call gets an evaluator of its own on a heap of its own, with limits counted in ticks rather than in time, so a function
//! that fails fails the same way every time. Nothing a function does can outlive its call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use linn_core::config::StepSpec;
use linn_core::hooks::{Argument, HookError, HookId, Hooks};
use linn_core::id::ConfigDigest;
use serde_json::Value as Json;
use starlark::PrintHandler;
use starlark::environment::Module;
use starlark::eval::Evaluator;
use starlark::values::{Heap, OwnedFrozenValue, Value};

use super::calls::Calls;
use super::draft::Draft;
use super::guard::CALL;
use super::lower;
use super::problem::harmless;
use super::sources::problem_of;
use super::star::limit;
use super::values::{Desk, Made, Product};

/// The largest result, in bytes of JSON.
const MAX_RESULT: usize = 1 << 20;

/// The functions of one generation.
#[derive(Debug)]
pub struct Generation {
    digest: ConfigDigest,
    functions: Vec<OwnedFrozenValue>,
    /// What each is called.
    hooks: Vec<HookId>,
}

impl Generation {
    pub(super) const fn new(
        digest: ConfigDigest,
        functions: Vec<OwnedFrozenValue>,
        hooks: Vec<HookId>,
    ) -> Self {
        Self { digest, functions, hooks }
    }

    /// The name by which a function is kept, if it is.
    pub(super) fn hook_of(&self, function: Value<'_>) -> Option<&HookId> {
        let same = |kept: &OwnedFrozenValue| kept.value().ptr_eq(function);
        self.functions.iter().position(same).and_then(|at| self.hooks.get(at))
    }

    /// Which configuration they are of.
    #[must_use]
    pub const fn digest(&self) -> &ConfigDigest {
        &self.digest
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}

/// All generations that somebody may still call (decision D9).
#[derive(Debug, Default)]
pub struct Library {
    generations: RwLock<BTreeMap<ConfigDigest, Arc<Generation>>>,
}

impl Library {
    /// Holds none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds a generation from now on.
    pub fn insert(&self, generation: Arc<Generation>) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        generations.insert(generation.digest.clone(), generation);
    }

    /// Whether it holds that generation.
    #[must_use]
    pub fn holds(&self, digest: &ConfigDigest) -> bool {
        self.generations.read().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
    }

    /// Lets go of every generation but these.
    pub fn retain(&self, keep: impl Fn(&ConfigDigest) -> bool) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        generations.retain(|digest, _| keep(digest));
    }
}

impl Hooks for Library {
    fn call(&self, hook: &HookId, arguments: &[Argument]) -> Result<Json, HookError> {
        let generation = {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            generations.get(&hook.config).cloned()
        };
        let function = generation
            .as_ref()
            .and_then(|generation| generation.functions.get(hook.index as usize))
            .ok_or_else(|| HookError {
                what: "it belongs to a configuration that is not loaded".to_owned(),
            })?;
        run(function, arguments).map_err(|what| HookError { what })
    }

    fn steps(&self, hook: &HookId, arguments: &[Argument]) -> Result<Vec<StepSpec>, HookError> {
        let generation = {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            generations.get(&hook.config).cloned()
        };
        let unknown =
            || HookError { what: "it belongs to a configuration that is not loaded".to_owned() };
        let generation = generation.ok_or_else(unknown)?;
        let function = generation.functions.get(hook.index as usize).ok_or_else(unknown)?;
        make_steps(&generation, function, arguments).map_err(|what| HookError { what })
    }
}

/// Calls a function that makes steps: what declares a step works there as it does in the file (F39).
fn make_steps(
    generation: &Arc<Generation>,
    function: &OwnedFrozenValue,
    arguments: &[Argument],
) -> Result<Vec<StepSpec>, String> {
    let draft = Draft::new(generation.digest.clone(), Calls::default(), Vec::new());
    let desk = Desk(RefCell::new(draft), Some(Arc::clone(generation)));
    let made = Module::with_temp_heap(|module| {
        let heap = module.heap();
        let explain = |error: starlark::Error| sentence(&error);
        let mut eval = Evaluator::new(&module);
        limit(&mut eval, &CALL).map_err(explain)?;
        eval.set_print_handler(&Silent);
        eval.extra = Some(&desk);
        let arguments: Vec<Value<'_>> =
            arguments.iter().map(|argument| given(heap, argument)).collect();
        let function = heap.access_owned_frozen_value(function);
        let result = eval.eval_function(function, &arguments, &[]).map_err(explain)?;
        steps_of(result)
    });
    // What was reported is why, whatever became of it.
    match desk.0.into_inner().problems.first() {
        Some(problem) => Err(harmless(&problem.to_string(), 400)),
        None => made,
    }
}

/// Steps, in a list or alone.
fn steps_of(value: Value<'_>) -> Result<Vec<StepSpec>, String> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    let alone = [value];
    let items = lower::elements(value).unwrap_or(&alone);
    let step = |item: &Value<'_>| match Made::from_value(*item).map(|made| &made.0) {
        Some(Product::Step(step, _)) => Ok(step.as_ref().clone()),
        _ => Err(format!("what it returned has {}, which is no step", lower::describe(*item))),
    };
    items.iter().map(step).collect()
}

fn run(function: &OwnedFrozenValue, arguments: &[Argument]) -> Result<Json, String> {
    Module::with_temp_heap(|module| {
        let heap = module.heap();
        let explain = |error: starlark::Error| sentence(&error);
        let mut eval = Evaluator::new(&module);
        limit(&mut eval, &CALL).map_err(explain)?;
        eval.set_print_handler(&Silent);
        let arguments: Vec<Value<'_>> =
            arguments.iter().map(|argument| given(heap, argument)).collect();
        let function = heap.access_owned_frozen_value(function);
        let result = eval.eval_function(function, &arguments, &[]).map_err(explain)?;
        let json = lower::json(result).map_err(|why| format!("what it returned {why}"))?;
        bounded(json)
    })
}

/// Only what may be large is measured.
fn bounded(json: Json) -> Result<Json, String> {
    let large = match &json {
        Json::String(text) => text.len() > MAX_RESULT,
        Json::Array(_) | Json::Object(_) => json.to_string().len() > MAX_RESULT,
        _ => false,
    };
    if large { Err("it returned more than 1 MiB".to_owned()) } else { Ok(json) }
}

/// Where it went wrong and why, in one line.
fn sentence(error: &starlark::Error) -> String {
    let problem = problem_of(error, "");
    let hint = if problem.hint.is_empty() { String::new() } else { format!("; {}", problem.hint) };
    let what = harmless(&problem.message, 300);
    if problem.line == 0 {
        return format!("{what}{hint}");
    }
    format!("{}:{}: {what}{hint}", problem.file, problem.line)
}

fn given<'v>(heap: Heap<'v>, argument: &Argument) -> Value<'v> {
    match argument {
        Argument::Object(Json::Object(map)) => {
            lower::record_of(heap, map, |name, item| attribute(heap, name, item))
        }
        Argument::Object(other) | Argument::Plain(other) => lower::value_of(heap, other),
        Argument::List(items) => {
            let items: Vec<_> = items.iter().map(|item| given(heap, item)).collect();
            heap.alloc(items)
        }
    }
}

/// `builder` and each of `sources` have attributes too; what else is nested stays a dictionary.
fn attribute<'v>(heap: Heap<'v>, name: &str, item: &Json) -> Value<'v> {
    let record = |item: &Json| match item {
        Json::Object(map) => lower::record_of(heap, map, |_, item| lower::value_of(heap, item)),
        other => lower::value_of(heap, other),
    };
    match (name, item) {
        ("builder", _) => record(item),
        ("sources", Json::Object(map)) => heap.alloc(starlark::values::dict::AllocDict(
            map.iter().map(|(codebase, stamp)| (codebase.as_str(), record(stamp))),
        )),
        _ => lower::value_of(heap, item),
    }
}

/// `print` has no reader once the configuration is loaded.
struct Silent;

impl PrintHandler for Silent {
    fn println(&self, _text: &str) -> starlark::Result<()> {
        Ok(())
    }
}
