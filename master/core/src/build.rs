//! A build's life: started on a worker with its properties, driven step by step, ended with the worst of its steps
//! (BL-2, BL-4, BL-11), given back or up when its worker is lost (LW-1, F2, F3).

use std::fmt::Write as _;
use std::sync::Arc;

use crate::blame;
use crate::buildset;
use crate::cancel;
use crate::config::{Builder, Config};
use crate::ctx::Ctx;
use crate::here;
use crate::id::{BuildId, RequestId, StepNumber, WorkerName};
use crate::inheritance;
use crate::lock;
use crate::merge::{self, Merged};
use crate::model::{Blame, Build, Exit, Keeping, LockShare, Step, StepState, Stop};
use crate::notice;
use crate::properties::Properties;
use crate::record::Record;
use crate::results::Results;
use crate::state::State;
use crate::step::{self, Breaker, Position};

/// Starts a build of a request, and of those that fit with it, on a worker (MG-1).
pub(crate) fn start(
    ctx: &mut Ctx<'_>,
    request: RequestId,
    worker: &WorkerName,
    locks: Vec<LockShare>,
) {
    let config = ctx.config();
    let Some(request) = ctx.state().request(request) else { return };
    let Some(builder) = config.builders.get(&request.builder) else { return };
    let (first, wanted) = (request.id, request.priority);
    let together = merge::with(ctx, builder, first);
    let state = ctx.state();
    let requests: Vec<_> = together.iter().filter_map(|id| state.request(*id)).collect();
    let buildsets: Vec<_> =
        requests.iter().filter_map(|request| state.buildset(request.buildset)).collect();
    let (Some(oldest), Some(buildset)) = (requests.first(), buildsets.first()) else { return };
    let merged = Merged::of(state, &buildsets);
    let tries = requests.iter().map(|request| request.builds.len()).max().unwrap_or(0);
    let mut build = Build {
        id: BuildId(state.last().build + 1),
        builder: builder.name.clone(),
        number: state.last_number(&builder.name) + 1,
        requests: together,
        buildset: buildset.id,
        worker: worker.clone(),
        config: config.digest.clone(),
        attempt: u32::try_from(tries).unwrap_or(u32::MAX).saturating_add(1),
        reason: merged.reason,
        scheduler: buildset.scheduler.clone(),
        stamps: merged.stamps,
        locks,
        properties: Properties::new(),
        got_revision: std::collections::BTreeMap::new(),
        blame: Blame::default(),
        started_at: ctx.now,
        complete_at: None,
        results: Results::Success,
        text: String::new(),
        stop: None,
        ending: false,
        lost_since: None,
        keeping: Keeping::default(),
        new_failure: false,
        steps: Step::plan(&builder.factory),
        recipe: None,
    };
    build.properties = inheritance::of(state, &config, builder, &merged.properties, &build);
    build.blame = blame::of(state, &build);
    let (id, oldest) = (build.id, (oldest.id, oldest.priority));
    if oldest.1 < wanted {
        // Whoever comes back to the queue keeps the place that the others gave it (MG-8 better).
        ctx.record(Record::RequestPrioritised { request: oldest.0, priority: wanted });
    }
    ctx.record(Record::BuildStarted(Box::new(build)));
    advance(ctx, id);
}

/// Drives a build on until a command runs on its worker, or to its end.
pub(crate) fn advance(ctx: &mut Ctx<'_>, id: BuildId) {
    loop {
        let Some(build) = ctx.state().build(id) else { return };
        if build.complete_at.is_some() || build.steps.iter().any(|step| step.state().is_present()) {
            return;
        }
        let Some(config) = ctx.live.recipe(build).map(Arc::clone) else {
            return finish(ctx, id, Some(Results::Retry));
        };
        let reachable = ctx.live.sessions.of(&build.worker).is_some();
        match next_step(build, &config, reachable) {
            Some(number) => {
                step::start(ctx, &Position { build: id, number, config: Some(config) });
            }
            None => return finish(ctx, id, None),
        }
    }
}

/// The next step to run: after an ending or a stop only those that always run, and only where they can (BL-4, CA-2).
fn next_step(build: &Build, config: &Config, reachable: bool) -> Option<StepNumber> {
    let recipe = build.recipe(config.builders.get(&build.builder));
    let ending = build.ending || build.stop.is_some();
    let after = build.steps.iter().rposition(|step| step.state() != StepState::Pending);
    let pending = build.steps.iter().zip(recipe).skip(after.map_or(0, |at| at + 1));
    pending
        .filter(|(_, spec)| !ending || (spec.flags.always_run && reachable))
        .map(|(step, _)| step.number)
        .next()
}

