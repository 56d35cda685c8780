//! Workers that take nothing new: held by people, or because they can run nothing (LW-7, C27, F15).

use crate::action::Refusal;
use crate::ctx::Ctx;
use crate::id::WorkerName;
use crate::input::{Asking, WorkerVerb};
use crate::model::{Hold, Notice, NoticeKind};
use crate::record::{Record, Subject};

/// A worker said that it can run nothing (F15): it gets no more until somebody has looked after it, so that it does not
/// draw one build after the other to itself. Held already, it stays as it is.
pub(super) fn take_out(ctx: &mut Ctx<'_>, name: &WorkerName, why: &str) {
    if ctx.state().worker(name).is_none_or(|worker| worker.hold.is_some()) {
        return;
    }
    let hold = Hold { reason: why.to_owned(), draining: false, at: ctx.now };
    ctx.record(Record::WorkerPaused { worker: name.clone(), hold });
    ctx.tell(Notice {
        kind: NoticeKind::Worker,
        subject: name.to_string(),
        text: format!("the worker {name} takes no more builds: {why}; `linn worker resume {name}` when that is mended"),
        key: format!("unfit:{name}"),
        people: Vec::new(),
        build: None,
        step: String::new(),
    });
}

/// Somebody pauses, drains or resumes a worker, even one that was never there yet (LW-7, C27). All three may be said
/// again.
pub(crate) fn control(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    name: WorkerName,
    verb: WorkerVerb,
    reason: String,
) {
    let word = match verb {
        WorkerVerb::Pause => "pause",
        WorkerVerb::Resume => "resume",
        WorkerVerb::Drain => "drain",
    };
    let known = ctx.state().worker(&name);
    let config = ctx.config();
    if known.is_none() && !config.workers.contains_key(&name) {
        let names = config.workers.keys().map(WorkerName::as_str);
        return ctx.refuse(asking, word, &name, Refusal::no_such("worker", &name, names));
    }
    // What went wrong on it before is forgiven, too (LW-5).
    let held = known.is_some_and(|worker| worker.hold.is_some() || worker.quarantine.is_some());
    match verb {
        WorkerVerb::Resume if !held => {}
        WorkerVerb::Resume => ctx.record(Record::WorkerResumed { worker: name.clone() }),
        WorkerVerb::Pause | WorkerVerb::Drain => {
            let at = ctx.now;
            let hold = Hold { reason, draining: verb == WorkerVerb::Drain, at };
            ctx.record(Record::WorkerPaused { worker: name.clone(), hold });
        }
    }
    ctx.accept(asking, vec![Subject::Worker(name)]);
}
