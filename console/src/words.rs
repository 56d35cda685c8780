//! Sentences about builds, changes and people, the same on every screen and in the feed.

use std::fmt::Write as _;

use linn_proto::{
    common::{Results, SourceStamp},
    entity::{Build, Change, Step, StepState, Wait},
};

use crate::{
    glyph::State,
    logs::telling_step,
    replica::{BuildRef, Replica},
    time,
};

/// How long a name or a revision is shown.
const REVISION: usize = 7;

/// A revision as people say it: the first seven digits of a hash, all of anything else.
pub(crate) fn revision(full: &str) -> &str {
    let is_hash = full.len() >= 12 && full.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &full[..REVISION] } else { full }
}

/// A person's short name: the local part of the mail address, else the first word.
///
/// `Ana Lima <ana@example.org>` → `ana`; `12+ana@users.noreply.github.com` → `ana`.
pub(crate) fn person(author: &str) -> &str {
    let mail = author.split_once('<').map(|(_, rest)| rest.trim_end_matches(['>', ' ']));
    let short = match mail {
        Some(mail) if !mail.is_empty() => {
            let local = mail.split('@').next().unwrap_or(mail);
            local.rsplit('+').next().filter(|part| !part.is_empty()).unwrap_or(local)
        }
        _ => author.split_whitespace().next().unwrap_or(author),
    };
    if short.is_empty() { author } else { short }
}

/// People in one line: `ana, li +2`.
pub(crate) fn people(authors: &[String], at_most: usize) -> String {
    let mut names: Vec<&str> = Vec::new();
    for author in authors {
        let name = person(author);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(at_most);
    names.truncate(at_most);
    let mut text = names.join(", ");
    if more > 0 {
        text = format!("{text} +{more}");
    }
    text
}

/// The first line of a change's comments.
pub(crate) fn subject(change: &Change) -> &str {
    change.comments.trim_start().lines().next().unwrap_or_default()
}

/// What was or is to be built: `main 9f2c1d7`, and what it was asked for as: `main 9f2c1d7 (v1.2)`.
pub(crate) fn source(stamps: &[SourceStamp], build: Option<&Build>) -> String {
    let mut parts = Vec::new();
    for stamp in stamps {
        let got = build.and_then(|build| build.got_revision.get(&stamp.codebase));
        let revision = got.or(stamp.revision.as_ref()).map(|full| revision(full));
        let mut part = String::new();
        if stamps.len() > 1 && !stamp.codebase.is_empty() {
            part.push_str(&stamp.codebase);
            part.push(':');
        }
        part.push_str(stamp.branch.as_deref().unwrap_or("default branch"));
        if let Some(revision) = revision {
            part.push(' ');
            part.push_str(revision);
        }
        if !stamp.requested.is_empty() {
            let _ = write!(part, " ({})", stamp.requested);
        }
        if stamp.patch.is_some() {
            part.push_str(" + patch");
        }
        parts.push(part);
    }
    parts.join(", ")
}

/// How long a build took or runs, by the master's clock.
pub(crate) fn duration_ms(build: &Build, now_ms: i64) -> i64 {
    build.complete_at_ms.unwrap_or(now_ms) - build.started_at_ms
}

/// How long a step took or runs; `None` when it has not begun.
pub(crate) fn step_duration_ms(step: &Step, now_ms: i64) -> Option<i64> {
    Some(step.complete_at_ms.unwrap_or(now_ms) - step.started_at_ms?)
}

/// How far something that runs is, in per cent of its usual time; `None` when unknown or over it.
pub(crate) fn percent(started_ms: i64, usual_ms: Option<i64>, now_ms: i64) -> Option<i64> {
    let usual = usual_ms.filter(|usual| *usual > 0)?;
    let share = (now_ms - started_ms).max(0).saturating_mul(100) / usual;
    (share < 100).then_some(share)
}

/// What happened to a build, without its name: `test: 2 failed`, `build successful`, `in test 61%`.
pub(crate) fn outcome(build: &Build, now_ms: i64) -> String {
    let state = State::of_build(build);
    match state {
        State::Running | State::Lost => {
            let mut text = match build.state() {
                linn_proto::entity::BuildState::Starting => "starting".to_owned(),
                linn_proto::entity::BuildState::Stopping => "is being stopped".to_owned(),
                _ => match build.steps.iter().find(|step| step.state() == StepState::Running) {
                    Some(step) => {
                        let share = step
                            .started_at_ms
                            .and_then(|start| percent(start, step.usual_ms, now_ms));
                        share.map_or_else(
                            || format!("in {}", step.name),
                            |share| format!("in {} {share}%", step.name),
                        )
                    }
                    None => "between steps".to_owned(),
                },
            };
            if state == State::Lost {
                text.push_str(", its worker is away: reconnecting");
            }
            text
        }
        _ => match telling_step(build).filter(|_| state.is_red()) {
            Some(step) if !step.text.is_empty() && step.text != step.name => {
                format!("{}: {}", step.name, step.text)
            }
            _ if !build.text.is_empty() => build.text.clone(),
            Some(step) => format!("failed in {}", step.name),
            None => state.upper().to_lowercase(),
        },
    }
}

/// The blame of a build in a few words: `blame 2: ana, li`. Empty without changes.
pub(crate) fn blame(build: &Build) -> String {
    let authors = match &build.since_good {
        Some(since) if !since.blamelist.is_empty() => &since.blamelist,
        _ => &build.blamelist,
    };
    let count =
        build.since_good.as_ref().map_or(0, |since| since.changes.len()).max(build.changes.len());
    match (count, authors.is_empty()) {
        (0, true) => String::new(),
        (count, true) => format!("blame {count}"),
        (count, false) => format!("blame {}: {}", count.max(1), people(authors, 3)),
    }
}

/// The last good build before a red one: `green #376`, `never green`.
pub(crate) fn last_green(build: &Build) -> Option<String> {
    let since = build.since_good.as_ref()?;
    Some(match BuildRef::parse(&since.build) {
        Some(good) => format!("green #{}", good.number),
        None => "never green".to_owned(),
    })
}

/// Why a request waits, in one sentence.
pub(crate) fn wait(wait: &Wait, now_ms: i64) -> String {
    let until = wait.until_ms.map(|until| time::span(until - now_ms));
    let plain = match wait.kind.as_str() {
        "quiet_period" => "quiet period",
        "no_worker" => "no worker can build it",
        "worker_lost" => "its workers are lost",
        "worker_busy" => "workers busy",
        "worker_paused" => "its workers are paused",
        "worker_draining" => "its workers take nothing new",
        "builder_paused" => "the builder is paused",
        "lock" => "lock",
        "priority" => "others go first",
        "limit" => "limit reached",
        "approval" => "waits for approval",
        "dependency" => "waits for another build",
        "policy" => "a rule of the configuration holds it back",
        "orphaned" => "its builder is gone",
        other => other,
    };
    let mut text = match (wait.detail.is_empty(), wait.kind == "lock") {
        (true, _) => plain.to_owned(),
        (false, true) => format!("lock {}", wait.detail),
        (false, false) => format!("{plain}: {}", wait.detail),
    };
    if let Some(until) = until {
        text = format!("{text}, {until} left");
    }
    text
}

/// The state that a waiting request shows.
pub(crate) fn wait_state(waits: &[Wait]) -> State {
    match waits.first().map(|wait| wait.kind.as_str()) {
        Some("no_worker" | "worker_lost" | "orphaned") => State::Lost,
        Some("lock") => State::Locked,
        Some("worker_paused" | "worker_draining" | "builder_paused") => State::Paused,
        _ => State::Queued,
    }
}

/// The changes of some ids that the replica knows, newest first.
pub(crate) fn changes<'a>(replica: &'a Replica, ids: &[u64]) -> Vec<&'a Change> {
    let mut changes: Vec<&Change> = ids.iter().filter_map(|id| replica.changes.get(id)).collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.id));
    changes
}