/// Ends a build, and its requests with it, or gives them back to the queue (LW-1, F2).
fn finish(ctx: &mut Ctx<'_>, id: BuildId, at_least: Option<Results>) {
    let Some(build) = ctx.state().build(id) else { return };
    let stopped = cut_short(build).map(|stop| stop.results);
    let all = [at_least, stopped].into_iter().flatten();
    let mut results = all.fold(build.results, Results::worst);
    // CA-3: a stopped build is not tried again.
    if stopped.is_some() && results == Results::Retry {
        results = stopped.unwrap_or(results);
    }
    let recipe = ctx.live.recipe(build).and_then(|config| config.builders.get(&build.builder));
    let retries = recipe.map_or(crate::config::DEFAULT_MAX_RETRIES, |it| it.policy.max_retries);
    // Each request has its own number of tries (F2); the build is tried again for those that have one left.
    let is_over = |id: &RequestId| tries_of(ctx.state(), *id).is_none_or(|tries| tries > retries);
    let given_up: Vec<RequestId> = build.requests.iter().copied().filter(is_over).collect();
    let exhausted = results == Results::Retry && given_up.len() == build.requests.len();
    if exhausted {
        results = Results::Exception;
    }
    let mut text = text(build, recipe, results);
    if exhausted {
        let attempts = match build.attempt {
            1 => "1 attempt".to_owned(),
            several => format!("{several} attempts"),
        };
        text = format!("{text}; given up after {attempts}");
    }
    let judged = notice::judge(ctx.state(), build, recipe, results, &text);
    let (reference, requests) = (build.reference(), build.requests.clone());
    ctx.live.dirty.workers.insert(build.worker.clone());
    ctx.record(Record::BuildFinished {
        id,
        build: reference,
        results,
        text,
        at: ctx.now,
        new_failure: judged.new_failure,
    });
    if results != Results::Retry {
        cancel::orphans(ctx, &requests);
    }
    for request in requests {
        if results != Results::Retry {
            buildset::finish_request(ctx, request, results);
        } else if given_up.contains(&request) {
            buildset::finish_request(ctx, request, Results::Exception);
        } else if ctx.state().request(request).is_some_and(|it| it.complete_at.is_none()) {
            // One that was taken out of the build is over already (CA-1).
            ctx.record(Record::RequestReturned { request });
        }
    }
    if let Some(notice) = judged.notice {
        ctx.tell(notice);
    }
}

/// How often a request was tried, this time included; `None`: it is over, as one that was taken out of its build (CA-1).
fn tries_of(state: &State, request: RequestId) -> Option<u32> {
    let request = state.request(request).filter(|request| request.complete_at.is_none())?;
    Some(u32::try_from(request.builds.len()).unwrap_or(u32::MAX))
}

/// The stop that made a build what it is. Its time limit did not if all ran before the steps heard of it; a step that did
/// hear of it has made the build a failure already.
fn cut_short(build: &Build) -> Option<&Stop> {
    let left_out = || build.steps.iter().any(|step| step.state() == StepState::Pending);
    build
        .stop
        .as_ref()
        .filter(|stop| !stop.is_limit() || build.results == stop.results || left_out())
}

/// BL-11: the outcome's word, then the steps that made it so. A step that went wrong without counting is not one of them,
/// nor is one that only warned in a build that failed.
fn text(build: &Build, recipe: Option<&Builder>, results: Results) -> String {
    let word = match results {
        Results::Success | Results::Skipped => return "build successful".to_owned(),
        Results::Cancelled => {
            let reason = build.stop.as_ref().map(|stop| stop.reason.as_str());
            return match reason.filter(|reason| !reason.is_empty()) {
                Some(reason) => format!("build cancelled: {reason}"),
                None => "build cancelled".to_owned(),
            };
        }
        Results::Warnings => "warnings",
        Results::Failure => "failed",
        Results::Exception => "exception",
        Results::Retry => "retry",
    };
    let mut text = word.to_owned();
    for (nth, step) in build.steps.iter().enumerate() {
        let spec = build.recipe(recipe).get(nth);
        let counted = step::counted(build, step, spec);
        let blamed = !counted.is_good() || (counted == results && results == Results::Warnings);
        if let (true, Some(results)) = (blamed, step.results) {
            let _ = write!(text, " '{}' ({})", step.name, results.word().to_lowercase());
        }
    }
    // Its own limit stopped it, and no step's words say so here.
    if let (Results::Failure, Some(stop)) = (results, cut_short(build)) {
        let _ = write!(text, "; {}", stop.reason);
    }
    text
}

