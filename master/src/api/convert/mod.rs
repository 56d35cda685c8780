//! Wire ↔ core, both ways: the only place where the two meet.
//!
//! Towards the wire nothing can fail. From the wire everything is hostile until checked: each function that reads says
//! what is wrong in a sentence, and copies nothing that is over its limit.

mod change;
mod command;
mod said;
mod thing;
mod words;

pub(crate) use change::{change, read_change};
pub(crate) use command::{
    SPOOL_LIMIT_BYTES, held_answer, read_files, read_finished, read_held, read_info, read_property,
    start,
};
pub(crate) use said::read_link;
pub(crate) use thing::{
    Asked, BuilderFacts, WorkerFacts, build, builder, buildset, forms, lock, notice, request,
    scheduler, set_progress, set_tests, summary, waits,
};
pub(crate) use words::{at, at_opt, properties, property, results, stamps};
