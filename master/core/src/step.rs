//! A step's life: whether it runs, its command, and what its end means (BL-1 to BL-10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::action::Action;
use crate::command::{self, NoCommand};
use crate::config::{Condition, Config, Flags, StepKind, StepLimits, StepSpec, TemplateValue};
use crate::ctx::Ctx;
use crate::id::{BuildId, BuildRef, CommandId, LogId, StepNumber};
use crate::model::{Build, Exit, FinalLog, Finished, Log, Notice, NoticeKind, Step, Stop};
use crate::properties::{MAX_PROPERTY_BYTES, Origin};
use crate::record::Record;
use crate::render::{RenderError, Renderer};
use crate::results::Results;
use crate::state::GOT_REVISION;
use crate::view::truthy;

/// All the steps of a recipe, not begun; doubled names get `_1`, `_2` (BL-9).
pub(crate) fn plan(factory: &[StepSpec]) -> Vec<Step> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut steps = Vec::with_capacity(factory.len());
    for (spec, number) in factory.iter().zip(1..) {
        let mut name = spec.name.clone();
        let mut suffix = 0_u32;
        while !taken.insert(name.clone()) {
            suffix += 1;
            name = format!("{}_{suffix}", spec.name);
        }
        steps.push(Step::planned(StepNumber(number), name));
    }
    steps
}

/// How a step's result counts for its build, and whether the build ends with it (BL-1, BL-3).
pub(crate) fn effect(results: Results, flags: Flags) -> (Results, bool) {
    match results {
        Results::Success | Results::Skipped => (Results::Success, false),
        Results::Warnings if flags.flunk_on_warnings => (Results::Failure, false),
        Results::Warnings if flags.warn_on_warnings => (Results::Warnings, false),
        Results::Warnings => (Results::Success, false),
        Results::Failure => {
            let counted = if flags.flunk_on_failure {
                Results::Failure
            } else if flags.warn_on_failure {
                Results::Warnings
            } else {
                Results::Success
            };
            (counted, flags.halt_on_failure)
        }
        Results::Exception | Results::Retry | Results::Cancelled => (results, true),
    }
}

/// What a step that is over counts for its build (BL-1); another revision than was asked for warns by itself (SS-3).
pub(crate) fn counted(build: &Build, step: &Step, spec: Option<&StepSpec>) -> Results {
    let Some(results) = step.results else { return Results::Success };
    let (counted, _) = effect(results, spec.map(|spec| spec.flags).unwrap_or_default());
    if results == Results::Warnings && other_revision(build, spec).is_some() {
        return counted.worst(Results::Warnings);
    }
    counted
}

/// A step and its recipe.
pub(crate) struct Position {
    pub(crate) build: BuildId,
    pub(crate) number: StepNumber,
    /// The configuration the build began with; `None`: it is not at hand any more.
    pub(crate) config: Option<Arc<Config>>,
}

impl Position {
    fn spec<'a>(&'a self, build: &Build) -> Option<&'a StepSpec> {
        let builder = self.config.as_ref()?.builders.get(&build.builder)?;
        builder.factory.get((self.number.0 as usize).checked_sub(1)?)
    }
}

/// How a step ended, before its flags are asked.
struct Ended {
    results: Results,
    text: String,
    logs: Vec<Log>,
    statistics: BTreeMap<String, f64>,
    /// The build counts at least this, whatever the flags say.
    at_least: Results,
}

impl Ended {
    fn plain(results: Results, text: impl Into<String>) -> Self {
        Self {
            results,
            text: text.into(),
            logs: Vec::new(),
            statistics: BTreeMap::new(),
            at_least: Results::Success,
        }
    }
}

/// Starts a step. One that has no command on a worker is over at once, and so is one that cannot start.
pub(crate) fn start(ctx: &mut Ctx<'_>, position: &Position) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let (Some(spec), Some(config)) = (position.spec(build), position.config.as_deref()) else {
        return end(ctx, position, Ended::plain(Results::Retry, "its recipe is not at hand"));
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    let wanted = match &spec.do_step_if {
        Condition::Is(wanted) => Ok(*wanted),
        Condition::Hook(hook) => renderer.call(hook, build.results).map(|value| truthy(&value)),
    };
    match wanted {
        Ok(true) => {}
        Ok(false) => return end(ctx, position, Ended::plain(Results::Skipped, "not needed")),
        Err(error) => return cannot_start(ctx, position, &error),
    }
    if let StepKind::SetProperties(properties) = &spec.kind {
        return set_properties(ctx, position, properties);
    }
    let last = ctx.state().last();
    let (command, first_log) = (CommandId(last.command + 1), LogId(last.log + 1));
    let Some(builder) = config.builders.get(&build.builder) else { return };
    let name = step_name(build, position.number);
    match command::render(&renderer, builder, spec, &name, command, first_log) {
        Ok(Some(rendered)) => {
            let log = |(name, id): &(String, LogId)| Log {
                id: *id,
                name: name.clone(),
                bytes: 0,
                lines: 0,
                complete: false,
                dropped: 0,
            };
            let session = ctx.live.sessions.of(&build.worker);
            let logs = rendered.spec.logs.iter().map(log).collect();
            let spec = Box::new(rendered.spec);
            begin(ctx, position, rendered.shown, Some(spec.clone()), logs);
            if let Some(session) = session {
                ctx.order(Action::SendCommand { session, spec });
            }
        }
        Ok(None) => {}
        Err(NoCommand::NoStamp(why)) => {
            begin(ctx, position, String::new(), None, Vec::new());
            end(ctx, position, Ended::plain(Results::Failure, why));
        }
        Err(NoCommand::Render(error)) => cannot_start(ctx, position, &error),
    }
}