/// The step whose turn it is, if one's is.
pub(crate) fn running(ctx: &Ctx<'_>, build: &Build) -> Option<Position> {
    let step = build.steps.iter().find(|step| step.state().is_present())?;
    let config = ctx.live.recipe(build).map(Arc::clone);
    Some(Position { build: build.id, number: step.number, config })
}

/// There may be more of a lock that a build's step waits for.
pub(crate) fn wake(ctx: &mut Ctx<'_>, id: BuildId, number: StepNumber) {
    let Some(build) = ctx.state().build(id) else { return };
    let config = ctx.live.recipe(build).map(Arc::clone);
    step::wake(ctx, &Position { build: id, number, config });
    advance(ctx, id);
}

/// A build all of whose children are over goes on.
pub(crate) fn unpark(ctx: &mut Ctx<'_>, id: BuildId) {
    let Some(build) = ctx.state().build(id) else { return };
    let Some(position) = running(ctx, build) else { return };
    step::children_over(ctx, &position);
    advance(ctx, id);
}

/// A request of a waiting parent wants what nobody would ever give it: who stands in the way ends (LK-6).
pub(crate) fn break_ring(ctx: &mut Ctx<'_>, request: RequestId) {
    match step::break_ring(ctx, request) {
        None => {}
        Some(Breaker::Waiting(id, number)) => {
            let Some(build) = ctx.state().build(id) else { return };
            let config = ctx.live.recipe(build).map(Arc::clone);
            step::end_the_wait(ctx, &Position { build: id, number, config });
            advance(ctx, id);
        }
        Some(Breaker::Parents(parents)) => {
            let why = lock::ring::for_request(ctx.state(), ctx.live, request);
            let mut requests = Vec::new();
            for id in &parents {
                let Some(build) = ctx.state().build(*id) else { continue };
                let Some(position) = running(ctx, build) else { continue };
                requests.extend(build.requests.iter().copied());
                step::end_the_trigger(ctx, &position, why.clone());
            }
            // Nobody waits for the other children of these steps any more, either.
            cancel::given_up(ctx, &requests);
            for id in parents {
                advance(ctx, id);
            }
        }
    }
}

/// Ends the running step without word from the worker, and goes on with what may follow.
pub(crate) fn abandon(ctx: &mut Ctx<'_>, id: BuildId, exit: &Exit) {
    let Some(build) = ctx.state().build(id) else { return };
    if let Some(position) = running(ctx, build) {
        step::abandon(ctx, &position, exit);
    }
    advance(ctx, id);
}

/// Gives a build up whose worker is gone for good: it is tried again (LW-1).
pub(crate) fn lose(ctx: &mut Ctx<'_>, id: BuildId, why: &str) {
    abandon(ctx, id, &Exit::Lost(why.to_owned()));
}

/// Somebody, or a limit, wants a build to end (CA-2). A second stop replaces the first.
pub(crate) fn stop(ctx: &mut Ctx<'_>, id: BuildId, stop: Stop) {
    let Some(build) = ctx.state().build(id) else { return };
    let (reference, worker) = (build.reference(), build.worker.clone());
    let command = build
        .steps
        .iter()
        .find(|step| step.state() == StepState::Running)
        .and_then(|step| step.command);
    let (reason, kill) = (stop.reason.clone(), stop.kill);
    ctx.record(Record::BuildStopping { id, build: reference, stop });
    if here::end(ctx, id, &reason, kill) {
        return;
    }
    match (ctx.live.sessions.of(&worker), command) {
        (Some(session), Some(command)) => {
            ctx.order(crate::action::Action::InterruptCommand { session, command, reason, kill });
        }
        // Its worker is away: nothing can be waited for (CA-4). A late return is told to kill.
        _ => abandon(ctx, id, &Exit::Interrupted),
    }
}

/// A source step told its revision: works the blame out anew if that changes it (SS-3).
pub(crate) fn blame_again(ctx: &mut Ctx<'_>, id: BuildId) {
    let Some(build) = ctx.state().build(id) else { return };
    let told = build.stamps.iter().any(|stamp| {
        let got = build.got_revision.get(stamp.codebase.as_str());
        got.is_some() && got != stamp.revision.as_ref()
    });
    if !told {
        return;
    }
    let blame = blame::of(ctx.state(), build);
    if blame != build.blame {
        let build = build.reference();
        ctx.record(Record::BuildBlamed { id, build, blame });
    }
}
