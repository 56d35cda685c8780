//! What a step's end means: its result, its words, and what it counts for its build (BL-1 to BL-4, BL-7, BL-8). Pure.

use std::collections::BTreeMap;

use super::{Position, told};
use crate::command::WARNINGS_LOG;
use crate::config::{HereStep, StepKind, StepLimits, StepSpec};
use crate::model::{Build, Exit, FinalLog, Log, Said, Step, Stop, Test, Url};
use crate::results::Results;

/// The shortest text that is taken for a revision rather than for a name.
const MIN_REVISION: usize = 7;

/// How a step ended, before its flags are asked.
pub(super) struct Ended {
    pub(super) results: Results,
    pub(super) text: String,
    pub(super) logs: Vec<Log>,
    pub(super) urls: Vec<Url>,
    pub(super) statistics: BTreeMap<String, f64>,
    pub(super) tests: Vec<Test>,
    /// The build counts at least this, whatever the flags say.
    pub(super) at_least: Results,
}

impl Ended {
    pub(super) fn plain(results: Results, text: impl Into<String>) -> Self {
        Self {
            results,
            text: text.into(),
            logs: Vec::new(),
            urls: Vec::new(),
            statistics: BTreeMap::new(),
            tests: Vec::new(),
            at_least: Results::Success,
        }
    }
}

/// What a step that is over counts for its build (BL-1); another revision than was asked for warns by itself (SS-3).
pub(crate) fn counted(build: &Build, step: &Step, spec: Option<&StepSpec>) -> Results {
    let Some(results) = step.results else { return Results::Success };
    let (counted, _) = results.effect(spec.map(|spec| spec.flags).unwrap_or_default());
    if results == Results::Warnings && other_revision(build, spec).is_some() {
        return counted.worst(Results::Warnings);
    }
    counted
}

/// The logs of a step that is over, as they were settled.
pub(super) fn settled(known: &[Log], finals: &[FinalLog], spec: Option<&StepSpec>) -> Vec<Log> {
    let settle = |log: &Log| {
        let mut log = Log { complete: true, ..log.clone() };
        if let Some(end) = finals.iter().find(|end| end.name == log.name) {
            (log.bytes, log.lines, log.dropped) = (end.bytes, end.lines, end.dropped);
        }
        log
    };
    // Where nothing was worth a warning there is no log of warnings. One whose end was not told may still come.
    let told = |log: &Log| finals.iter().any(|end| end.name == log.name);
    let lazy = |log: &Log| match spec.map(|spec| &spec.kind) {
        Some(StepKind::Shell(shell)) if shell.lazy_logfiles => {
            shell.logfiles.iter().any(|file| file.name == log.name)
        }
        _ => false,
    };
    let may_go = |log: &Log| log.name == WARNINGS_LOG || lazy(log);
    let is_empty = |log: &Log| may_go(log) && log.bytes == 0 && told(log);
    known.iter().map(settle).filter(|log| !is_empty(log)).collect()
}

/// BL-7, BL-8, PR-2, LW-1: the result and its words.
pub(super) fn outcome(build: &Build, position: &Position, exit: &Exit, said: &Said) -> Ended {
    let spec = position.spec(build);
    let interrupted = matches!(exit, Exit::Interrupted | Exit::Signalled(_));
    // What ended before it heard of the limit counts as it ended: the word of its end may only have been late.
    let in_time = |stop: &Stop| stop.is_limit() && !interrupted && !matches!(exit, Exit::Lost(_));
    if let Some(stop) = &build.stop
        && (!build.ending || interrupted)
        && !in_time(stop)
    {
        // CA-2: however it ended, it was stopped.
        let plain = Ended::plain(stop.results, stopped_text(stop.results, &stop.reason));
        let at_least = if stop.is_limit() { stop.results } else { plain.at_least };
        return Ended { at_least, ..plain };
    }
    let mut ended = match exit {
        Exit::Exited(code) => exited(*code, spec),
        Exit::Signalled(signal) => Ended::plain(Results::Failure, killed_by(*signal)),
        Exit::TimedOutSilent | Exit::TimedOut | Exit::MaxLines => {
            Ended::plain(Results::Failure, beyond(exit, spec.map(|spec| &spec.limits)))
        }
        Exit::Interrupted => Ended::plain(Results::Exception, "interrupted"),
        Exit::NotStarted(why) => Ended::plain(Results::Failure, format!("could not start: {why}")),
        Exit::Failed(why) => Ended::plain(Results::Failure, why.clone()),
        Exit::Unanswered(why) => Ended::plain(Results::Exception, format!("no answer: {why}")),
        Exit::Refused(why) => Ended::plain(Results::Exception, why.clone()),
        Exit::Unfit(why) => Ended::plain(Results::Retry, format!("not run: {why}")),
        Exit::Lost(why) => Ended::plain(Results::Retry, format!("lost: {why}")),
    };
    if !matches!(exit, Exit::Lost(_)) {
        // Tests first: a warning makes no failed test good.
        told::tests(&mut ended, exit, said.tests.as_ref());
        if let Some(StepKind::Shell(shell)) = spec.map(|spec| &spec.kind) {
            told::warnings(&mut ended, shell, said.warnings);
        }
    }
    if let Some(warning) = other_revision(build, spec)
        && ended.results == Results::Success
    {
        // SS-3: what was built is not what was asked for, and everybody should see it.
        ended.results = Results::Warnings;
        ended.text = warning;
        ended.at_least = Results::Warnings;
    }
    ended
}

