//! What befalls the master's machine: a full disk (F14), time that nobody saw (F07, F20).

use crate::ctx::Ctx;
use crate::model::{Notice, NoticeKind};
use crate::record::Record;
use crate::time::Span;

/// Time went by that nobody saw: who is waited for is waited for anew, and builds may take so much longer.
pub(crate) fn time_skipped(ctx: &mut Ctx<'_>, span: Span) {
    let at = ctx.now;
    let unfinished = ctx.state().unfinished();
    let builds: Vec<_> =
        unfinished.map(|build| (build.id, build.reference(), build.lost_since.is_some())).collect();
    for (id, build, lost) in builds {
        ctx.unsee(id, span);
        if lost {
            ctx.record(Record::BuildOrphaned { id, build, at });
        }
    }
}

/// The disk is nearly full, or has room again: nothing new is started meanwhile.
pub(crate) fn disk_state(ctx: &mut Ctx<'_>, trouble: Option<String>) {
    if ctx.live.trouble == trouble {
        return;
    }
    let text = trouble.clone().unwrap_or_else(|| "there is room on the disk again".to_owned());
    ctx.live.trouble = trouble;
    ctx.tell(Notice {
        kind: NoticeKind::Master,
        subject: "master".to_owned(),
        text,
        key: "disk".to_owned(),
        people: Vec::new(),
        build: None,
        step: String::new(),
    });
    if ctx.live.trouble.is_none() {
        ctx.all_dirty();
    }
}
