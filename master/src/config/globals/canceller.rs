//! `cancel_old_builds`, `cancel_failing_buildset`: what is not worth finishing any more (BS-5, BS-6, F26).

use std::collections::BTreeSet;

use linn_core::config::{Canceller, CancellerKind};
use linn_core::id::BuilderName;

use super::site::branch_patterns;
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "cancel_old_builds",
        group: Group::Schedulers,
        doc: "When a newer change of a branch is to be built by one of these builders, what waits or runs there for older changes \
              of that branch is cancelled. What people asked for stays, and so does what a build waits for. The patch sets of a \
              Gerrit change take each other's place.",
        positional: 1,
        parameters: &[BUILDERS, OLD],
        open: false,
        example: "cancel_old_builds(builders = [\"linux\"], branch = [\"feature/*\", \"refs/changes/*\"])",
        call: |call| {
            let branches = branch_patterns(call, "branch");
            declare(call, CancellerKind::Overtaken(branches))
        },
    },
    Function {
        name: "cancel_failing_buildset",
        group: Group::Schedulers,
        doc: "When one of these builders fails, what the others still have to do for the same buildset is cancelled. An exception \
              or a cancelled build does not count.",
        positional: 1,
        parameters: &[BUILDERS],
        open: false,
        example: "cancel_failing_buildset(builders = [\"linux\"])",
        call: |call| declare(call, CancellerKind::Failed),
    },
];

static BUILDERS: &[Parameter] = &[param("builders", Type::Texts, "", "Of which builders.")];

static OLD: &[Parameter] = &[param("branch", Type::Patterns, "any", "Of which branches.")];

fn declare(call: &mut Call<'_, '_>, kind: CancellerKind) -> Outcome {
    if !call.is_written("builders") {
        call.missing("builders");
    }
    let named = call.texts("builders");
    if call.is_bare("builders") && call.draft().phantoms.is_empty() {
        let message = format!("`{}` has no builder", call.function.name);
        let hint = "name one; builders(...) selects those declared above";
        call.problem("builders", message, hint);
    }
    let mut builders = BTreeSet::new();
    for (name, place) in named.unwrap_or_default() {
        call.draft().mention(Kind::Builder, &name, &place, call.function.name);
        builders.insert(BuilderName::from(name));
    }
    call.draft().config.cancellers.push(Canceller { builders, kind });
    Outcome::Nothing
}
