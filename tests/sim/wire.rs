//! A connection between a worker and the master: four queues, each in order and late by chance, none in step with another.
//! When it is cut, a chance part of what is under way still arrives, and each end hears of the cut at its own time.

use std::collections::VecDeque;

use linn_core::id::SessionId;
use linn_proto::worker::{LogAcked, LogAppend, from_worker, to_worker};

use crate::random::Random;

/// What an end hears.
pub(crate) enum Heard<T> {
    /// A message of the session stream.
    Say(T),
    /// The connection is gone.
    Gone,
}

/// One direction of one stream.
struct Lane<T>(VecDeque<(i64, T)>);

impl<T> Lane<T> {
    fn send(&mut self, at: i64, what: T) {
        let at = self.0.back().map_or(at, |(last, _)| at.max(*last));
        self.0.push_back((at, what));
    }

    fn take(&mut self, now: i64) -> Option<T> {
        let due = self.0.front().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.0.pop_front()).flatten().map(|(_, what)| what)
    }

    fn next(&self) -> Option<i64> {
        self.0.front().map(|(at, _)| *at)
    }

    fn tear(&mut self, random: &mut Random) {
        let keep = random.place(self.0.len() + 1);
        self.0.truncate(keep);
    }
}

/// One connection.
pub(crate) struct Wire {
    /// Whose.
    pub(crate) machine: usize,
    /// The master's number for it, once it said Hello; gone again when the session is over.
    pub(crate) session: Option<SessionId>,
    up: Lane<Heard<from_worker::Msg>>,
    logs: Lane<LogAppend>,
    down: Lane<Heard<to_worker::Msg>>,
    acks: Lane<LogAcked>,
    cut: bool,
}

impl Wire {
    /// A fresh one.
    pub(crate) fn new(machine: usize) -> Self {
        let (up, down) = (Lane(VecDeque::new()), Lane(VecDeque::new()));
        let (logs, acks) = (Lane(VecDeque::new()), Lane(VecDeque::new()));
        Self { machine, session: None, up, logs, down, acks, cut: false }
    }

    /// Whether messages still go through.
    pub(crate) const fn stands(&self) -> bool {
        !self.cut
    }

    /// Says something to the master; on a cut wire it is lost.
    pub(crate) fn say_up(&mut self, at: i64, what: from_worker::Msg) {
        if self.stands() {
            self.up.send(at, Heard::Say(what));
        }
    }

    /// Sends log bytes; on a cut wire they are lost.
    pub(crate) fn push(&mut self, at: i64, piece: LogAppend) {
        if self.stands() {
            self.logs.send(at, piece);
        }
    }

    /// Says something to the worker; on a cut wire it is lost.
    pub(crate) fn say_down(&mut self, at: i64, what: to_worker::Msg) {
        if self.stands() {
            self.down.send(at, Heard::Say(what));
        }
    }

    /// Acknowledges log bytes; on a cut wire that is lost.
    pub(crate) fn ack(&mut self, at: i64, acked: LogAcked) {
        if self.stands() {
            self.acks.send(at, acked);
        }
    }

    /// The network cuts it.
    pub(crate) fn tear(&mut self, master_hears: i64, worker_hears: i64, random: &mut Random) {
        if self.stands() {
            self.up.tear(random);
            self.logs.tear(random);
            self.down.tear(random);
            self.acks.tear(random);
            self.up.send(master_hears, Heard::Gone);
            self.down.send(worker_hears, Heard::Gone);
            self.cut = true;
        }
    }

    /// The master's end is no more: it died (`torn`), or ended this connection in good order.
    pub(crate) fn close_above(&mut self, worker_hears: i64, torn: Option<&mut Random>) {
        self.session = None;
        self.up.0.clear();
        self.logs.0.clear();
        if self.stands() {
            if let Some(random) = torn {
                self.down.tear(random);
                self.acks.tear(random);
            }
            self.down.send(worker_hears, Heard::Gone);
            self.cut = true;
        }
    }

    /// The worker's end is no more: its agent died, or left.
    pub(crate) fn close_below(&mut self, master_hears: i64, random: &mut Random) {
        self.down.0.clear();
        self.acks.0.clear();
        if self.stands() {
            self.up.tear(random);
            self.logs.tear(random);
            self.up.send(master_hears, Heard::Gone);
            self.cut = true;
        }
    }

    /// What the master hears by now on the session stream.
    pub(crate) fn master_hears(&mut self, now: i64) -> Option<Heard<from_worker::Msg>> {
        self.up.take(now)
    }

    /// The log bytes that have arrived by now.
    pub(crate) fn bytes_arrive(&mut self, now: i64) -> Option<LogAppend> {
        self.logs.take(now)
    }

    /// What the worker hears by now on the session stream.
    pub(crate) fn worker_hears(&mut self, now: i64) -> Option<Heard<to_worker::Msg>> {
        self.down.take(now)
    }

    /// The acknowledgements of log bytes that have arrived by now.
    pub(crate) fn ack_arrives(&mut self, now: i64) -> Option<LogAcked> {
        self.acks.take(now)
    }

    /// The next moment at which something happens on it.
    pub(crate) fn next(&self) -> Option<i64> {
        [self.up.next(), self.logs.next(), self.down.next(), self.acks.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether both ends have heard that it is cut.
    pub(crate) fn is_over(&self) -> bool {
        self.cut && self.next().is_none()
    }
}
