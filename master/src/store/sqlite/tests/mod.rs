//! The store as a whole: a made-up history told to it and to its twin, lists against the plain way to make them, folders
//! in trouble, and how fast it is.

mod law;
mod lists;
mod speed;
mod story;
mod trouble;
