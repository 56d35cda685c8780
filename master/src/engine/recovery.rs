//! What happens when a commit fails: memory is ahead of the disk, so memory is thrown away and loaded anew.
//!
//! Until that has worked nobody is left waiting: askers get the sentence that says why, sessions are ended so that their
//! workers come again, and nothing else needs keeping, for whoever told of it was not acknowledged and will tell again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use linn_core::action::Action;
use linn_core::input::Input;

use super::handle::{Gone, Message};
use super::{Batch, Engine, restore};
use crate::store::{SeqRange, StoreError};

/// How long to wait before the store is opened again: doubles up to the second one.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Engine {
    /// The first commit of a freshly loaded state, with everything shown anew.
    pub(super) fn commit_first(&mut self) -> Result<(), StoreError> {
        let (records, actions) = self.out.take();
        let now = self.parts.clock.now();
        // Without records too: the number is the store's, which after a failed commit may be ahead of what we believed.
        self.seq = self.parts.store.commit(now, &records)?.last;
        let all = self.parts.view.everything(&self.master, now);
        self.parts.hub.replace(self.seq, now, all);
        for action in actions {
            self.parts.act.perform(action, self.seq, now, &self.master);
        }
        Ok(())
    }

    /// Tells everybody whose input was in a batch that could not be written.
    pub(super) fn not_written(&self, error: &StoreError, actions: &[Action], batch: Batch) {
        let gone = Gone::NotWritten(error.to_string());
        for token in actions.iter().filter_map(Action::answers) {
            self.parts.act.replies.answer(token, Err(gone.clone()));
        }
        for settled in batch.settled {
            drop(settled.send(Err(gone.clone())));
        }
        for question in batch.questions {
            question(Err(gone.clone()));
        }
    }

    /// Throws the state away and loads it anew, again and again until that works. `false`: the master is to end instead.
    pub(super) fn start_over(&mut self, error: &StoreError) -> bool {
        tracing::error!("a commit failed, so the state is loaded anew: {error}");
        let mut why = error.to_string();
        let mut pause = RETRY.0;
        self.parts.act.sessions.close_all();
        self.parts.act.here.give(crate::here::Order::EndAll);
        self.show_trouble(&why);
        loop {
            self.turn_away(&why);
            if self.ending.load(Ordering::Acquire) {
                return false;
            }
            match self.reload() {
                Ok(()) => {
                    tracing::warn!("the state is loaded anew; going on");
                    self.parts.metrics.reloaded();
                    return true;
                }
                Err(error) => why = error.to_string(),
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// Consoles see at once why nothing moves: no commit will tell them.
    fn show_trouble(&mut self, why: &str) {
        let now = self.parts.clock.now();
        self.parts.view.set_trouble(Some(why.to_owned()));
        let none = SeqRange { first: self.seq + 1, last: self.seq };
        let news = self.parts.view.news(&self.master, &self.parts.hub, &[], none, now);
        self.parts.hub.publish(self.seq, now, news);
    }

    fn reload(&mut self) -> Result<(), StoreError> {
        // The old store must let go of the folder before another can have it.
        self.parts.store = Box::new(NoStore);
        self.parts.store = (self.parts.open)()?;
        let tables = self.parts.store.load()?;
        let (master, out) = restore(&mut self.parts, tables);
        (self.master, self.out) = (master, out);
        self.parts.view.set_trouble(None);
        self.disk.forget();
        self.look_at_disk();
        self.commit_first()
    }

    /// Answers what has arrived meanwhile: nothing can be decided without a disk.
    fn turn_away(&mut self, why: &str) {
        let gone = || Gone::NotWritten(why.to_owned());
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Input(input, settled) => {
                    if let Some(token) = input.asking().map(|asking| asking.token) {
                        self.parts.act.replies.answer(token, Err(gone()));
                    }
                    if let Some(settled) = settled {
                        drop(settled.send(Err(gone())));
                    }
                    if let Input::WorkerAttached { session, .. } = *input {
                        self.parts.act.sessions.close(session);
                    }
                }
                Message::Follow(_, _, settled) => drop(settled.send(Err(gone()))),
                Message::Ask(question) => question(Err(gone())),
                // Seen by its flag.
                Message::Stop => {}
            }
        }
    }
}

/// Holds the place while no store is open.
struct NoStore;

impl NoStore {
    fn closed<T>() -> Result<T, StoreError> {
        let (file, detail) = ("the store".to_owned(), "it is closed".to_owned());
        Err(StoreError::Other { file, detail })
    }
}

impl crate::store::Store for NoStore {
    fn commit(
        &mut self,
        _at: linn_core::time::Timestamp,
        _records: &[linn_core::record::Record],
    ) -> Result<crate::store::SeqRange, StoreError> {
        Self::closed()
    }

    fn load(&mut self) -> Result<linn_core::state::Tables, StoreError> {
        Self::closed()
    }

    fn keep_config(
        &mut self,
        _digest: &linn_core::id::ConfigDigest,
        _sources: &[(String, String)],
    ) -> Result<(), StoreError> {
        Self::closed()
    }

    fn tidy(&mut self, _now: linn_core::time::Timestamp) -> Result<bool, StoreError> {
        Self::closed()
    }
}
