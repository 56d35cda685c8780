//! A little harness for tests here and elsewhere: say inputs, read records and actions as one-line transcripts.
//!
//! [`Harness`] drives a `Master` as an engine would, without a store, and keeps every law that a state must obey under
//! watch: after each input `State::from_tables(state.tables()) == state`. A [`Recording`] is a list of inputs as text,
//! and a [`Player`] steps through one: `linn replay` and the simulator share them.

mod harness;
mod line;
mod player;
mod recording;
mod sketch;

pub use harness::{Harness, Said};
pub use line::{action_line, line};
pub use player::Player;
pub use recording::{Mark, Moment, Recording, RecordingError, What};
pub use sketch::{
    any_branch, builder, change, config, dependent, force, git, nightly, shell, single_branch,
    small_site, stamp, timer, worker,
};
