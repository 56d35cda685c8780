//! The mind of a linn master: it decides, and performs nothing.
//!
//! Inputs go in with the time; [`record::Record`]s (facts, past tense) and [`action::Action`]s (orders) come out of
//! `Master::handle`. Whoever drives it commits the records durably before performing any action. There is no
//! IO, no clock, no randomness and no thread here, so a core cannot fail: what cannot be done is *refused* with a reason.
//!
//! The map, in the order of dependence:
//!
//! * words: [`id`], [`time`], [`results`], [`properties`], [`change`], [`model`], [`config`];
//! * the language of the edges: [`input`], [`record`], [`action`], [`hooks`];
//! * [`state`]: the tables in memory, changed by `State::apply` alone;
//! * verbs: how changes become buildsets (`intake`, `schedule`, `buildset`), requests become builds (`distribute`,
//!   `build`, `step`, `render`), builds end (`cancel`, `worker`, `rebuild`), and what that says (`blame`, `notice`);
//! * [`master`]: which verb answers which input, and [`ctx`]: what a verb may do;
//! * for views: [`eta`], [`explain`], [`schedule::explain`], [`view`]; for tests: [`testing`].
//!
//! Invariants: everything is ordered (`BTreeMap`, never a hash map), so two runs of one list of inputs give the same
//! bytes; time never steps back; `load(tables) == state` after every commit.

pub mod action;
mod blame;
#[cfg(test)]
mod blame_tests;
mod build;
#[cfg(test)]
mod build_tests;
mod buildset;
mod cancel;
mod canceller;
pub mod change;
mod command;
pub mod config;
pub mod cron;
pub mod ctx;
mod distribute;
pub mod eta;
pub mod explain;
mod filter;
mod here;
pub mod hooks;
pub mod id;
mod inheritance;
pub mod input;
mod intake;
mod live;
pub mod lock;
pub mod master;
mod merge;
pub mod model;
mod notice;
pub mod patch;
pub mod pin;
pub mod plan;
mod policy;
pub mod properties;
mod queue;
mod rebuild;
mod reconfigure;
pub mod record;
pub mod refusal;
pub mod render;
mod resolve;
pub mod results;
pub mod retention;
pub mod schedule;
pub mod state;
mod step;
mod template;
pub mod testing;
pub mod time;
pub mod timers;
mod trigger;
mod trouble;
pub mod view;
mod worker;
#[cfg(test)]
mod worker_tests;
