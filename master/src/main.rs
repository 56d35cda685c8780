//! Warm-up.
fn main() {}