/// What went wrong on a worker, when a command of it ends so and its step is an exception or to be tried again by that (LW-5);
/// nothing when that is not the worker's doing, or it has taken itself out (F15).
pub(crate) fn trouble(
    build: &Build,
    position: &Position,
    exit: &Exit,
) -> Option<(Results, String)> {
    if matches!(exit, Exit::Unanswered(_) | Exit::Refused(_) | Exit::Unfit(_)) {
        return None;
    }
    let ended = outcome(build, position, exit, &Said::default());
    matches!(ended.results, Results::Exception | Results::Retry)
        .then_some((ended.results, ended.text))
}

/// PR-2: which limit a command went beyond.
fn beyond(exit: &Exit, limits: Option<&StepLimits>) -> String {
    let silence = limits.and_then(|limits| limits.silence);
    let total = limits.and_then(|limits| limits.total);
    let lines = limits.and_then(|limits| limits.max_lines);
    match (exit, silence, total, lines) {
        (Exit::TimedOutSilent, Some(silence), ..) => {
            format!("timed out: no output for {silence}")
        }
        (Exit::TimedOutSilent, ..) => "timed out without output".to_owned(),
        (Exit::TimedOut, _, Some(total), _) => format!("timed out after {total}"),
        (Exit::MaxLines, .., Some(lines)) => format!("more than {lines} lines of output"),
        (Exit::MaxLines, ..) => "too many lines of output".to_owned(),
        _ => "timed out".to_owned(),
    }
}

/// `killed by signal 11 (SEGV)`: the usual ones by name.
fn killed_by(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        15 => "TERM",
        _ => return format!("killed by signal {signal}"),
    };
    format!("killed by signal {signal} ({name})")
}

fn stopped_text(results: Results, reason: &str) -> String {
    let word = if results == Results::Cancelled { "cancelled" } else { "stopped" };
    if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") }
}

fn exited(code: i32, spec: Option<&StepSpec>) -> Ended {
    let decoded = match spec.map(|spec| &spec.kind) {
        Some(StepKind::Shell(shell)) => shell.decode_rc.get(&code).copied(),
        Some(StepKind::Here(HereStep::Shell { decode_rc, .. })) => decode_rc.get(&code).copied(),
        _ => None,
    };
    let results = decoded.unwrap_or(if code == 0 { Results::Success } else { Results::Failure });
    let text = match results {
        Results::Success => "done".to_owned(),
        Results::Failure => format!("failed (exit {code})"),
        other => format!("{} (exit {code})", other.word().to_lowercase()),
    };
    Ended::plain(results, text)
}

/// When a checkout obtained another revision than the pinned one, a sentence about it. A short name of the same
/// revision is the same, and a name that is no revision, as a tag's, says nothing of which it should be (C22).
fn other_revision(build: &Build, spec: Option<&StepSpec>) -> Option<String> {
    let Some(StepKind::Source(git)) = spec.map(|spec| &spec.kind) else { return None };
    if git.always_use_latest {
        return None;
    }
    let stamp = build.stamps.iter().find(|stamp| stamp.codebase == git.codebase)?;
    let asked = stamp.revision.as_deref()?;
    let got = build.got_revision.get(git.codebase.as_str())?;
    let named = asked.len() < MIN_REVISION || !asked.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!named && !got.starts_with(asked)).then(|| format!("built {got}, not {asked} as asked for"))
}
