//! User-written policy: pure, bounded, by name. Starlark in the master, closures in tests.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::StepSpec;
use crate::id::ConfigDigest;

/// A function of one generation of the configuration. Old generations stay callable (D9).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct HookId {
    /// Which generation.
    pub config: ConfigDigest,
    /// Which function of it, in the order found.
    pub index: u32,
    /// What people call it: `is_code at master.star:12`.
    pub label: String,
}

/// What a function is given.
#[derive(Clone, PartialEq, Debug)]
pub enum Argument {
    /// An object whose keys become attributes, one level deep (`build.properties`, `change.files`); what is nested
    /// stays a dictionary, but for `builder` and each of `sources`, which are objects too.
    Object(Value),
    /// As it is.
    Plain(Value),
    /// Several, as a list.
    List(Vec<Self>),
}

/// Why a function gave no value: a clause that follows `the function F at FILE:LINE failed:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookError {
    /// What went wrong and where.
    pub what: String,
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for HookError {}

/// Calls functions of the configuration.
pub trait Hooks {
    /// Calls one.
    ///
    /// # Errors
    /// When it errs, runs over its budget, or is of a generation that is not loaded.
    fn call(&self, hook: &HookId, arguments: &[Argument]) -> Result<Value, HookError>;

    /// Calls one that returns steps (F39).
    ///
    /// # Errors
    /// As [`Hooks::call`], and when what it returns are no steps.
    fn steps(&self, _: &HookId, _: &[Argument]) -> Result<Vec<StepSpec>, HookError> {
        Err(HookError { what: "it cannot make steps here".to_owned() })
    }
}

/// No functions at all: every call errs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn call(&self, _: &HookId, _: &[Argument]) -> Result<Value, HookError> {
        Err(HookError { what: "it is not loaded".to_owned() })
    }
}
