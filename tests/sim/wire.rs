//! A connection between a worker and the master: two queues in order, each message late by chance. When it is cut, what is
//! under way is lost, and each end hears of it at its own time.

use std::collections::VecDeque;

use linn_proto::worker::{LogAcked, LogAppend, from_worker, to_worker};

/// What a worker sends.
pub(crate) enum Up {
    /// On the session stream.
    Say(from_worker::Msg),
    /// On the log stream.
    Log(LogAppend),
}

/// What the master sends.
pub(crate) enum Down {
    /// On the session stream.
    Say(to_worker::Msg),
    /// On the log stream.
    Acked(LogAcked),
}

/// One connection.
pub(crate) struct Wire {
    /// To the master, with the moment of arrival.
    pub(crate) up: VecDeque<(i64, Up)>,
    /// To the worker.
    pub(crate) down: VecDeque<(i64, Down)>,
    /// When the master hears that it is cut.
    pub(crate) master_hears: Option<i64>,
    /// When the worker hears that it is cut.
    pub(crate) worker_hears: Option<i64>,
}

impl Wire {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        Self { up: VecDeque::new(), down: VecDeque::new(), master_hears: None, worker_hears: None }
    }

    /// Whether messages still go through.
    pub(crate) fn stands(&self) -> bool {
        self.master_hears.is_none() && self.worker_hears.is_none()
    }

    /// Sends to the master; on a cut wire it is lost.
    pub(crate) fn send_up(&mut self, at: i64, what: Up) {
        if self.stands() {
            let at = self.up.back().map_or(at, |(last, _)| at.max(*last));
            self.up.push_back((at, what));
        }
    }

    /// Sends to the worker; on a cut wire it is lost.
    pub(crate) fn send_down(&mut self, at: i64, what: Down) {
        if self.stands() {
            let at = self.down.back().map_or(at, |(last, _)| at.max(*last));
            self.down.push_back((at, what));
        }
    }

    /// Cuts it.
    pub(crate) fn cut(&mut self, master_hears: i64, worker_hears: i64) {
        if self.stands() {
            self.up.clear();
            self.down.clear();
            self.master_hears = Some(master_hears);
            self.worker_hears = Some(worker_hears);
        }
    }

    /// The next moment at which something happens on it.
    pub(crate) fn next(&self) -> Option<i64> {
        [
            self.up.front().map(|(at, _)| *at),
            self.down.front().map(|(at, _)| *at),
            self.master_hears,
            self.worker_hears,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
