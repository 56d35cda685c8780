//! Stop a build, cancel a request, change its priority (CA-1 to CA-4, CA-6), each refused with a sentence when it cannot
//! be.

use std::collections::BTreeMap;

use crate::action::Refusal;
use crate::build;
use crate::buildset;
use crate::ctx::Ctx;
use crate::id::{BuildId, BuildRef, BuilderName, BuildsetId, RequestId};
use crate::input::Asking;
use crate::model::{Build, BuildRequest, Buildset, Stop};
use crate::record::{Record, Subject};
use crate::results::Results;
use crate::state::State;

/// Somebody stops a build (CA-2).
pub(crate) fn stop(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    reference: BuildRef,
    reason: String,
    kill: bool,
) {
    match running(ctx, &reference) {
        Ok(id) => {
            stop_build(ctx, id, &asking.who, reason, kill);
            ctx.accept(asking, vec![Subject::Build(reference)]);
        }
        Err(refusal) => ctx.refuse(asking, "stop", &reference, refusal),
    }
}

fn stop_build(ctx: &mut Ctx<'_>, id: BuildId, who: &str, reason: String, kill: bool) {
    let at = ctx.now;
    let stop = Stop { reason, by: who.to_owned(), kill, results: Results::Cancelled, at };
    build::stop(ctx, id, stop);
}

fn running(ctx: &Ctx<'_>, reference: &BuildRef) -> Result<BuildId, Refusal> {
    let over = || Refusal::not_now(format!("the build {reference} is over"));
    match ctx.state().build_by_ref(reference) {
        Some(build) if build.complete_at.is_none() => Ok(build.id),
        Some(build) => Err(over().because(format!("it ended with {}", build.results))),
        None if (1..=ctx.state().last_number(&reference.builder)).contains(&reference.number) => {
            Err(over())
        }
        None => Err(no_such_build(ctx, reference)),
    }
}

/// A reference to nothing: the builder is unknown, or has not built so often.
pub(crate) fn no_such_build(ctx: &Ctx<'_>, reference: &BuildRef) -> Refusal {
    let config = ctx.config();
    let newest = ctx.state().last_number(&reference.builder);
    if newest == 0 && !config.builders.contains_key(&reference.builder) {
        let known = config.builders.keys().map(BuilderName::as_str);
        return Refusal::no_such("builder", &reference.builder, known);
    }
    let refusal = Refusal::unknown(format!("there is no build {reference}"));
    if newest == 0 {
        refusal.hint(format!("{} has not built yet", reference.builder))
    } else {
        refusal.hint(format!("the newest build of {0} is {0}#{newest}", reference.builder))
    }
}

/// Somebody cancels a request: waiting, it is over; claimed, its build is stopped (CA-1), unless that is for others too.
pub(crate) fn cancel(ctx: &mut Ctx<'_>, asking: &Asking, id: RequestId, reason: &str) {
    if let Err(refusal) = unfinished(ctx.state(), id) {
        return ctx.refuse(asking, "cancel", &id, refusal);
    }
    end(ctx, id, &asking.who, reason);
    ctx.accept(asking, vec![Subject::Request(id)]);
}

/// Nobody waits any more for what these requests' builds triggered and waited for: it ends too (TR-4).
pub(crate) fn orphans(ctx: &mut Ctx<'_>, over: &[RequestId]) {
    unwanted(ctx, over, |parent| format!("{parent}, which waited for it, is over"));
}

/// The same, where the steps that waited have given up and their builds may go on.
pub(crate) fn given_up(ctx: &mut Ctx<'_>, by: &[RequestId]) {
    unwanted(ctx, by, |parent| format!("{parent} does not wait for it any more"));
}

fn unwanted(ctx: &mut Ctx<'_>, over: &[RequestId], why: impl Fn(&str) -> String) {
    let requests = over.iter().filter_map(|id| ctx.state().request(*id));
    let children: BTreeMap<_, _> = requests
        .flat_map(|request| &request.children)
        .filter(|child| child.results.is_none())
        .filter_map(|child| ctx.state().buildset(child.buildset))
        .filter(|buildset| buildset.waited_for && !is_waited_for(ctx.state(), buildset, over))
        .map(|buildset| (buildset.id, buildset.parent.as_ref().map(|it| it.build.to_string())))
        .collect();
    for (buildset, parent) in children {
        let why = why(&parent.unwrap_or_default());
        all_of(ctx, buildset, "", &why);
    }
}

