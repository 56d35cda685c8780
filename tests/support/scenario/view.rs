//! What a scenario can look at: `show waits`, `show requests`, `show locks`, `show build b#1`, `show properties b#1`,
//! `show blame b#1`, `show eta b#1`, `show command b#1`, `show worker w`, `show schedulers`, `show explain main r1 files=a`;
//! `show plan` is the stage's.

use std::fmt::{Debug, Write as _};

use linn_core::config::LockMode;
use linn_core::hooks::Hooks;
use linn_core::id::{BuildRef, ChangeId};
use linn_core::lock::LockView;
use linn_core::master::Master;
use linn_core::model::{Build, BuildRequest, BuildState, CommandWhat, NOT_RUN};
use linn_core::results::Results;
use linn_core::state::Tables;
use linn_core::time::Timestamp;
use linn_core::{eta, schedule, timers};

use super::Event;
use super::stage::{hypothetical, since_begin};

/// The lines that a `show` event gives.
pub(super) fn show(
    master: &Master,
    hooks: &dyn Hooks,
    now: Timestamp,
    event: &Event,
) -> Result<Vec<String>, String> {
    let build = || -> Result<&Build, String> {
        let (builder, number) = event.word(1)?.split_once('#').ok_or("show what build?")?;
        let number = number.parse().map_err(|_| "show what build?".to_owned())?;
        let reference = BuildRef { builder: builder.into(), number };
        master.state().build_by_ref(&reference).ok_or_else(|| format!("there is no {reference}"))
    };
    Ok(match event.word(0)? {
        "change" => {
            let id = event.word(1)?.parse().map_err(|_| "no number")?;
            let change = master.state().change(ChangeId(id)).ok_or("there is no such change")?;
            let (codebase, repository) = (&change.codebase, &change.repository);
            vec![format!("change {id} of {codebase} in {repository} at {}", change.revlink)]
        }
        "waits" => waits(master),
        "locks" => master.locks().iter().map(lock_line).collect(),
        "requests" => master.state().requests().map(request_line).collect(),
        "build" => build_lines(build()?),
        "properties" => build()?
            .properties
            .iter()
            .map(|(name, property)| {
                format!("{name} = {} ({})", property.value, property.source.word())
            })
            .collect(),
        "blame" => {
            let blame = &build()?.blame;
            let good = blame.since_good.build.as_ref().map_or("never".into(), ToString::to_string);
            vec![
                format!("new: changes {} by {}", ids(&blame.changes), people(&blame.blamelist)),
                format!(
                    "since good {good}: changes {} by {}",
                    ids(&blame.since_good.changes),
                    people(&blame.since_good.blamelist)
                ),
            ]
        }
        "command" => command(build()?),
        "worker" => vec![worker(master, event.word(1)?)],
        "explain" => {
            schedule::explain(master.state(), master.config(), &hypothetical(event)?, hooks)
                .iter()
                .map(|it| {
                    let takes = if it.takes { "takes it" } else { "does not take it" };
                    let important = if it.important { ", important" } else { "" };
                    let rule = if it.rule.is_empty() {
                        String::new()
                    } else {
                        format!(": {}: {}", it.rule, it.detail)
                    };
                    format!("{} {takes}{important}{rule}", it.scheduler)
                })
                .collect()
        }
        "schedulers" => schedulers(master),
        "said" => said_lines(master, build()?),
        "eta" => {
            let build = build()?;
            let due = eta::build_eta(build, &eta::usual(master.state(), &build.builder), now);
            vec![due.map_or("unknown".into(), |due| format!("at {}", since_begin(due)))]
        }
        other => return Err(format!("`{other}` cannot be shown")),
    })
}

fn schedulers(master: &Master) -> Vec<String> {
    let state = master.state();
    let line = |scheduler: &linn_core::config::Scheduler| {
        let mut line = format!("{} {}", scheduler.name, scheduler.kind.word());
        if !schedule::is_enabled(state, scheduler) {
            line.push_str(" disabled");
        }
        if let Some(at) = timers::next_fire(state, scheduler) {
            let _ = write!(line, " fires at {} ({at})", since_begin(at));
        }
        let waiting: Vec<_> = state.waiting_of(&scheduler.name).map(|(id, _)| id).collect();
        if !waiting.is_empty() {
            let _ = write!(line, " keeps {}", ids(&waiting));
        }
        line
    };
    master.config().schedulers.iter().map(line).collect()
}

fn waits(master: &Master) -> Vec<String> {
    let mut lines = Vec::new();
    for request in master.state().waiting_requests() {
        for wait in master.waits(request.id) {
            let until =
                wait.until.map_or(String::new(), |until| format!(" until {}", since_begin(until)));
            lines.push(format!(
                "request {} {}: {}: {}{until}",
                request.id,
                request.builder,
                wait.kind.word(),
                wait.detail
            ));
        }
    }
    lines
}

fn lock_line(lock: &LockView) -> String {
    let shares = |shares: &[(String, LockMode)]| {
        let shares = shares.iter().map(|(who, mode)| format!("{who} ({mode})"));
        let all = shares.collect::<Vec<_>>().join(", ");
        if all.is_empty() { "nobody".to_owned() } else { all }
    };
    format!(
        "{} of {}: held by {}; waiting {}",
        lock.key,
        lock.capacity,
        shares(&lock.holders),
        shares(&lock.waiters)
    )
}

