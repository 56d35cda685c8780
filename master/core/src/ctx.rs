//! What a handler may do: look, record and order. What comes out is gathered in an [`Outbox`].
//!
//! A record is applied to the state at once, so that the next decision sees it; it becomes durable with the rest of
//! the outbox before any action is performed.

use std::sync::Arc;

use crate::action::{Action, Answer, Refusal};
use crate::config::Config;
use crate::hooks::{HookError, HookId, Hooks};
use crate::id::{BuildId, BuildRef, SchedulerName};
use crate::input::Asking;
use crate::live::Live;
use crate::model::{Notice, NoticeKind};
use crate::record::{Record, Subject};
use crate::state::State;
use crate::time::{Span, Timestamp};

/// What handling inputs gave: facts to make durable, then orders to carry out, each in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outbox {
    records: Vec<Record>,
    actions: Vec<Action>,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts so far.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The orders so far.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Whether nothing came out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.actions.is_empty()
    }

    /// Takes all out and leaves it empty: records to commit, then actions to perform.
    #[must_use = "records that are not committed are lost"]
    pub fn take(&mut self) -> (Vec<Record>, Vec<Action>) {
        (std::mem::take(&mut self.records), std::mem::take(&mut self.actions))
    }
}

/// What a handler sees. It can look, record and order; it cannot drain.
pub(crate) struct Ctx<'a> {
    /// The moment of this input; never earlier than that of the one before.
    pub(crate) now: Timestamp,
    state: &'a mut State,
    /// What is no fact: sessions, deadlines, generations.
    pub(crate) live: &'a mut Live,
    /// User-written policy.
    pub(crate) hooks: &'a dyn Hooks,
    out: &'a mut Outbox,
}

impl<'a> Ctx<'a> {
    pub(crate) fn new(
        now: Timestamp,
        state: &'a mut State,
        live: &'a mut Live,
        hooks: &'a dyn Hooks,
        out: &'a mut Outbox,
    ) -> Self {
        Self { now, state, live, hooks, out }
    }

    /// All that is known.
    pub(crate) fn state(&self) -> &State {
        self.state
    }

    /// The configuration that is followed.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.live.current.config)
    }

    /// Follows another configuration.
    pub(crate) fn follow(&mut self, config: Arc<Config>) {
        self.live.follow(config, self.state);
    }

    /// Every builder that waits is to be looked at by the next distribution.
    pub(crate) fn all_dirty(&mut self) {
        self.live.all_dirty(self.state);
    }

    /// Works a scheduler's deadline out again.
    pub(crate) fn time_scheduler(&mut self, name: &SchedulerName) {
        self.live.time_scheduler(name, self.state);
    }

    /// Nobody saw so much of an unfinished build's time.
    pub(crate) fn unsee(&mut self, build: BuildId, span: Span) {
        self.live.unsee(build, span, self.state);
    }

    /// Makes a fact true, and keeps it for the store.
    pub(crate) fn record(&mut self, record: Record) {
        self.state.apply(&record);
        self.live.learn(&record, self.state);
        self.out.records.push(record);
    }

    /// Orders something, to be done once all facts are durable.
    pub(crate) fn order(&mut self, action: Action) {
        self.out.actions.push(action);
    }

    /// Tells people.
    pub(crate) fn tell(&mut self, notice: Notice) {
        self.record(Record::NoticeRaised(Box::new(notice)));
    }

    /// Tells people that a function of the configuration erred, and what happens instead (F43).
    pub(crate) fn tell_hook(
        &mut self,
        hook: &HookId,
        error: &HookError,
        instead: &str,
        build: Option<BuildRef>,
    ) {
        let subject = build.as_ref().map_or_else(|| hook.label.clone(), ToString::to_string);
        self.tell(Notice {
            kind: NoticeKind::Hook,
            subject,
            text: format!("the function {} failed: {error}; {instead}", hook.label),
            key: format!("hook:{}", hook.label),
            people: Vec::new(),
            build,
            step: String::new(),
        });
    }

    /// Answers an asking: done, and this was made or changed.
    pub(crate) fn accept(&mut self, asking: &Asking, made: Vec<Subject>) {
        self.remember(asking, &made);
        self.order(Action::Reply { token: asking.token, answer: Answer::Accepted { made } });
    }

    /// Keeps an answer, so that the same asking again does nothing twice.
    pub(crate) fn remember(&mut self, asking: &Asking, made: &[Subject]) {
        if !asking.request_id.is_empty() {
            self.record(Record::AskingAnswered {
                request_id: asking.request_id.clone(),
                made: made.to_vec(),
                at: self.now,
            });
        }
    }

    /// Answers an asking: not done, and why. Kept in the journal for the audit, under what was asked about (C15).
    pub(crate) fn refuse(
        &mut self,
        asking: &Asking,
        verb: &str,
        about: &impl ToString,
        refusal: Refusal,
    ) {
        self.record(Record::InputRefused {
            verb: verb.to_owned(),
            about: about.to_string(),
            who: asking.who.clone(),
            what: refusal.what.clone(),
        });
        self.order(Action::Reply { token: asking.token, answer: Answer::Refused(refusal) });
    }
}
