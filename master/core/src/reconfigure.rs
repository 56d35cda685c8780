//! Another configuration is followed from now on.

use std::sync::Arc;

use crate::action::Action;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::id::WorkerName;
use crate::record::Record;
use crate::schedule;
use crate::worker;

/// Another configuration is followed from now on; running builds keep theirs (D9).
pub(crate) fn reconfigure(ctx: &mut Ctx<'_>, config: Arc<Config>) {
    if config.digest == ctx.config().digest {
        return;
    }
    let digest = config.digest.clone();
    ctx.follow(config);
    // A worker that is not declared any more is shown out; its builds are waited for as after any loss.
    let declared = ctx.config();
    let removed: Vec<WorkerName> = ctx
        .state()
        .workers()
        .map(|worker| worker.name.clone())
        .filter(|name| !declared.workers.contains_key(name))
        .collect();
    for name in removed {
        if let Some(session) = ctx.live.sessions.of(&name) {
            ctx.live.sessions.close(session);
            ctx.order(Action::CloseSession { session });
            worker::gone(ctx, &name);
        }
    }
    let at = ctx.now;
    ctx.record(Record::ConfigApplied { digest, at });
    schedule::switch::settle(ctx);
}
