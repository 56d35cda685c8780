//! The `linn` program: everything is in the library, but for what must happen before all else.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Steps outlive their worker in a process made of this very program (decision D14): first thing, for a supervisor has
    // no use for anything below.
    #[cfg(feature = "master")]
    linn_worker::supervise_if_asked();
    linn_master::cli::main()
}