fn request_line(request: &BuildRequest) -> String {
    let mut line = format!("request {} {}", request.id, request.builder);
    if request.priority != 0 {
        let _ = write!(line, " priority {}", request.priority);
    }
    let state = match (request.results, request.claimed_at) {
        (Some(results), _) => results.word(),
        (None, Some(_)) => "claimed",
        (None, None) => "waiting",
    };
    let _ = write!(line, ": {state}");
    if let Some(into) = request.merged_into {
        let _ = write!(line, ", merged into {into}");
    }
    line
}

fn build_lines(build: &Build) -> Vec<String> {
    let mut head = format!("{} {:?} attempt {}", build.reference(), build.state(), build.attempt);
    if build.state() == BuildState::Finished {
        let _ = write!(head, " {}: {}", build.results, build.text);
    }
    let steps = build.steps.iter().map(|step| {
        let name = format!("  {} {}", step.number, step.name);
        let hidden = if step.hidden { " hidden" } else { "" };
        match step.results {
            Some(results) => format!("{name} {results}{hidden}: {}", step.text),
            None if build.left_out(step) => format!("{name} {}: {NOT_RUN}", Results::Skipped),
            None => format!("{name} {:?}", step.state()),
        }
    });
    std::iter::once(head).chain(steps).collect()
}

/// What steps said besides their ends.
fn said_lines(master: &Master, build: &Build) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &build.steps {
        let numbers = step.statistics.iter().map(|(name, value)| format!("{name} {value}"));
        let urls = step.urls.iter().map(|url| format!("{} {}", url.name, url.url));
        let logs = step.logs.iter().map(|log| format!("log {}", log.name));
        lines.extend(logs.chain(urls).chain(numbers).map(|it| format!("{}: {it}", step.name)));
    }
    lines.extend(master.progress(build.id).map(|share| format!("progress {share}")));
    lines
}

fn worker(master: &Master, name: &str) -> String {
    let Some(worker) = master.state().worker(&name.into()) else {
        return format!("{name} is not known");
    };
    let place = match (worker.connected_at, worker.was_seen()) {
        (Some(_), _) => "connected",
        (None, true) => "away",
        (None, false) => "never seen",
    };
    let hold = worker.hold.as_ref().map_or(String::new(), |hold| {
        format!(", {}: {}", if hold.draining { "drained" } else { "paused" }, hold.reason)
    });
    let rest = worker.quarantine.as_ref().map_or(String::new(), |rest| match rest.until {
        Some(_) => format!(", {}", rest.words()),
        None => format!(", {} bad in a row", rest.builds),
    });
    format!("{name} {place}{hold}{rest}")
}

fn command(build: &Build) -> Vec<String> {
    let spec = build.steps.iter().rev().find_map(|step| step.spec.as_ref());
    let Some(spec) = spec else { return vec!["none".into()] };
    let spec = spec.with_secrets(|name| format!("<{name}>"));
    match &spec.what {
        CommandWhat::Shell(shell) => {
            let mut lines = vec![format!("run {:?} in {:?}", shell.argv, shell.workdir)];
            lines.extend(shell.env.iter().map(|entry| match &entry.value {
                Some(value) if entry.prepend => {
                    format!("  env {} = {value} before what is there", entry.name)
                }
                Some(value) => format!("  env {} = {value}", entry.name),
                None => format!("  env {} removed", entry.name),
            }));
            lines
        }
        CommandWhat::Checkout(checkout) => vec![format!(
            "checkout {} branch {} revision {} {}",
            checkout.repository,
            checkout.branch.as_deref().unwrap_or("-"),
            checkout.revision.as_deref().unwrap_or("-"),
            checkout.method
        )],
        CommandWhat::Files(files) => vec![files.shown()],
        CommandWhat::Upload(upload) => vec![format!("{upload:?}")],
        CommandWhat::Download(download) => vec![format!("{download:?}")],
        CommandWhat::Here(here) => vec![format!("here {here:?}")],
    }
}

fn ids<T: ToString>(ids: &[T]) -> String {
    if ids.is_empty() {
        return "none".into();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn people(people: &[String]) -> String {
    if people.is_empty() { "nobody".into() } else { people.join(", ") }
}

/// Which tables differ, each with both sides.
pub(super) fn differ(store: &Tables, state: &Tables) -> String {
    let mut text = String::new();
    let mut part = |name: &str, a: &dyn Debug, b: &dyn Debug| {
        let (a, b) = (format!("{a:?}"), format!("{b:?}"));
        if a != b {
            let _ = writeln!(text, "{name}\n  store: {a}\n  state: {b}");
        }
    };
    part("changes", &store.changes, &state.changes);
    part("keys", &store.keys, &state.keys);
    part("commits", &store.commits, &state.commits);
    part("buildsets", &store.buildsets, &state.buildsets);
    part("requests", &store.requests, &state.requests);
    part("builds", &store.builds, &state.builds);
    part("built", &store.built, &state.built);
    part("workers", &store.workers, &state.workers);
    part("waiting", &store.waiting, &state.waiting);
    part("standings", &store.standings, &state.standings);
    part("sources", &store.sources, &state.sources);
    part("answers", &store.answers, &state.answers);
    part("last", &store.last, &state.last);
    part("numbers", &store.numbers, &state.numbers);
    part("config", &store.config, &state.config);
    text
}
