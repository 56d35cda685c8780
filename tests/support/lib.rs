//! What the tests share: real processes in a folder of their own, a wire that can be cut, a terminal, a session bus.
//!
//! Nothing here waits by the clock alone: every wait names what it waits for and fails with what was seen instead.

pub mod bus;
pub mod digest;
pub mod repository;
pub mod scenario;
pub mod sequences;
pub mod site;
pub mod terminal;
pub mod wire;
