//! Commands that the master's own machine carries out for a step: ordered like those of a worker, but nobody's session
//! (F17).
//!
//! They do not outlive the master. One that ran when it ended is lost, for nobody knows how far it came, and so its build is
//! tried again (LW-1): a build that must not do a thing twice asks first whether it was done.

use crate::action::Action;
use crate::build;
use crate::ctx::Ctx;
use crate::id::BuildId;
use crate::model::{Build, CommandSpec, Finished, StepState};
use crate::step;

/// The command that runs here for a build, if one does.
fn command(build: &Build) -> Option<&CommandSpec> {
    let step = build.steps.iter().find(|step| step.state() == StepState::Running)?;
    step.spec.as_ref().filter(|spec| spec.is_here())
}

/// Whether a build's running step happens here.
pub(crate) fn runs(ctx: &Ctx<'_>, id: BuildId) -> bool {
    ctx.state().build(id).and_then(command).is_some()
}

/// Asks the command that runs here for a build to end; false when none does.
pub(crate) fn end(ctx: &mut Ctx<'_>, id: BuildId, reason: &str, kill: bool) -> bool {
    let Some(spec) = ctx.state().build(id).and_then(command) else { return false };
    let command = spec.id;
    ctx.order(Action::EndHere { command, reason: reason.to_owned(), kill });
    true
}

/// A command ended. Of one whose build was given up meanwhile nothing is taken.
pub(crate) fn finished(ctx: &mut Ctx<'_>, finished: Finished) {
    let Some((id, number)) = ctx.state().command(finished.command) else { return };
    let Some(build) = ctx.state().build(id) else { return };
    if command(build).is_none_or(|spec| spec.id != finished.command) {
        return;
    }
    let Some(position) = build::running(ctx, build).filter(|it| it.number == number) else {
        return;
    };
    step::finished(ctx, &position, finished);
    build::advance(ctx, id);
}
