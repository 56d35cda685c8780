//! Which verb answers which input. One input is handled to its end: then deadlines, then distribution.

use std::sync::Arc;

use crate::action::{Action, Answer};
use crate::config::Config;
use crate::ctx::{Ctx, Outbox};
use crate::explain::Explainer;
use crate::hooks::Hooks;
use crate::id::{BuildId, ChangeId, RequestId, Token};
use crate::input::{Asking, Input};
use crate::live::Live;
use crate::lock::{self, LockView};
use crate::model::{Stop, Wait};
use crate::record::{Record, Subject};
use crate::resolve;
use crate::results::Results;
use crate::schedule::force::{self, Force};
use crate::schedule::try_::{self, Try};
use crate::state::{State, Tables};
use crate::time::{Span, Timestamp};
use crate::timers::{Timer, lost_deadline, max_time_deadline};
use crate::worker::{self, Hello};
use crate::{
    build, cancel, distribute, here, intake, pin, rebuild, reconfigure, retention, schedule,
    trouble,
};

/// How long an asking's id is known again.
const ANSWER_KEPT: Span = Span::minutes(24 * 60);

/// Decides what a master does. It performs nothing.
#[derive(Debug)]
pub struct Master {
    state: State,
    live: Live,
    now: Timestamp,
}

impl Master {
    /// Takes up where a store left off. `configs`: older generations that unfinished builds began with, then the
    /// current one last. Workers are presumed gone, and whoever builds is waited for anew from `now`.
    ///
    /// # Panics
    /// When `configs` is empty: a master without a configuration is a mistake of its caller.
    pub fn restore(
        mut configs: Vec<Arc<Config>>,
        tables: Tables,
        now: Timestamp,
        hooks: &dyn Hooks,
        out: &mut Outbox,
    ) -> Self {
        let current = configs.pop().expect("the caller gives the current configuration last");
        let digest = current.digest.clone();
        let mut master =
            Self { state: State::from_tables(tables), live: Live::new(configs, current), now };
        master.live.release(&master.state);
        master.live.time_all(&master.state);
        master.live.line_up(&master.state);
        master.live.all_dirty(&master.state);
        // Only then deadlines count: those who build are waited for anew from now.
        master.with(now, hooks, out, When::First, |ctx| {
            if ctx.state().config() != Some(&digest) {
                ctx.record(Record::ConfigApplied { digest, at: now });
            }
            schedule::switch::settle(ctx);
            retention::settle(ctx);
            let connected: Vec<_> = ctx
                .state()
                .workers()
                .filter(|worker| worker.connected_at.is_some())
                .map(|worker| worker.name.clone())
                .collect();
            for worker in connected {
                ctx.record(Record::WorkerLost { worker, at: now });
            }
            let unfinished: Vec<_> =
                ctx.state().unfinished().map(|build| (build.id, build.reference())).collect();
            for (id, build) in unfinished {
                ctx.record(Record::BuildOrphaned { id, build, at: now });
                let known = ctx.state().build(id).is_some_and(|it| ctx.live.recipe(it).is_some());
                if !known {
                    build::lose(ctx, id, "the configuration it began with is not at hand");
                } else if here::runs(ctx, id) {
                    build::lose(ctx, id, "the master ended while it ran this step");
                }
            }
            resolve::ask_again(ctx);
        });
        master
    }

    /// Handles one input to its end. Never fails: what cannot be done is refused with a reason. Time never steps back:
    /// an earlier `now` counts as the latest one.
    pub fn handle(&mut self, now: Timestamp, input: Input, hooks: &dyn Hooks, out: &mut Outbox) {
        // What was due before this input happened before it, however late the caller is; time that nobody saw makes nothing due.
        let when = match input {
            Input::TimeSkipped(_) => When::First,
            _ => When::AfterDue,
        };
        self.with(now, hooks, out, when, |ctx| take(ctx, input));
    }

