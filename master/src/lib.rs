//! The linn master: edges around the engine (master/ARCHITECTURE.md has the map).

#[cfg(feature = "master")]
mod act;
#[cfg(feature = "master")]
pub mod api;
#[cfg(feature = "master")]
mod artifacts;
#[cfg(feature = "master")]
mod clock;
#[cfg(feature = "master")]
pub mod config;
#[cfg(feature = "master")]
pub mod engine;
#[cfg(feature = "master")]
mod fill;
#[cfg(feature = "master")]
mod fit;
#[cfg(feature = "master")]
mod form;
#[cfg(feature = "master")]
mod here;
#[cfg(feature = "master")]
mod hex;
#[cfg(feature = "master")]
mod intake;
#[cfg(feature = "master")]
mod local;
#[cfg(feature = "master")]
pub mod logs;
#[cfg(feature = "master")]
pub mod metrics;
#[cfg(feature = "master")]
mod orders;
#[cfg(feature = "master")]
mod reload;
#[cfg(feature = "master")]
mod resolving;
#[cfg(feature = "master")]
mod retention;
#[cfg(feature = "master")]
pub mod secret;
#[cfg(feature = "master")]
mod seldom;
#[cfg(feature = "master")]
pub mod source;
#[cfg(feature = "master")]
mod start;
#[cfg(feature = "master")]
pub mod store;
#[cfg(feature = "master")]
mod web;

pub mod cli;

#[cfg(feature = "master")]
pub use start::{Ended, Master, Options, Running, StartError, runtime};
