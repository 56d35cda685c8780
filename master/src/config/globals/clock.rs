//! `periodic_scheduler`, `nightly_scheduler`: builds that go by the clock (PN-*, contract.md F5, F9, F10, F11).

use linn_core::config::{Clock, Pace, SchedulerKind};
use linn_core::cron::{Cron, DayMatch, Zone, zone_names};
use linn_core::id::CodebaseName;
use linn_core::time::Span;
use serde_json::Value as Json;

use super::scheduler::{
    CHOICE, COMMON, FILTER, IMPORTANT, IMPORTANT_FILES, UNIMPORTANT_FILES, declare_of, filter,
    importance,
};
use super::site::{branch, by, mentioned};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;
use crate::config::nearest::nearest;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "periodic_scheduler",
        group: Group::Schedulers,
        doc: "Builds the tip of a branch at once when it is declared first, and then always so long after the last time, which \
              outlives a restart. A time that came while the master was down is made up for at its start.",
        positional: 1,
        parameters: &[COMMON, CHOICE, PERIODIC, CLOCK],
        open: false,
        example: "periodic_scheduler(\"benchmarks\", builders = [\"linux\"], interval = \"6h\", branch = \"main\")",
        call: periodic,
    },
    Function {
        name: "nightly_scheduler",
        group: Group::Schedulers,
        doc: "Builds the tip of a branch at times of day. `at` is cron text: minute, hour, day of the month, month, day of the \
              week; each is `*`, a number, `a-b`, `a,b`, `*/n` or a name such as `mon` or `jan`. Days of the week count from \
              1 = Monday to 7 = Sunday. `L` is the last day of the month, `fri#2` the second Friday, `Lfri` the last one. \
              When both the day of the month and the day of the week leave days out, either is enough; `day_match = \"all\"` \
              wants both. A time that a change of the clock leaves out comes at the end of the gap, one that comes twice \
              counts once. A time that came while the master was down is made up for at its start, once, however many there \
              were.",
        positional: 1,
        parameters: &[COMMON, CHOICE, NIGHTLY, CLOCK],
        open: false,
        example: "nightly_scheduler(\"nightly\", builders = [\"linux\"], at = \"0 3 * * *\", tz = \"Europe/Berlin\", branch = \"main\", only_if_changed = True, force_at = \"0 3 * * sun\")",
        call: nightly,
    },
];

static PERIODIC: &[Parameter] =
    &[param("interval", Type::Duration, "", "From one time to the next; at least one second.")];

static NIGHTLY: &[Parameter] = &[
    param("at", Type::Texts, "", "Cron text, or several."),
    param("tz", Type::Text, "", "The time zone, such as `\"Europe/Berlin\"` or `\"UTC\"`."),
    param(
        "force_at",
        Type::Texts,
        "none",
        "Further times, at which it builds whether something changed or not.",
    ),
    param(
        "day_match",
        Type::Text,
        "\"any\"",
        "`\"all\"`: both the day of the month and the day of the week must match.",
    ),
];

static CLOCK: &[Parameter] = &[
    param("branch", Type::Text, "the default branch", "Of which branch."),
    param("codebase", Type::Text, "all declared", "Of which codebase."),
    param(
        "only_if_changed",
        Type::Flag,
        "False",
        "Leaves a time out when nothing important came in on the branch since the last one. The first time is never left out.",
    ),
    FILTER,
    IMPORTANT,
    IMPORTANT_FILES,
    UNIMPORTANT_FILES,
];

/// When a file says it wrongly, so that one mistake does not cause others.
const SOME_INTERVAL: Span = Span::minutes(60);

fn periodic(call: &mut Call<'_, '_>) -> Outcome {
    let interval = match call.duration("interval") {
        Some(Some(span)) if span >= Span::seconds(1) => span,
        Some(Some(span)) => {
            let message = format!("an interval of {span} is too short");
            call.problem("interval", message, "at least \"1s\"");
            SOME_INTERVAL
        }
        _ => {
            if !call.is_written("interval") {
                call.missing("interval");
            }
            SOME_INTERVAL
        }
    };
    declare(call, SchedulerKind::Periodic, Pace::Every(interval))
}

fn nightly(call: &mut Call<'_, '_>) -> Outcome {
    let day_match = match call.text("day_match").as_deref() {
        None | Some("any") => DayMatch::Any,
        Some("all") => DayMatch::All,
        Some(other) => {
            let message = format!("`day_match` cannot be {}", quote(other));
            call.problem("day_match", message, "\"any\" or \"all\"");
            DayMatch::Any
        }
    };
    for parameter in ["at", "tz"] {
        if !call.is_written(parameter) {
            call.missing(parameter);
        }
    }
    let at = slots(call, "at", day_match);
    let force_at = slots(call, "force_at", day_match);
    needs_a_watch(call, "force_at");
    let zone = call.text("tz").and_then(|name| zone(call, &name));
    match zone.or_else(|| Zone::named("UTC")) {
        Some(zone) => declare(call, SchedulerKind::Nightly, Pace::At { at, force_at, zone }),
        None => Outcome::Mistake,
    }
}

/// Times of day, each checked at its place (contract.md F11).
fn slots(call: &Call<'_, '_>, parameter: &str, day_match: DayMatch) -> Vec<Cron> {
    if parameter == "at" && matches!(call.plain(parameter), Some(Json::Array(it)) if it.is_empty())
    {
        call.problem(parameter, "there is no time of day in `at`", "write `at = \"0 3 * * *\"`");
    }
    let mut slots = Vec::new();
    for (text, place) in call.texts(parameter).unwrap_or_default() {
        match Cron::parse(&text, day_match) {
            Ok(cron) => slots.push(cron),
            Err(error) => call.draft().problem(&place, error.what, error.hint),
        }
    }
    slots
}

fn zone(call: &Call<'_, '_>, name: &str) -> Option<Zone> {
    let zone = Zone::named(name);
    if zone.is_none() {
        let known = zone_names();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "write for example \"Europe/Berlin\", \"America/New_York\" or \"UTC\"".to_owned()
            }
        };
        call.problem("tz", format!("there is no time zone {}", quote(name)), hint);
    }
    zone
}

/// What asks about changes has no meaning where every time is built.
fn needs_a_watch(call: &Call<'_, '_>, parameter: &str) {
    if call.is_written(parameter) && !call.flag("only_if_changed", false) {
        let message = format!("`{parameter}` has no meaning without `only_if_changed = True`");
        let hint = match parameter {
            "force_at" => "add that, or put the times into `at`",
            _ => "add that, or leave it out",
        };
        call.problem(parameter, message, hint);
    }
}

fn declare(call: &Call<'_, '_>, kind: fn(Clock) -> SchedulerKind, pace: Pace) -> Outcome {
    for parameter in ["change_filter", "file_is_important", "important_files", "unimportant_files"]
    {
        needs_a_watch(call, parameter);
    }
    let codebase = mentioned(call, "codebase", Kind::Codebase, &by(call));
    if codebase.is_some() && call.is_written("codebases") {
        call.problem("codebase", "`codebase` and `codebases` speak of the same", "leave one out");
    }
    let clock = Clock {
        pace,
        branch: branch(call, "branch"),
        only_if_changed: call.flag("only_if_changed", false),
        filter: filter(call),
        importance: importance(call),
    };
    declare_of(call, kind(clock), codebase.map(CodebaseName::from))
}
