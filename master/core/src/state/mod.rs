//! The tables in memory, read-only outside: `State::apply` is the only function that changes them.

mod tables;

pub use tables::{
    Built, LastIds, SourceCursor, TAIL_ANSWERS, TAIL_BUILDS, TAIL_BUILT, TAIL_CHANGES,
    TAIL_COMMITS, TAIL_KEYS, Tables, Tree,
};
