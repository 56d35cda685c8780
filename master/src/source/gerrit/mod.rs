//! Gerrit: what it tells of, over ssh ([`Stream`]) or over HTTP (`webhook/`).
//!
//! `event` says what an event means, `ssh` how the server is reached, `stream` how it is listened to.

mod event;
mod lines;
mod ssh;
mod stream;
#[cfg(test)]
mod stream_tests;

pub(super) use event::Event;
pub(super) use stream::Stream;
