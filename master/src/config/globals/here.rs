//! The steps that happen on the master: `assert_that` (contract.md F17, F40).

use linn_core::config::{Flags, StepKind, TemplateValue};
use serde_json::Value as Json;

use super::step::{COMMON, NAME, step};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "assert_that",
    group: Group::Steps,
    doc: "Fails when a value is not true, as Python sees it: `None`, `False`, 0 and empty things are not. Happens on the master.",
    positional: 1,
    parameters: &[NAME, CHECK, COMMON],
    open: false,
    example: "assert_that(\"on a release branch\", check = lambda build: build.properties[\"branch\"].startswith(\"release/\"))",
    call: assert_that,
}];

static CHECK: &[Parameter] =
    &[param("check", Type::Value, "", "A value, `prop(...)`, or a function of the build.")];

fn assert_that(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("check") {
        call.missing("check");
    }
    let check = call.template("check").unwrap_or(TemplateValue::Plain(Json::Bool(true)));
    step(call, StepKind::Assert(check), Flags::default())
}