/// A result as a word of prose.
pub(crate) fn result(results: Results) -> &'static str {
    State::of_results(results).map_or("running", State::upper)
}

/// `1 build`, `3 builds`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `1 line`, `1 200 lines`.
pub(crate) fn lines(number: u64) -> String {
    let noun = if number == 1 { "line" } else { "lines" };
    format!("{} {noun}", time::grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_short() {
        assert_eq!(person("Ana Lima <ana@example.org>"), "ana");
        assert_eq!(person("12+ben@users.noreply.github.com"), "12+ben@users.noreply.github.com");
        assert_eq!(person("Ben <12+ben@users.noreply.github.com>"), "ben");
        assert_eq!(person("Kim Oh"), "Kim");
        let all = ["A <ana@x>".into(), "B <ben@x>".into(), "A. <ana@y>".into(), "C <li@x>".into()];
        assert_eq!(people(&all, 2), "ana, ben +1");
    }

    #[test]
    fn revisions_are_short_and_names_are_not() {
        assert_eq!(revision("41b0e226c1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "41b0e22");
        assert_eq!(revision("r1234"), "r1234");
    }

    #[test]
    fn waits_are_sentences() {
        let busy = Wait { kind: "worker_busy".into(), detail: "w-mac-01".into(), until_ms: None };
        assert_eq!(wait(&busy, 0), "workers busy: w-mac-01");
        let quiet =
            Wait { kind: "quiet_period".into(), detail: String::new(), until_ms: Some(18_000) };
        assert_eq!(wait(&quiet, 0), "quiet period, 0:18 left");
    }
}
