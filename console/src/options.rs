//! What a console is started with, how it ends, and what can go wrong before it is up.

use std::io;

use crate::settings::Settings;

/// What a console is started with. The command line fills it; the fields have no further defaults.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How the master is reached, in words for people: `unix:/srv/ci/.linn/linn.sock`, `this program`.
    pub server: String,
    /// The name of the context, shown until the master tells its title.
    pub context: String,
    /// The master lives in this program (`linn up`): leaving asks whether it goes on.
    pub owns_master: bool,
    /// Offer to start a master when nothing answers at first ([`ExitReason::StartUp`]).
    pub offer_up: bool,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// Ring neither desktop nor terminal.
    pub no_notify: bool,
    /// Refuse every action that changes something.
    pub read_only: bool,
    /// Its first line is shown once at the start, for example where the built-in configuration can be copied out; all of it
    /// for as long as there are no builders.
    pub greeting: Option<String>,
    /// The person's own settings.
    pub settings: Settings,
}

/// Why a console or feed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The person left; there is nothing more to do.
    Quit,
    /// The person left and wants the master of this program stopped.
    QuitStop,
    /// The person left and wants the master of this program to go on.
    QuitLeaveRunning,
    /// Nothing answered and the person accepted the offer to start a master here.
    StartUp,
    /// A signal asked for the end (TERM, HUP), or the terminal is gone.
    Terminated,
}

/// Why a console or feed could not work at all. A lost link is no such error: the console waits and says so.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The terminal could not be read, written or set.
    #[error("the terminal failed")]
    Terminal(#[source] io::Error),
    /// Nobody answers, and the caller wanted to know at once.
    #[error("no master answers at {server}: {why}")]
    Unreachable {
        /// Where it was sought.
        server: String,
        /// What the attempt said.
        why: String,
    },
    /// The system refused a thread or a runtime.
    #[error("the console could not start")]
    Start(#[source] io::Error),
    /// Writing the feed failed (a closed pipe is no error).
    #[error("the feed could not be written")]
    Feed(#[source] io::Error),
}
