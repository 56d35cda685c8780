//! How long a command may run and stay silent, how much it may print, and how it is stopped (rule PR-2).

use std::time::Duration;

use linn_proto::worker::{Ending, Exit, Timeouts};
use rustix::process::{Signal, WaitStatus};

use crate::exec::signal;

/// Limits of one command, read from its start message.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) silence: Option<Duration>,
    pub(crate) total: Option<Duration>,
    /// Between the signal and KILL; nothing: KILL at once.
    pub(crate) grace: Duration,
    pub(crate) max_lines: Option<u64>,
    pub(crate) signal: Signal,
}

impl Limits {
    /// An error is a sentence for the user.
    pub(crate) fn read(timeouts: Option<&Timeouts>) -> Result<Self, String> {
        let none = Timeouts::default();
        let timeouts = timeouts.unwrap_or(&none);
        let span = |ms: i64| u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        Ok(Self {
            silence: span(timeouts.silence_ms),
            total: span(timeouts.total_ms),
            grace: span(timeouts.term_grace_ms).unwrap_or_default(),
            max_lines: Some(u64::from(timeouts.max_lines)).filter(|lines| *lines > 0),
            signal: signal::by_name(&timeouts.interrupt_signal)?,
        })
    }
}

/// Why a command was stopped before it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stopped {
    Silent(Duration),
    TooLong(Duration),
    TooManyLines(u64),
    /// Asked for; with the reason given.
    Interrupted(String),
    /// This machine cannot go on.
    Failed(String),
    /// This machine can run nothing, as its disk is full: no fault of the command's (F15).
    Unfit(String),
}

impl Stopped {
    fn ending(&self) -> Ending {
        match self {
            Self::Silent(_) => Ending::TimedOutSilent,
            Self::TooLong(_) => Ending::TimedOut,
            Self::TooManyLines(_) => Ending::MaxLines,
            Self::Interrupted(_) => Ending::Interrupted,
            Self::Failed(_) => Ending::Failed,
            Self::Unfit(_) => Ending::Unfit,
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Silent(limit) => format!("no output for {} s", seconds(*limit)),
            Self::TooLong(limit) => format!("still running after {} s", seconds(*limit)),
            Self::TooManyLines(limit) => format!("more than {limit} lines of output"),
            Self::Interrupted(reason) | Self::Failed(reason) | Self::Unfit(reason) => {
                reason.clone()
            }
        }
    }

    /// How a command that was stopped ended. Whatever the process said at last, it did not succeed: a 0 becomes -1.
    pub(crate) fn exit(&self, status: Option<WaitStatus>) -> Exit {
        let Exit { code, signal, .. } = status.map_or_else(Exit::default, exit);
        Exit {
            ending: self.ending().into(),
            code: if code == 0 { -1 } else { code },
            signal,
            why: self.why(),
        }
    }
}

/// How a command that was left alone ended.
pub(crate) fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit { ending: Ending::Exited.into(), code, ..Exit::default() },
        (None, signal) => Exit {
            ending: Ending::Signalled.into(),
            code: -1,
            signal: signal.unwrap_or_default(),
            why: String::new(),
        },
    }
}

/// The exit of a command that never ran, or failed before its program did.
pub(crate) fn not_started(why: String) -> Exit {
    Exit { ending: Ending::NotStarted.into(), code: -1, signal: 0, why }
}

/// The exit of a command that never ran because this worker can run nothing: not the command's fault (F15).
pub(crate) fn unfit(why: String) -> Exit {
    Exit { ending: Ending::Unfit.into(), code: -1, signal: 0, why }
}

fn seconds(span: Duration) -> String {
    let text = format!("{:.3}", span.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_zero_mean_no_limit() {
        for timeouts in [None, Some(Timeouts::default())] {
            let limits = Limits::read(timeouts.as_ref()).unwrap();
            assert_eq!((limits.silence, limits.total, limits.max_lines), (None, None, None));
            assert_eq!(limits.grace, Duration::ZERO);
        }
    }

    #[test]
    fn a_stopped_command_never_succeeds() {
        let exit = Stopped::TooLong(Duration::from_millis(1500)).exit(None);
        assert_eq!(exit.ending(), Ending::TimedOut);
        assert_eq!(exit.code, -1);
        assert_eq!(exit.why, "still running after 1.5 s");
    }
}
