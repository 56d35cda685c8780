//! The human's tool: the interactive console, the plain feed, the scripting commands and the client they share.
//!
//! The console is an Elm program (`Model`, `Message`, `update`, `view`): `update` is pure and gets the time as a tick,
//! so any screen can be tested by feeding messages and looking at a buffer. The edges are the link (one task that keeps
//! a replica of the master up to date), the performer (RPCs and files), the notifier and the terminal. Only
//! [`run()`] and the modules it calls touch them.
//!
//! What must hold: the terminal is always given back; foreign text reaches a cell only through `safe`; nothing is drawn
//! and nothing is sent while nothing changes.

pub mod cli;
pub mod client;
pub mod feed;

mod act;
mod backoff;
mod canvas;
mod command;
mod frames;
mod glyph;
mod keys;
mod link;
mod logs;
mod message;
mod model;
mod navigate;
mod notice;
mod notify;
mod options;
mod perform;
mod popup;
mod refusal;
mod registry;
mod replica;
mod run;
mod safe;
mod save;
mod screen;
mod settings;
mod shell;
mod terminal;
#[cfg(test)]
mod testing;
mod theme;
mod time;
mod update;
mod view;
mod widget;
mod words;
mod zone;

pub use link::Dial;
pub use options::{ConsoleError, ExitReason, Options};
pub use run::run;
pub use safe::text as safe_text;
pub use settings::{Palette, Settings, SettingsError};
pub use terminal::heal as heal_terminal;
