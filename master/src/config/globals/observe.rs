//! What a step makes of what its program writes: `set_property_from_command` (F17).

use linn_core::config::{Flags, FromCommand, Observe};

use super::shell::{COMMAND, SHELL, run_observed};
use super::step::{COMMON, NAME};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "set_property_from_command",
    group: Group::Steps,
    doc: "As `shell`; what the command prints becomes a property when it does well, or whatever `extract` makes of it. Standard error is no part of that, but for a step with `use_pty`.",
    positional: 1,
    parameters: &[NAME, COMMAND, FROM_COMMAND, SHELL, COMMON],
    open: false,
    example: "set_property_from_command(property = \"version\", command = [\"git\", \"describe\", \"--tags\"])",
    call: from_command,
}];

static FROM_COMMAND: &[Parameter] = &[
    param(
        "property",
        Type::Text,
        "None",
        "Which property its standard output becomes; 64 KiB at most.",
    ),
    param("strip", Type::Flag, "True", "Without the white space around it."),
    param(
        "extract",
        Type::Function,
        "None",
        "Instead of `property`: `f(rc, stdout, stderr)` gives a dictionary of properties, however the command exits. It sees the first 64 KiB of each.",
    ),
];

fn from_command(call: &mut Call<'_, '_>) -> Outcome {
    let name = call.text("property");
    let extract = call.hook("extract", "rc, stdout, stderr");
    let property = match (name, extract) {
        (Some(_), Some(_)) => {
            call.problem(
                "extract",
                "`property` and `extract` exclude each other",
                "let the function return {\"name\": value}, and leave `property` out",
            );
            None
        }
        (Some(name), None) if name.is_empty() => {
            call.problem(
                "property",
                "the property has no name",
                "write for example `property = \"version\"`",
            );
            None
        }
        (Some(name), None) => Some(FromCommand::Property { name, strip: call.flag("strip", true) }),
        (None, Some(hook)) => Some(FromCommand::Extract(hook)),
        (None, None) => {
            if !call.is_written("property") && !call.is_written("extract") {
                call.missing("property");
            }
            None
        }
    };
    if call.is_written("strip") && call.is_written("extract") {
        call.problem("strip", "`strip` has no meaning beside `extract`", "leave it out");
    }
    run_observed(call, None, Flags::default(), Observe { property, ..Observe::default() })
}
