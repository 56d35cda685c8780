//! `retention`, and `log_retention` of `master`: how long history is kept (JN-2 better). Without any, all of it is.

use std::collections::BTreeMap;

use linn_core::config::{HistoryKind, Limit, Retention};
use linn_core::time::Span;

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "retention",
    group: Group::Site,
    doc: "How long history is kept: by age, by count, or by both, and then only what both say is old goes. Without it all is \
          kept. It may be called more than once: of two calls that speak of the same history of a builder the later holds, and \
          `None` keeps it for ever. What a running or waiting build needs, what the next build is compared to, and what is pinned with \
          `linn pin` always stays. New rules delete nothing for a day; `linn retention` shows what they will.",
    positional: 0,
    parameters: &[RETENTION],
    open: false,
    example: "retention(builds = \"365d\", builds_kept = 100, logs = \"180d\", artifacts = \"30d\", changes = \"365d\")\n\
              retention(builders = [\"release-*\"], builds = None, artifacts = \"730d\")",
    call: retention,
}];

static RETENTION: &[Parameter] = &[
    param(
        "builders",
        Type::Patterns,
        "all",
        "Of which builders, also such as are declared no more.",
    ),
    param(
        "builds",
        Type::Duration,
        "None",
        "Builds that ended longer ago go, with their logs and artifacts.",
    ),
    param(
        "builds_kept",
        Type::Int,
        "no limit",
        "So many of the newest builds of each builder stay, and older ones go.",
    ),
    param(
        "logs",
        Type::Duration,
        "None",
        "The logs of builds that ended longer ago go, and the builds stay.",
    ),
    param(
        "logs_kept",
        Type::Int,
        "no limit",
        "So many of the newest builds of each builder keep their logs.",
    ),
    param("artifacts", Type::Duration, "None", "The artifacts of builds that ended longer ago go."),
    param(
        "artifacts_kept",
        Type::Int,
        "no limit",
        "So many of the newest builds of each builder keep their artifacts.",
    ),
    param(
        "statistics",
        Type::Duration,
        "None",
        "What builds counted that ended longer ago goes; it outlives its builds.",
    ),
    param(
        "statistics_kept",
        Type::Int,
        "no limit",
        "What so many of the newest builds of each builder counted stays.",
    ),
    param(
        "changes",
        Type::Duration,
        "None",
        "Changes that came longer ago go, unless something that stays names them.",
    ),
    param("changes_kept", Type::Int, "no limit", "So many of the newest changes stay."),
];

fn retention(call: &mut Call<'_, '_>) -> Outcome {
    let mut limits = BTreeMap::new();
    let mut written = false;
    for what in HistoryKind::ALL {
        let (age, kept) = (what.word(), format!("{}_kept", what.word()));
        if !call.is_given(age) && !call.is_given(&kept) {
            continue;
        }
        written = true;
        let limit = Limit { age: span(call, age), kept: call.count(&kept, 1) };
        limits.insert(what, limit);
    }
    if !written {
        call.problem_here(
            "`retention` says nothing of what goes",
            "write for example retention(logs = \"180d\")",
        );
    }
    let builders = call.patterns("builders");
    if call.is_written("builders") {
        for what in ["changes", "changes_kept"].into_iter().filter(|what| call.is_written(what)) {
            call.problem(
                what,
                "changes belong to no builder",
                "write it in a call of `retention` without `builders`",
            );
        }
        if builders.is_empty() {
            call.problem(
                "builders",
                "this names no builder",
                "leave `builders` out to mean all of them",
            );
        }
        let named = call.texts("builders").unwrap_or_default();
        let named = named.into_iter().filter(|(name, _)| !name.contains(['*', '?', '[']));
        call.draft().kept_builders.extend(named);
    }
    call.draft().config.retention.push(Retention { builders, limits });
    Outcome::Nothing
}

/// An age: some time.
fn span(call: &Call<'_, '_>, parameter: &str) -> Option<Span> {
    let span = call.duration(parameter).flatten()?;
    if span <= Span::ZERO {
        call.problem(
            parameter,
            "nothing is older than it is: all of it would go at its end",
            "write for example \"30d\", or `None` to keep it for ever",
        );
        return None;
    }
    Some(span)
}

/// `master(log_retention = ...)` is `retention(logs = ...)` before all others.
pub(super) fn of_site(call: &Call<'_, '_>) -> Option<Retention> {
    if !call.is_written("log_retention") {
        return None;
    }
    let limit = Limit { age: span(call, "log_retention"), kept: None };
    Some(Retention { builders: Vec::new(), limits: [(HistoryKind::Logs, limit)].into() })
}
