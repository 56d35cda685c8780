//! A buildset's life: opened with a request for each builder, told of its first failure once, and ended with the worst
//! of its requests (BS-1 to BS-4).

use crate::action::Refusal;
use crate::change::SourceStamp;
use crate::ctx::Ctx;
use crate::id::{BuildRef, BuilderName, BuildsetId, RequestId, WorkerName};
use crate::model::{BuildRequest, Buildset, Parent};
use crate::properties::Properties;
use crate::record::{Record, Subject};
use crate::resolve;
use crate::results::Results;
use crate::schedule::dependent;

/// What is to be built.
#[derive(Default)]
pub(crate) struct NewBuildset {
    pub(crate) reason: String,
    pub(crate) scheduler: String,
    pub(crate) stamps: Vec<SourceStamp>,
    pub(crate) properties: Properties,
    pub(crate) rebuild_of: Option<BuildRef>,
    pub(crate) parent: Option<Parent>,
    pub(crate) waited_for: bool,
    pub(crate) worker: Option<WorkerName>,
    pub(crate) external_id: String,
    pub(crate) builders: Vec<BuilderName>,
    pub(crate) priority: i32,
    /// Nobody has asked the repositories of its stamps yet, as a door does for people: they are asked now (SS-3).
    pub(crate) unasked: bool,
}

/// The longest external id, in bytes.
const MAX_EXTERNAL_ID_BYTES: usize = 200;

/// The id that somebody gives a buildset, if it can be one (BS-7).
///
/// # Errors
/// It is too long, or nobody could type it.
pub(crate) fn external_id(text: String) -> Result<String, Refusal> {
    if text.len() > MAX_EXTERNAL_ID_BYTES {
        let what = format!("the external id is longer than {MAX_EXTERNAL_ID_BYTES} bytes");
        return Err(Refusal::mistake(what));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::mistake("the external id holds control characters"));
    }
    Ok(text)
}

/// Opens a buildset. Gives back what was made: the buildset, then its requests.
pub(crate) fn open(ctx: &mut Ctx<'_>, new: NewBuildset) -> Vec<Subject> {
    let last = ctx.state().last();
    let id = BuildsetId(last.buildset + 1);
    let requests: Vec<_> =
        (1..=new.builders.len() as u64).map(|nth| RequestId(last.request + nth)).collect();
    let mut stamps = new.stamps;
    for stamp in &mut stamps {
        // A stamp names only changes that are remembered: so a state equals what a store would load.
        stamp.changes.retain(|change| ctx.state().change(*change).is_some());
    }
    let resolving =
        new.unasked && !resolve::open(&ctx.config(), new.builders.iter(), &stamps).is_empty();
    let mut made = vec![Subject::Buildset(id)];
    made.extend(requests.iter().map(|request| Subject::Request(*request)));
    ctx.record(Record::BuildsetAdded(Box::new(Buildset {
        id,
        reason: new.reason,
        scheduler: new.scheduler,
        submitted_at: ctx.now,
        complete_at: None,
        results: None,
        first_failure_told: false,
        stamps,
        properties: new.properties,
        external_id: new.external_id,
        rebuild_of: new.rebuild_of,
        parent: new.parent,
        waited_for: new.waited_for,
        worker: new.worker,
        resolving,
        requests: requests.clone(),
    })));
    for (request, builder) in requests.into_iter().zip(new.builders) {
        ctx.record(Record::RequestAdded(BuildRequest {
            id: request,
            buildset: id,
            builder,
            priority: new.priority,
            submitted_at: ctx.now,
            claimed_at: None,
            complete_at: None,
            results: None,
            builds: Vec::new(),
            merged_into: None,
            children: Vec::new(),
        }));
    }
    if resolving {
        resolve::ask(ctx, id);
    }
    settle(ctx, id);
    made
}

/// Ends a request, and its buildset if it was the last (BS-2). The first one that fails for good is told (BS-3, BS-4).
pub(crate) fn finish_request(ctx: &mut Ctx<'_>, request: RequestId, results: Results) {
    end_request(ctx, request, results, "", "");
}

/// Somebody does not want a waiting request any more (CA-1): it ends, and the journal tells who and why.
pub(crate) fn cancel_request(ctx: &mut Ctx<'_>, request: RequestId, by: &str, why: &str) {
    end_request(ctx, request, Results::Cancelled, by, why);
}

fn end_request(ctx: &mut Ctx<'_>, request: RequestId, results: Results, by: &str, why: &str) {
    let Some(known) = ctx.state().request(request) else { return };
    if known.complete_at.is_some() {
        return;
    }
    let buildset = known.buildset;
    let (by, why) = (by.to_owned(), why.to_owned());
    ctx.record(Record::RequestFinished { request, results, at: ctx.now, by, why });
    let told = ctx.state().buildset(buildset).is_none_or(|buildset| buildset.first_failure_told);
    if !results.is_good() && !told {
        ctx.record(Record::BuildsetFirstFailure { buildset, request });
    }
    settle(ctx, buildset);
}

/// Ends a buildset all of whose requests are over; one without requests is over at once.
fn settle(ctx: &mut Ctx<'_>, id: BuildsetId) {
    let Some(buildset) = ctx.state().buildset(id) else { return };
    let mut worst = Results::Success;
    for request in &buildset.requests {
        match ctx.state().request(*request).and_then(|request| request.results) {
            Some(results) => worst = worst.worst(results),
            None => return,
        }
    }
    let parent = buildset.parent.clone();
    let awaited = dependent::ending(ctx.state(), &ctx.config(), buildset, worst);
    ctx.record(Record::BuildsetFinished { buildset: id, results: worst, at: ctx.now });
    if let Some(parent) = parent {
        ctx.live.dirty.children.push((parent, id, worst));
    }
    if let Some(built) = awaited {
        dependent::fire(ctx, &built);
    }
}
