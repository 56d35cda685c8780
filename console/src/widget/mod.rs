//! Pieces that several screens draw with.

pub(crate) mod bar;
pub(crate) mod footer;
pub(crate) mod header;
pub(crate) mod input;
pub(crate) mod pane;
pub(crate) mod sentence;
pub(crate) mod strip;