/// A value or a condition of a step erred: the step is an exception (BL-5, BL-6, F43).
fn cannot_start(ctx: &mut Ctx<'_>, position: &Position, error: &RenderError) {
    begin(ctx, position, String::new(), None, Vec::new());
    if let Some((hook, error)) = &error.hook {
        let build = ctx.state().build(position.build).map(Build::reference);
        ctx.tell_hook(hook, error, "the step is an exception", build);
    }
    end(ctx, position, Ended::plain(Results::Exception, error.what.clone()));
}

/// A step of the master's own: sets properties and is over.
fn set_properties(
    ctx: &mut Ctx<'_>,
    position: &Position,
    properties: &BTreeMap<String, TemplateValue>,
) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    let rendered: Result<Vec<(String, Value)>, RenderError> =
        properties.iter().map(|(name, value)| Ok((name.clone(), renderer.value(value)?))).collect();
    match rendered {
        Ok(values) => {
            let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
            let shown = format!("set {}", names.join(", "));
            begin(ctx, position, shown, None, Vec::new());
            for (name, value) in values {
                set_property(ctx, position.build, name, value);
            }
            let text = described(ctx, position).unwrap_or_else(|| "properties set".to_owned());
            end(ctx, position, Ended::plain(Results::Success, text));
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}

fn begin(
    ctx: &mut Ctx<'_>,
    position: &Position,
    shown: String,
    spec: Option<Box<crate::model::CommandSpec>>,
    logs: Vec<Log>,
) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let record = Record::StepStarted {
        id: build.id,
        build: build.reference(),
        step: position.number,
        name: step_name(build, position.number),
        at: ctx.now,
        shown,
        spec,
        logs,
    };
    ctx.record(record);
}

fn step_name(build: &Build, number: StepNumber) -> String {
    let step = build.steps.iter().find(|step| step.number == number);
    step.map(|step| step.name.clone()).unwrap_or_default()
}

/// Sets a property of a running build, unless it has that value already. One that is too long is not kept, and told
/// (PP-4).
pub(crate) fn set_property(ctx: &mut Ctx<'_>, id: BuildId, name: String, value: Value) {
    let Some(build) = ctx.state().build(id) else { return };
    let known = build.properties.iter().find(|(known, _)| *known == name).map(|(_, it)| it);
    if known.is_some_and(|it| it.value == value && it.source == Origin::Step) {
        return;
    }
    let build = build.reference();
    if serialized_len(&value) > MAX_PROPERTY_BYTES {
        return ctx.tell(too_long(build, &name));
    }
    ctx.record(Record::PropertySet { id, build, name, value, source: Origin::Step });
}

/// PP-4: the build goes on without it, and people see why.
fn too_long(build: BuildRef, name: &str) -> Notice {
    Notice {
        kind: NoticeKind::Master,
        subject: build.to_string(),
        text: format!(
            "the property `{name}` of {build} is longer than {MAX_PROPERTY_BYTES} bytes and was not kept"
        ),
        key: format!("property:{build}:{name}"),
        people: Vec::new(),
        build: Some(build),
        step: String::new(),
    }
}

fn serialized_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        other => other.to_string().len(),
    }
}

/// A command found a property. `got_revision` comes as a map codebase → revision and adds to what is known (C9).
pub(crate) fn property_found(ctx: &mut Ctx<'_>, id: BuildId, name: String, value: Value) {
    let value = match (name.as_str(), value) {
        (GOT_REVISION, Value::Object(found)) => {
            let Some(build) = ctx.state().build(id) else { return };
            let known = build.got_revision.iter();
            let mut all: serde_json::Map<_, _> =
                known.map(|(codebase, at)| (codebase.clone(), at.as_str().into())).collect();
            all.extend(found.into_iter().filter(|(_, at)| at.is_string()));
            Value::Object(all)
        }
        // A checkout that tells its revision alone speaks of the only codebase.
        (GOT_REVISION, Value::String(found)) => {
            let Some(build) = ctx.state().build(id) else { return };
            let codebase = build.stamps.first().map_or("", |stamp| stamp.codebase.as_str());
            serde_json::json!({ codebase: found })
        }
        (_, value) => value,
    };
    let revision = name == GOT_REVISION;
    set_property(ctx, id, name, value);
    if revision {
        crate::build::blame_again(ctx, id);
    }
}