    /// When [`Input::Timeout`] is next due, if ever.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.live.timers.next()
    }

    /// All that is known, read-only.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The configuration that is followed.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.live.current.config
    }

    /// The configuration that an unfinished build began with; of a finished one only while others need it too.
    #[must_use]
    pub fn config_of(&self, build: BuildId) -> Option<&Arc<Config>> {
        self.live.recipe(self.state.build(build)?)
    }

    /// The configurations that unfinished builds began with, and the one that is followed, which is the last.
    #[must_use]
    pub fn generations(&self) -> Vec<Arc<Config>> {
        let current = self.config();
        let older = self.live.generations.values().filter(|config| config.digest != current.digest);
        older.chain([current]).cloned().collect()
    }

    /// Why nothing new is started, if so: the disk under the master is nearly full.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.live.trouble.as_deref()
    }

    /// Tells why requests do not run now (C13).
    #[must_use]
    pub fn explainer(&self) -> Explainer<'_> {
        Explainer::new(&self.state, &self.live, self.now)
    }

    /// Every lock: who holds it, who waits for it.
    #[must_use]
    pub fn locks(&self) -> Vec<LockView> {
        lock::all(&self.state, &self.live)
    }

    /// Why a request does not run now (C13); empty when it does, or is over. Of many, ask the [`Explainer`].
    #[must_use]
    pub fn waits(&self, request: RequestId) -> Vec<Wait> {
        let request = self.state.request(request);
        request.map_or_else(Vec::new, |request| self.explainer().waits(request))
    }

    /// How far a build's running step is, from 0 to 1, as its command told last (F21).
    #[must_use]
    pub fn progress(&self, build: BuildId) -> Option<f64> {
        self.live.progress.get(&build).copied()
    }

    /// The builds of which that is known.
    pub fn progressing(&self) -> impl Iterator<Item = BuildId> {
        self.live.progress.keys().copied()
    }

    fn with(
        &mut self,
        now: Timestamp,
        hooks: &dyn Hooks,
        out: &mut Outbox,
        when: When,
        verb: impl FnOnce(&mut Ctx<'_>),
    ) {
        self.now = self.now.max(now);
        let mut ctx = Ctx::new(self.now, &mut self.state, &mut self.live, hooks, out);
        if when == When::AfterDue {
            run_due(&mut ctx);
        }
        verb(&mut ctx);
        run_due(&mut ctx);
        distribute::run(&mut ctx);
        reconfigure::show_out(&mut ctx);
    }
}

/// When a verb happens, beside deadlines that have come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before them.
    First,
    /// After them.
    AfterDue,
}

/// Does what deadlines ask for.
fn run_due(ctx: &mut Ctx<'_>) {
    while let Some(timer) = ctx.live.timers.pop(ctx.now) {
        match timer {
            Timer::Scheduler(name) => {
                schedule::fire(ctx, &name);
                ctx.time_scheduler(&name);
            }
            Timer::Build(id) => build_due(ctx, id),
            Timer::Worker(name) => worker::rested(ctx, name),
            Timer::Retention => retention::due(ctx),
            Timer::Queue(builder) => _ = ctx.live.dirty.rounds.insert(builder),
        }
    }
}

fn build_due(ctx: &mut Ctx<'_>, id: BuildId) {
    let now = ctx.now;
    let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let Some(build) = ctx.state().build(id) else { return };
    let Some(recipe) = ctx.live.recipe(build) else { return };
    if due(lost_deadline(build, recipe)) {
        return worker::give_up(ctx, id);
    }
    if let Some(deadline) = max_time_deadline(build, recipe, ctx.live.unseen_of(id))
        && deadline <= now
    {
        let limit = deadline - (build.started_at + ctx.live.unseen_of(id));
        let stop = Stop {
            reason: format!("it took longer than {limit}"),
            by: String::new(),
            kill: false,
            results: Results::Failure,
            at: now,
        };
        build::stop(ctx, id, stop);
    }
}

/// Gives the answer that the same asking got before, if it did (within a day).
fn answered_before(ctx: &mut Ctx<'_>, asking: &Asking, changes: bool) -> bool {
    if asking.request_id.is_empty() {
        return false;
    }
    let Some((made, at)) = ctx.state().answer(&asking.request_id) else { return false };
    if ctx.now - at > ANSWER_KEPT {
        return false;
    }
    let made = made.to_vec();
    let answer =
        if changes { Answer::Changes(change_ids(&made)) } else { Answer::Accepted { made } };
    reply(ctx, asking.token, answer);
    true
}

fn change_ids(made: &[Subject]) -> Vec<ChangeId> {
    let ids = made.iter().filter_map(|subject| match subject {
        Subject::Change(id) => Some(*id),
        _ => None,
    });
    ids.collect()
}

fn reply(ctx: &mut Ctx<'_>, token: Token, answer: Answer) {
    ctx.order(Action::Reply { token, answer });
}

