//! The linn master: edges around the engine (master/ARCHITECTURE.md has the map).

#[cfg(feature = "master")]
pub mod api;
#[cfg(feature = "master")]
pub mod config;
#[cfg(feature = "master")]
pub mod logs;
#[cfg(feature = "master")]
pub mod source;
#[cfg(feature = "master")]
pub mod store;

pub mod cli;
