//! Workers come, go and come back: sessions, what they hold, and the fence that lets a command take effect once (LW-*,
//! F3, architecture.md 7).

use crate::action::{Action, HeldVerdict};
use crate::build;
use crate::ctx::Ctx;
use crate::here;
use crate::id::{BuildId, CommandId, SessionId, WorkerName};
use crate::model::{Build, Exit, Finished, Notice, NoticeKind, StepState, Url, WorkerInfo};
use crate::record::Record;
use crate::refusal::suggestion;
use crate::step;
use crate::time::Span;

mod hold;
mod quarantine;

pub(crate) use hold::control;
use hold::take_out;
pub(crate) use quarantine::rested;

/// A worker that dialled in.
pub(crate) struct Hello {
    pub(crate) session: SessionId,
    pub(crate) name: WorkerName,
    pub(crate) instance: String,
    pub(crate) info: WorkerInfo,
    pub(crate) held: Vec<(CommandId, bool)>,
}

/// Takes a worker in, or turns it away.
pub(crate) fn attach(ctx: &mut Ctx<'_>, hello: &Hello) {
    if let Some(Against { why, last }) = against(ctx, hello) {
        ctx.order(Action::RefuseWorker { session: hello.session, why, last });
        return;
    }
    let unfinished: Vec<BuildId> =
        ctx.state().running_on(&hello.name).map(|build| build.id).collect();
    let held: Vec<_> =
        hello.held.iter().map(|held| (held.0, verdict(ctx, &hello.name, *held))).collect();
    if let Some(replaced) = ctx.live.sessions.open(hello.session, &hello.name) {
        ctx.order(Action::CloseSession { session: replaced });
    }
    ctx.record(Record::WorkerConnected {
        worker: hello.name.clone(),
        instance: hello.instance.clone(),
        info: hello.info.clone(),
        at: ctx.now,
    });
    if !ctx.config().workers.contains_key(&hello.name) {
        ctx.live.leaving.insert(hello.name.clone());
    }
    ctx.order(Action::Welcome { session: hello.session, held });
    for id in unfinished {
        resume(ctx, id, hello);
    }
}

/// Why a worker is turned away.
struct Against {
    why: String,
    /// Asking again is no use: somebody has to change something.
    last: bool,
}

/// Why a worker is turned away, if it is (C39, F21, F22).
fn against(ctx: &Ctx<'_>, hello: &Hello) -> Option<Against> {
    let config = ctx.config();
    let name = &hello.name;
    // One that was declared when its builds began may bring them to an end (RC-3).
    if !config.workers.contains_key(name) && ctx.state().running_on(name).next().is_none() {
        let hint =
            suggestion("worker", name.as_str(), config.workers.keys().map(WorkerName::as_str));
        let why = format!(
            "master.star declares no worker `{name}` ({hint}); add worker(\"{name}\") to it"
        );
        return Some(Against { why, last: true });
    }
    let known = ctx.state().worker(name).filter(|known| known.was_seen())?;
    let host = &known.info.host;
    let place = if host.is_empty() { String::new() } else { format!(" on {host}") };
    let here = ctx.live.sessions.of(name).is_some();
    if known.instance != hello.instance {
        if here {
            let why = format!(
                "the name `{name}` is in use by a worker{place} that runs from another folder; stop that one, \
                 or choose another name"
            );
            return Some(Against { why, last: true });
        }
        // It does not hold the commands of the other folder, which may still run: nobody would end them, and they would
        // run twice (I5, F3).
        let build = ctx.state().running_on(name).next()?.reference();
        let why = format!(
            "the build {build} of a worker `{name}`{place} that ran from another folder is still waited for; \
             start that one again, or free the name with `linn stop {build}`"
        );
        return Some(Against { why, last: false });
    }
    let (old, new) = (&known.info.boot_id, &hello.info.boot_id);
    let cloned = here && !old.is_empty() && !new.is_empty() && old != new;
    cloned.then(|| {
        // A machine that was started anew gets in as soon as its old session is noticed to be dead.
        let why = format!(
            "the worker `{name}`{place} is connected from a machine that was started at another time; if this folder is a \
             copy, empty it and choose another name"
        );
        Against { why, last: false }
    })
}

/// What becomes of a held command. A running process is never forgotten, and what is fenced off is killed.
fn verdict(ctx: &Ctx<'_>, worker: &WorkerName, (command, ended): (CommandId, bool)) -> HeldVerdict {
    let done_with = if ended { HeldVerdict::Forget } else { HeldVerdict::Kill };
    let Some((id, number)) = ctx.state().command(command) else { return done_with };
    let Some(build) = ctx.state().build(id) else { return done_with };
    let Some(step) = build.steps.iter().find(|step| step.number == number) else {
        return done_with;
    };
    if step.state() == StepState::Running && build.worker == *worker {
        return HeldVerdict::Resume;
    }
    // What it wrote may still be missing, so it is heard out.
    let given_up = step.was_given_up() || build.stop.is_some();
    if given_up { HeldVerdict::Kill } else { done_with }
}

