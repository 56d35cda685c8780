//! Somebody pins a build, or lets it go again: what is pinned stays, with its logs, changes, artifacts and numbers.

use crate::action::Refusal;
use crate::cancel::no_such_build;
use crate::ctx::Ctx;
use crate::input::Asking;
use crate::model::{Build, Pin};
use crate::record::{Record, Subject};

/// The most builds that are pinned: more than people can have reasons for, and few enough to be looked through at any time.
pub const MAX_PINS: usize = 10_000;

/// Pins a build for this reason, or lets it go (`None`). `build` is as history has it. Either may be said again.
pub(crate) fn pin(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    build: Option<&Build>,
    named: &str,
    reason: Option<String>,
) {
    let verb = if reason.is_some() { "pin" } else { "unpin" };
    // What history had a moment ago may have been deleted since.
    let Some(build) = build.filter(|build| !ctx.live.deleted.contains(&build.id)) else {
        let refusal = match named.rsplit_once('#').map(|(builder, n)| (builder, n.parse())) {
            Some((builder, Ok(number))) => {
                no_such_build(ctx, &crate::model::build_ref(&builder.into(), number))
            }
            _ => Refusal::unknown(format!("there is no build `{named}`")),
        };
        return ctx.refuse(asking, verb, &named, refusal);
    };
    let (id, reference) = (build.id, build.reference());
    let pinned = ctx.state().pins().contains(&id);
    let (by, at) = (asking.who.clone(), ctx.now);
    match reason {
        Some(_) if !pinned && ctx.state().pins().len() >= MAX_PINS => {
            let refusal = Refusal::not_now(format!("{MAX_PINS} builds are pinned already"))
                .hint("let some go with `linn unpin`");
            return ctx.refuse(asking, verb, &reference, refusal);
        }
        Some(reason) => {
            let pin = Pin { reason, by, at };
            ctx.record(Record::BuildPinned { id, build: reference.clone(), pin });
        }
        None if pinned => {
            ctx.record(Record::BuildUnpinned { id, build: reference.clone(), by, at });
        }
        None => {}
    }
    ctx.accept(asking, vec![Subject::Build(reference)]);
}