fn take(ctx: &mut Ctx<'_>, input: Input) {
    match input {
        Input::ChangesSubmitted { asking, changes, commits } => {
            if !answered_before(ctx, &asking, true) {
                intake::submitted(ctx, &asking, changes, commits);
            }
        }
        Input::SourcePolled { source, asking, changes, tips, commits } => {
            intake::polled(ctx, source, asking.as_ref(), changes, tips, commits);
        }
        Input::SourceFailed { source, asking, error } => {
            intake::failed(ctx, &source, asking.as_ref(), error);
        }
        Input::ForceRequested { .. }
        | Input::TryRequested { .. }
        | Input::RebuildRequested { .. }
        | Input::StopRequested { .. }
        | Input::CancelRequested { .. }
        | Input::PriorityRequested { .. }
        | Input::SchedulerControlled { .. }
        | Input::PinRequested { .. }
        | Input::WorkerControlled { .. } => take_asking(ctx, input),
        Input::WorkerAttached { session, name, instance, info, held } => {
            worker::attach(ctx, &Hello { session, name, instance, info, held });
        }
        Input::HistoryChosen { under, bite } => retention::delete(ctx, &under, *bite),
        Input::HistoryRead { by, failed } => retention::ended(ctx, by, failed),
        Input::WorkerDetached { session } => worker::detach(ctx, session),
        // The start of a command says nothing that its end does not say again.
        Input::CommandStarted { .. } | Input::Timeout => {}
        Input::PropertyFound { session, command, name, value } => {
            worker::property_found(ctx, session, command, name, value);
        }
        Input::LinkFound { session, command, url } => {
            worker::link_found(ctx, session, command, url);
        }
        Input::ProgressTold { session, command, share } => {
            worker::progress_told(ctx, session, command, share);
        }
        Input::CommandFinished { session, finished } => worker::finished(ctx, session, *finished),
        Input::HereFinished { finished } => here::finished(ctx, *finished),
        Input::StampsResolved { buildset, answers, commits } => {
            for (repository, commits) in commits {
                intake::learn(ctx, repository, commits);
            }
            resolve::answered(ctx, buildset, answers);
        }
        Input::Reconfigured(config) => reconfigure::reconfigure(ctx, config),
        Input::ConfigRefused { file, why } => reconfigure::refused(ctx, file, &why),
        Input::DiskState(trouble) => trouble::disk_state(ctx, trouble),
        Input::TimeSkipped(span) => trouble::time_skipped(ctx, span),
    }
}

/// What people ask for: the same asking again is answered again, and does nothing.
fn take_asking(ctx: &mut Ctx<'_>, input: Input) {
    match input {
        Input::ForceRequested {
            asking,
            builders,
            scheduler,
            stamps,
            commits,
            properties,
            reason,
            priority,
            external_id,
        } if !answered_before(ctx, &asking, false) => {
            for (repository, commits) in commits {
                intake::learn(ctx, repository, commits);
            }
            let asked =
                Force { builders, scheduler, stamps, properties, reason, priority, external_id };
            force::force(ctx, &asking, asked);
        }
        Input::TryRequested {
            asking,
            builders,
            scheduler,
            stamps,
            commits,
            properties,
            comment,
            external_id,
        } if !answered_before(ctx, &asking, false) => {
            for (repository, commits) in commits {
                intake::learn(ctx, repository, commits);
            }
            let asked = Try { builders, scheduler, stamps, properties, comment, external_id };
            try_::try_(ctx, &asking, asked);
        }
        Input::RebuildRequested { asking, build, asked_for, named, latest, commits, reason }
            if !answered_before(ctx, &asking, false) =>
        {
            for (repository, commits) in commits {
                intake::learn(ctx, repository, commits);
            }
            let build = build.as_deref().map(|build| (build, asked_for.unwrap_or_default()));
            rebuild::rebuild(ctx, &asking, build, &named, latest, &reason);
        }
        Input::StopRequested { asking, build, reason, kill }
            if !answered_before(ctx, &asking, false) =>
        {
            cancel::stop(ctx, &asking, build, reason, kill);
        }
        Input::CancelRequested { asking, request, reason }
            if !answered_before(ctx, &asking, false) =>
        {
            cancel::cancel(ctx, &asking, request, &reason);
        }
        Input::PriorityRequested { asking, request, priority }
            if !answered_before(ctx, &asking, false) =>
        {
            cancel::prioritise(ctx, &asking, request, priority);
        }
        Input::SchedulerControlled { asking, scheduler, enabled }
            if !answered_before(ctx, &asking, false) =>
        {
            schedule::switch::control(ctx, &asking, scheduler, enabled);
        }
        Input::PinRequested { asking, build, named, reason }
            if !answered_before(ctx, &asking, false) =>
        {
            pin::pin(ctx, &asking, build.as_deref(), &named, reason);
        }
        Input::WorkerControlled { asking, worker, verb, reason }
            if !answered_before(ctx, &asking, false) =>
        {
            worker::control(ctx, &asking, worker, verb, reason);
        }
        _ => {}
    }
}
