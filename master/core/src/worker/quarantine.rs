//! A worker on which builds go wrong in a row takes none for a while, each time for longer (LW-5): so it neither draws one
//! build after the other to itself, nor is it tried again all the time. A first build that is lost is tried again at once: only the
//! second shows that the machine may be to blame.
//!
//! Only what happened on the worker counts: that it was lost, that its command was interrupted without anybody having asked for it,
//! or ended by a code that the recipe calls EXCEPTION or RETRY. A mistake of the configuration, a server that does not answer and a
//! master that would not go on say nothing of it, and would take out one worker after the other.

use crate::ctx::Ctx;
use crate::id::{BuildId, WorkerName};
use crate::model::{Exit, Notice, NoticeKind, Quarantine, Worker};
use crate::record::Record;
use crate::results::Results;
use crate::step::{self, Position};

/// After one build there is a short pause at most, and another worker takes the next; at so many in a row people hear of it.
const TOLD_FROM: u32 = 2;

/// A command of a worker ended: whether the worker has to rest now.
pub(super) fn judge(ctx: &mut Ctx<'_>, position: &Position, exit: &Exit) {
    let Some(build) = ctx.state().build(position.build) else { return };
    if let Some((results, why)) = step::trouble(build, position, exit) {
        troubled(ctx, position.build, results, why);
    }
}

/// A build is given up because its worker stays away.
pub(super) fn lost(ctx: &mut Ctx<'_>, id: BuildId, why: &str) {
    if ctx.state().build(id).is_some_and(|build| build.stop.is_none()) {
        troubled(ctx, id, Results::Retry, why.to_owned());
    }
}

/// A build went wrong on its worker. Those that ran on it meanwhile share the trouble, and count no further; nor does what
/// happens while people have taken the worker out.
fn troubled(ctx: &mut Ctx<'_>, id: BuildId, results: Results, why: String) {
    let state = ctx.state();
    let Some(build) = state.build(id) else { return };
    let Some(worker) = state.worker(&build.worker).filter(|worker| worker.hold.is_none()) else {
        return;
    };
    let before = worker.quarantine.as_ref();
    if before.is_some_and(|before| id <= before.newest) {
        return;
    }
    let (name, reference) = (worker.name.clone(), build.reference());
    let moment = (ctx.now, BuildId(state.last().build));
    let quarantine = Quarantine::after(before, reference.clone(), results, why, moment);
    let notice = (quarantine.builds == TOLD_FROM).then(|| Notice {
        kind: NoticeKind::Worker,
        subject: name.to_string(),
        text: format!(
            "the worker {name} {}; with each further one twice as long, up to {}; \
             `linn worker resume {name}` when that is mended",
            quarantine.words(),
            Quarantine::LONGEST,
        ),
        key: format!("quarantine:{name}"),
        people: Vec::new(),
        build: Some(reference),
        step: String::new(),
    });
    ctx.record(Record::WorkerTroubled { worker: name, quarantine });
    if let Some(notice) = notice {
        ctx.tell(notice);
    }
}

/// A worker has rested for long enough.
pub(crate) fn rested(ctx: &mut Ctx<'_>, worker: WorkerName) {
    let until = ctx.state().worker(&worker).and_then(Worker::rests_until);
    if until.is_some_and(|until| until <= ctx.now) {
        ctx.record(Record::WorkerReleased { worker });
    }
}
