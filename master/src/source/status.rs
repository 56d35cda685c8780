//! What a source does at this moment: for people who look, never stored and never pushed (it changes every second).

use std::sync::{Mutex, PoisonError};

use linn_core::time::Timestamp;

/// What a source is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SourceState {
    /// It waits for its next look.
    #[default]
    Idle,
    /// It looks.
    Polling,
    /// Its last look failed; it waits for the next.
    Failing,
}

impl SourceState {
    /// The word of contract.md C12.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Polling => "polling",
            Self::Failing => "failing",
        }
    }
}

/// What a source is doing, and when (C12).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceStatus {
    /// What.
    pub state: SourceState,
    /// When its last look ended; `None`: it has not looked since the master started.
    pub last_poll_at: Option<Timestamp>,
    /// When it will look again; `None`: it is looking or listening, or has ended.
    pub next_poll_at: Option<Timestamp>,
}

/// Where a source's task writes its status and others read it.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<SourceStatus>);

impl Board {
    pub(super) fn read(&self) -> SourceStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn polling(&self) {
        let mut status = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        status.state = SourceState::Polling;
        status.next_poll_at = None;
    }

    /// It listens, and heard something just now.
    pub(super) fn listening(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            SourceStatus { state: SourceState::Idle, last_poll_at: Some(now), next_poll_at: None };
    }

    pub(super) fn waiting(&self, state: SourceState, now: Timestamp, next: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            SourceStatus { state, last_poll_at: Some(now), next_poll_at: Some(next) };
    }
}
