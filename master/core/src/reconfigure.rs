//! Another configuration is followed from now on, or was refused.

use std::sync::Arc;

use crate::action::Action;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::id::WorkerName;
use crate::model::{Notice, NoticeKind};
use crate::record::Record;
use crate::retention;
use crate::schedule;
use crate::worker;

/// Another configuration is followed from now on; running builds keep theirs (D9).
pub(crate) fn reconfigure(ctx: &mut Ctx<'_>, config: Arc<Config>) {
    if config.digest == ctx.config().digest {
        return;
    }
    let digest = config.digest.clone();
    ctx.follow(config);
    // Who is declared again stays; who is not any more gets nothing new, and goes when its builds have ended (RC-3 better:
    // a reload ends no build).
    let declared = ctx.config();
    let undeclared = |name: &WorkerName| !declared.workers.contains_key(name);
    let present = ctx.state().workers().map(|worker| worker.name.clone());
    let present = present.filter(|name| undeclared(name) && ctx.live.sessions.of(name).is_some());
    ctx.live.leaving = present.collect();
    let at = ctx.now;
    ctx.record(Record::ConfigApplied { digest, at });
    schedule::switch::settle(ctx);
    retention::settle(ctx);
}

/// Workers that are not declared any more are shown out as soon as no build of theirs is unfinished.
pub(crate) fn show_out(ctx: &mut Ctx<'_>) {
    if ctx.live.leaving.is_empty() {
        return;
    }
    let state = ctx.state();
    let done = |name: &&WorkerName| state.running_on(name).next().is_none();
    let done: Vec<WorkerName> = ctx.live.leaving.iter().filter(done).cloned().collect();
    for name in done {
        ctx.live.leaving.remove(&name);
        if let Some(session) = ctx.live.sessions.of(&name) {
            ctx.live.sessions.close(session);
            ctx.order(Action::CloseSession { session });
            worker::gone(ctx, &name);
        }
    }
}

/// A configuration had mistakes, so the present one is still followed: people are told where to look (RC-1, RC-6).
pub(crate) fn refused(ctx: &mut Ctx<'_>, file: String, why: &str) {
    ctx.tell(Notice {
        kind: NoticeKind::Master,
        text: format!("{why}; the configuration from before is still followed"),
        subject: file,
        key: "configuration".to_owned(),
        people: Vec::new(),
        build: None,
        step: String::new(),
    });
}
