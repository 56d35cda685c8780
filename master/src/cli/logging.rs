//! What happened, for operators: lines on standard error, quiet unless asked for with `LINN_LOG`.

use tracing_subscriber::EnvFilter;

/// The variable that asks for more: `info`, `linn_master=debug` and so on.
pub(super) const VARIABLE: &str = "LINN_LOG";

/// For the daemons: warnings and what `LINN_LOG` asks for.
#[cfg(feature = "master")]
pub(super) fn for_operators() {
    start("warn");
}

/// For commands: nothing but what `LINN_LOG` asks for, because standard error belongs to the person.
#[cfg(feature = "console")]
pub(super) fn for_people() {
    if std::env::var_os(VARIABLE).is_some() {
        start("error");
    }
}

fn start(otherwise: &str) {
    use std::io::IsTerminal;
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(otherwise));
    // Set twice only by a program that has one of its own, which then knows better.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .try_init();
}
