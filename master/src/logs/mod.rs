//! Logs are files: appended by offset, read by line, sealed when over (architecture.md 5).
//!
//! ```text
//! logs/<build ÷ 1000>/<build>/<log id>-<name>.log       raw bytes, append-only: less, rg and tail work
//!                                             .spans    when bytes came, on which stream
//!                                             .log.zst  instead of both, once sealed
//! ```
//!
//! What must hold:
//!
//! * Bytes are stored exactly as they came, once, in order: a log is its file (I6, LG-10).
//! * Nothing is called durable before it was synced: a worker that was told so may forget it.
//! * Memory is bounded, whatever the bytes are like: some hundreds of KiB for a busy log, 8 MiB for all together.
//! * A log without output costs nothing: no file, no sync.
//!
//! The line index of a plain log is kept in memory and made again from its bytes after a restart, in half a second for a
//! gigabyte: so it cannot disagree with them. A sealed log carries its own.

mod ack;
mod append;
mod disk;
mod entry;
mod error;
mod flush;
mod index;
mod key;
mod line;
mod lines;
mod mark;
mod pack;
mod pattern;
mod read;
mod rows;
mod seal;
mod sealed;
mod search;
mod settle;
mod span;
mod store;
mod sweep;
mod sync;
#[cfg(test)]
mod tests;
mod view;

pub use ack::{Ack, Acks, Pusher};
pub use error::LogError;
pub use key::{LogKey, MAX_SLUG, slug};
pub use line::{Appended, Found, Lengths, Line, Marks, Settled, Start, Stream, Window};
pub use pattern::Pattern;
pub use store::LogStore;
pub use sweep::Growing;

/// The largest append, in bytes.
pub const MAX_APPEND: usize = 1024 * 1024;
/// The longest text of a line that is handed out, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// The most lines in a window.
pub const MAX_LINES: usize = 4096;
/// The most text in a window, in bytes; one line more may be in it.
pub const MAX_WINDOW: usize = 2 * 1024 * 1024;
/// Marks of each kind kept from the beginning of a log, and as many from its end.
pub const MAX_MARKS: usize = 1000;
