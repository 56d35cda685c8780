//! The protocols between master, workers and consoles, and nothing else.
//!
//! The code under `gen/` is generated from the `.proto` files beside this crate and committed, so that a clone builds
//! with cargo alone; `tests/bootstrap.rs` makes it again and fails when it differs. Set `UPDATE=1` to accept.
//! The conventions are at the top of `common.proto`.

/// The number both sides say first. A worker or console with another one is refused with words to show its user.
pub const PROTOCOL: u32 = 1;

/// The largest message anybody may send, in bytes: larger things are streamed.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// The largest piece of a log in one [`worker::LogAppend`], in bytes.
pub const MAX_LOG_PIECE_BYTES: usize = 256 * 1024;

/// The longest text of one line in a [`console::LogLine`], in bytes; the rest is fetched as raw bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

// Generated code is judged by its generator.
#[expect(
    missing_docs,
    unreachable_pub,
    clippy::large_enum_variant,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod generated {
    pub mod linn {
        pub mod common {
            pub mod v1 {
                include!("gen/linn.common.v1.rs");
            }
        }
        pub mod entity {
            pub mod v1 {
                include!("gen/linn.entity.v1.rs");
            }
        }
        pub mod console {
            pub mod v1 {
                include!("gen/linn.console.v1.rs");
            }
        }
        pub mod control {
            pub mod v1 {
                include!("gen/linn.control.v1.rs");
            }
        }
        pub mod change {
            pub mod v1 {
                include!("gen/linn.change.v1.rs");
            }
        }
        pub mod worker {
            pub mod v1 {
                include!("gen/linn.worker.v1.rs");
            }
        }
    }
}

/// Changes from outside.
pub use generated::linn::change::v1 as change;
/// Words that every protocol shares.
pub use generated::linn::common::v1 as common;
/// Reading.
pub use generated::linn::console::v1 as console;
/// Changing.
pub use generated::linn::control::v1 as control;
/// The things a console shows.
pub use generated::linn::entity::v1 as entity;
/// Workers.
pub use generated::linn::worker::v1 as worker;