/// A command ended: what that means for its step.
pub(crate) fn finished(ctx: &mut Ctx<'_>, position: &Position, finished: Finished) {
    for (name, value) in finished.properties {
        property_found(ctx, position.build, name, value);
    }
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(step) = build.steps.iter().find(|step| step.number == position.number) else {
        return;
    };
    let logs = settled(&step.logs, &finished.logs);
    let mut ended = outcome(build, position, &finished.exit, &finished.logs);
    if ended.results == Results::Success
        && let Some(text) = described(ctx, position)
    {
        ended.text = text;
    }
    ended.logs = logs;
    end(ctx, position, ended);
}

/// A step ends without word from its worker: stopped, or given up.
pub(crate) fn abandon(ctx: &mut Ctx<'_>, position: &Position, exit: &Exit) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(step) = build.steps.iter().find(|step| step.number == position.number) else {
        return;
    };
    let logs = settled(&step.logs, &[]);
    let ended = outcome(build, position, exit, &[]);
    end(ctx, position, Ended { logs, ..ended });
}

fn settled(known: &[Log], finals: &[FinalLog]) -> Vec<Log> {
    let settle = |log: &Log| {
        let mut log = Log { complete: true, ..log.clone() };
        if let Some(end) = finals.iter().find(|end| end.name == log.name) {
            (log.bytes, log.lines, log.dropped) = (end.bytes, end.lines, end.dropped);
        }
        log
    };
    known.iter().map(settle).collect()
}

/// BL-7, BL-8, PR-2, LW-1: the result and its words.
fn outcome(build: &Build, position: &Position, exit: &Exit, logs: &[FinalLog]) -> Ended {
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
        Exit::Unfit(why) => Ended::plain(Results::Retry, format!("not run: {why}")),
        Exit::Lost(why) => Ended::plain(Results::Retry, format!("lost: {why}")),
    };
    if let Some(StepKind::Shell(shell)) = spec.map(|spec| &spec.kind)
        && shell.warning_pattern.is_some()
        && !matches!(exit, Exit::Lost(_))
    {
        let warnings: u64 = logs.iter().map(|log| log.warnings).sum();
        #[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 warnings")]
        ended.statistics.insert("warnings".to_owned(), warnings as f64);
        if warnings > 0 && ended.results == Results::Success {
            ended.results = Results::Warnings;
            ended.text =
                if warnings == 1 { "1 warning".to_owned() } else { format!("{warnings} warnings") };
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

pub(crate) fn stopped_text(results: Results, reason: &str) -> String {
    let word = if results == Results::Cancelled { "cancelled" } else { "stopped" };
    if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") }
}

fn exited(code: i32, spec: Option<&StepSpec>) -> Ended {
    let decoded = match spec.map(|spec| &spec.kind) {
        Some(StepKind::Shell(shell)) => shell.decode_rc.get(&code).copied(),
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
/// revision is the same.
fn other_revision(build: &Build, spec: Option<&StepSpec>) -> Option<String> {
    let Some(StepKind::Git(git)) = spec.map(|spec| &spec.kind) else { return None };
    if git.always_use_latest {
        return None;
    }
    let stamp = build.stamps.iter().find(|stamp| stamp.codebase == git.codebase)?;
    let asked = stamp.revision.as_deref()?;
    let got = build.got_revision.get(git.codebase.as_str())?;
    (!got.starts_with(asked)).then(|| format!("built {got}, not {asked} as asked for"))
}

/// The words a recipe gives for a step that went well.
fn described(ctx: &Ctx<'_>, position: &Position) -> Option<String> {
    let build = ctx.state().build(position.build)?;
    let spec = position.spec(build)?;
    let words = [&spec.description_done, &spec.description];
    words.into_iter().find(|words| !words.is_empty()).cloned()
}

/// Ends a step: its flags decide what it counts (BL-1), its function whether it is shown (BL-10).
fn end(ctx: &mut Ctx<'_>, position: &Position, ended: Ended) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let spec = position.spec(build);
    let flags = spec.map(|spec| spec.flags).unwrap_or_default();
    let mut results = ended.results;
    let mut text = ended.text;
    let mut erred = None;
    let hidden = match (spec.map(|spec| &spec.hide_step_if), position.config.as_deref()) {
        (Some(Condition::Is(hidden)), _) => *hidden,
        (Some(Condition::Hook(hook)), Some(config)) => {
            let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
            match renderer.call(hook, results) {
                Ok(value) => truthy(&value),
                Err(error) => {
                    results = results.worst(Results::Exception);
                    text.clone_from(&error.what);
                    erred = error.hook;
                    false
                }
            }
        }
        _ => false,
    };
    let (counted, ends) = effect(results, flags);
    let build_results = build.results.worst(counted).worst(ended.at_least);
    let record = Record::StepFinished {
        id: build.id,
        build: build.reference(),
        step: position.number,
        name: step_name(build, position.number),
        at: ctx.now,
        results,
        text,
        logs: ended.logs,
        urls: Vec::new(),
        statistics: ended.statistics,
        hidden,
        build_results,
        ending: build.ending || ends || build.stop.is_some(),
    };
    let reference = build.reference();
    if let Some((hook, error)) = erred {
        ctx.tell_hook(&hook, &error, "the step is an exception", Some(reference));
    }
    ctx.record(record);
}