/// A build goes on on its worker: what it holds is resumed, what it never got is sent again with the same id.
fn resume(ctx: &mut Ctx<'_>, id: BuildId, hello: &Hello) {
    let session = hello.session;
    let Some(build) = ctx.state().build(id) else { return };
    if build.lost_since.is_some() {
        let build = build.reference();
        ctx.record(Record::BuildResumed { id, build });
    }
    let Some(build) = ctx.state().build(id) else { return };
    let Some(step) = build.steps.iter().find(|step| step.state() == StepState::Running) else {
        return build::advance(ctx, id);
    };
    let (spec, stop) = (step.spec.clone(), build.stop.clone());
    // What runs on the master goes on whether the worker is there or not.
    let Some(spec) = spec.filter(|spec| !spec.is_here()) else { return };
    let held = hello.held.iter().find(|(command, _)| *command == spec.id);
    match (held, stop) {
        (Some((_, false)), Some(stop)) => {
            // The order to stop may have been lost with the old session.
            let (command, reason, kill) = (spec.id, stop.reason, stop.kill);
            ctx.order(Action::InterruptCommand { session, command, reason, kill });
        }
        // It never ran, and shall not any more.
        (None, Some(_)) => build::abandon(ctx, id, &Exit::Interrupted),
        (None, None) => ctx.order(Action::SendCommand { session, spec: Box::new(spec) }),
        (Some(_), _) => {}
    }
}

/// A session ended: the worker's builds wait for it (F3). A session that was replaced has nothing to say any more.
pub(crate) fn detach(ctx: &mut Ctx<'_>, session: SessionId) {
    if let Some(worker) = ctx.live.sessions.close(session) {
        gone(ctx, &worker);
    }
}

/// A worker is gone; its unfinished builds are waited for from now on.
pub(crate) fn gone(ctx: &mut Ctx<'_>, worker: &WorkerName) {
    let at = ctx.now;
    ctx.record(Record::WorkerLost { worker: worker.clone(), at });
    orphan(ctx, worker);
}

/// The builds of a worker are waited for from now on.
pub(crate) fn orphan(ctx: &mut Ctx<'_>, worker: &WorkerName) {
    let at = ctx.now;
    let builds: Vec<_> =
        ctx.state().running_on(worker).map(|build| (build.id, build.reference())).collect();
    for (id, build) in builds {
        ctx.record(Record::BuildOrphaned { id, build, at });
    }
}

/// A build's worker has been away for too long: it is tried again elsewhere (F3, LW-1).
pub(crate) fn give_up(ctx: &mut Ctx<'_>, id: BuildId) {
    let Some(build) = ctx.state().build(id) else { return };
    let (reference, worker) = (build.reference(), build.worker.clone());
    let away = build.lost_since.map_or(Span::ZERO, |since| ctx.now - since);
    let why = format!("the worker {worker} has been away for {away}");
    ctx.tell(Notice {
        kind: NoticeKind::Worker,
        subject: worker.to_string(),
        text: format!("{why}; its build {reference} is given up"),
        key: format!("lost:{worker}"),
        people: Vec::new(),
        build: Some(reference),
        step: String::new(),
    });
    quarantine::lost(ctx, id, &why);
    here::end(ctx, id, &why, true);
    build::lose(ctx, id, &why);
}

/// A command ended. Its result is taken if the command is the present one of an unfinished build; in any case its
/// worker may forget it once that is durable (I4).
pub(crate) fn finished(ctx: &mut Ctx<'_>, session: SessionId, finished: Finished) {
    let Some(worker) = ctx.live.sessions.worker(session).cloned() else { return };
    let command = finished.command;
    if let Exit::Unfit(why) = &finished.exit {
        take_out(ctx, &worker, why);
    }
    match current(ctx, &worker, command) {
        Some((id, position)) => {
            quarantine::judge(ctx, &position, &finished.exit);
            step::finished(ctx, &position, finished);
            ctx.order(Action::AckCommand { session, command });
            build::advance(ctx, id);
        }
        None => {
            ctx.record(Record::StaleResultRefused { command, worker });
            ctx.order(Action::AckCommand { session, command });
        }
    }
}

/// A command found a property.
pub(crate) fn property_found(
    ctx: &mut Ctx<'_>,
    session: SessionId,
    command: CommandId,
    name: String,
    value: serde_json::Value,
) {
    let Some(worker) = ctx.live.sessions.worker(session).cloned() else { return };
    if let Some((id, _)) = current(ctx, &worker, command) {
        step::found(ctx, id, name, value);
    }
}

/// A command told a link.
pub(crate) fn link_found(ctx: &mut Ctx<'_>, session: SessionId, command: CommandId, url: Url) {
    let Some(worker) = ctx.live.sessions.worker(session).cloned() else { return };
    if let Some((_, position)) = current(ctx, &worker, command) {
        step::linked(ctx, &position, url);
    }
}

/// A command told how far it is: no fact, so nothing is recorded.
pub(crate) fn progress_told(ctx: &mut Ctx<'_>, session: SessionId, command: CommandId, share: f64) {
    let Some(worker) = ctx.live.sessions.worker(session).cloned() else { return };
    if let Some((id, _)) = current(ctx, &worker, command)
        && (0.0..=1.0).contains(&share)
    {
        ctx.live.progress.insert(id, share);
    }
}

/// The unfinished build and running step that a command of a worker belongs to.
fn current(
    ctx: &Ctx<'_>,
    worker: &WorkerName,
    command: CommandId,
) -> Option<(BuildId, step::Position)> {
    let (id, number) = ctx.state().command(command)?;
    let build: &Build = ctx.state().build(id)?;
    let position = build::running(ctx, build)?;
    let fits = build.complete_at.is_none() && build.worker == *worker && position.number == number;
    fits.then_some((id, position))
}
