//! Which process, for certain: a pid alone is used again sooner or later.
//!
//! Pid, start time since boot and the boot's own id name a process once and for all on a machine.

use std::fmt;
use std::io;
use std::str::FromStr;

use rustix::process::Pid;

use crate::exec::proc;
use crate::info;

/// A process, named so that no other is ever taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: Pid,
    /// Clock ticks between the boot and the start of the process.
    pub(crate) start: u64,
    pub(crate) boot: String,
}

impl Identity {
    /// Of this very process.
    pub(crate) fn own() -> io::Result<Self> {
        let pid = rustix::process::getpid();
        let stat = proc::stat(pid).ok_or_else(|| io::Error::other("/proc is not mounted"))?;
        Ok(Self { pid, start: stat.start, boot: info::boot_id() })
    }

    /// Whether the process still runs in the boot called `boot`. A zombie does not run.
    pub(crate) fn is_alive(&self, boot: &str) -> bool {
        self.boot == boot
            && proc::stat(self.pid).is_some_and(|stat| stat.start == self.start && !stat.is_dead())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.pid.as_raw_nonzero(), self.start, self.boot)
    }
}

/// A text that names no process.
#[derive(Debug, thiserror::Error)]
#[error("not PID.START.BOOT")]
pub(crate) struct NotAnIdentity;

impl FromStr for Identity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let mut parts = text.splitn(3, '.');
        let pid = parts.next().and_then(|part| part.parse().ok()).filter(|pid| *pid > 0);
        let start = parts.next().and_then(|part| part.parse().ok());
        match (pid.and_then(Pid::from_raw), start, parts.next()) {
            (Some(pid), Some(start), Some(boot)) => Ok(Self { pid, start, boot: boot.to_owned() }),
            _ => Err(NotAnIdentity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_its_text_reads_back() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive(&info::boot_id()));
        assert_eq!(own.to_string().parse::<Identity>().unwrap(), own);
    }

    #[test]
    fn another_start_or_boot_is_another_process() {
        let own = Identity::own().unwrap();
        assert!(!Identity { start: own.start + 1, ..own.clone() }.is_alive(&own.boot));
        assert!(!own.is_alive("another boot"));
    }

    #[test]
    fn nonsense_is_no_identity() {
        for text in ["", "1", "1.2", "0.1.b", "-1.1.b", "x.1.b"] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }
}