/// Whether a request that was merged with those that are over, and is tried again apart from them, waits for a buildset as well (LW-3).
fn is_waited_for(state: &State, buildset: &Buildset, over: &[RequestId]) -> bool {
    let parents = buildset.parent.iter().flat_map(|parent| &parent.requests);
    parents
        .filter(|id| !over.contains(id))
        .filter_map(|id| state.request(*id))
        .any(|request| request.complete_at.is_none())
}

/// Cancels what is not over of a buildset.
pub(crate) fn all_of(ctx: &mut Ctx<'_>, buildset: BuildsetId, by: &str, why: &str) {
    let requests = ctx.state().buildset(buildset).map(|it| it.requests.clone());
    for request in requests.unwrap_or_default() {
        let open = ctx.state().request(request).is_some_and(|it| it.complete_at.is_none());
        if open {
            end(ctx, request, by, why);
        }
    }
}

/// Ends an unfinished request: its build is stopped, unless that is for others too.
pub(crate) fn end(ctx: &mut Ctx<'_>, id: RequestId, by: &str, why: &str) {
    let builds: Vec<BuildId> = match ctx.state().request(id) {
        Some(request) if request.claimed_at.is_some() => {
            let builds = request.builds.iter().filter_map(|(build, _)| ctx.state().build(*build));
            builds.filter(|build| is_for_it_alone(ctx.state(), build, id)).map(|it| it.id).collect()
        }
        _ => Vec::new(),
    };
    if builds.is_empty() {
        buildset::cancel_request(ctx, id, by, why);
    }
    for build in builds {
        stop_build(ctx, build, by, why.to_owned(), false);
    }
}

/// Whether an unfinished build is for no other request that is still wanted.
fn is_for_it_alone(state: &State, build: &Build, request: RequestId) -> bool {
    let wanted = |id: &RequestId| state.request(*id).is_some_and(|it| it.complete_at.is_none());
    build.complete_at.is_none()
        && !build.requests.iter().any(|other| *other != request && wanted(other))
}

/// Somebody changes a waiting request's priority (CA-6).
pub(crate) fn prioritise(ctx: &mut Ctx<'_>, asking: &Asking, id: RequestId, priority: i32) {
    let running = match unfinished(ctx.state(), id) {
        Ok(request) => request.claimed_at.is_some().then(|| newest_build(ctx.state(), request)),
        Err(refusal) => return ctx.refuse(asking, "priority", &id, refusal),
    };
    if let Some(build) = running {
        let refusal = Refusal::not_now(format!("the request {id} does not wait"));
        let why = build.map(|build| format!("its build {} runs", build.reference()));
        return ctx.refuse(asking, "priority", &id, refusal.because(why.unwrap_or_default()));
    }
    ctx.record(Record::RequestPrioritised { request: id, priority });
    ctx.accept(asking, vec![Subject::Request(id)]);
}

fn newest_build(state: &State, request: &BuildRequest) -> Option<Build> {
    request.builds.last().and_then(|(build, _)| state.build(*build)).cloned()
}

fn unfinished(state: &State, id: RequestId) -> Result<&BuildRequest, Refusal> {
    match state.request(id) {
        Some(request) if request.complete_at.is_none() => Ok(request),
        Some(request) => {
            let over = Refusal::not_now(format!("the request {id} is over"));
            Err(match request.results {
                Some(results) => over.because(format!("it ended with {results}")),
                None => over,
            })
        }
        None if id.0 >= 1 && id.0 <= state.last().request => {
            Err(Refusal::not_now(format!("the request {id} is over")))
        }
        None => {
            let hint = match state.last().request {
                0 => "nothing has been asked for yet".to_owned(),
                newest => format!("the newest request is {newest}"),
            };
            Err(Refusal::unknown(format!("there is no request {id}")).hint(hint))
        }
    }
}
