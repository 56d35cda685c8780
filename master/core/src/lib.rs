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
//! * `state`: the tables in memory, changed by `State::apply` alone;
//! * verbs: how changes become buildsets, requests become builds, and builds end;
//! * `master`: which verb answers which input.
//!
//! Invariants: everything is ordered (`BTreeMap`, never a hash map), so two runs of one list of inputs give the same
//! bytes; time never steps back; `load(tables) == state` after every commit.

pub mod action;
pub mod change;
pub mod config;
pub mod hooks;
pub mod id;
pub mod input;
pub mod model;
pub mod properties;
pub mod record;
pub mod results;
pub mod state;
pub mod time;
