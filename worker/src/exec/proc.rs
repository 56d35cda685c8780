//! Reading `/proc`: who runs, whose child it is, what is in its environment. Linux only.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal};

/// The parts of `/proc/PID/stat` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    state: u8,
    parent: i32,
    /// Clock ticks since the boot.
    pub(crate) start: u64,
}

impl Stat {
    /// Ended, and waiting for its parent to notice.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Nothing when there is no such process.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// The second field is the program's name in brackets and may hold anything, brackets too: fields count from the last.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let after_name = line.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(line.get(after_name..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    // Field 22 of the line; the state was field 3.
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, start })
}

/// All processes that run, with what was read of them.
fn all() -> impl Iterator<Item = (Pid, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        Some((pid, stat(pid)?))
    })
}

/// Every living process below `ancestor`, however deep; dead ones are passed through but not named.
pub(crate) fn descendants(ancestor: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<(Pid, Stat)>> = BTreeMap::new();
    for (pid, stat) in all() {
        children.entry(stat.parent).or_default().push((pid, stat));
    }
    let mut found = Vec::new();
    let mut parents = vec![ancestor.as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for (pid, stat) in children.remove(&parent).unwrap_or_default() {
            parents.push(pid.as_raw_nonzero().get());
            if !stat.is_dead() {
                found.push(pid);
            }
        }
    }
    found
}

/// Kills every process of this user whose environment holds all of `marks` (each `NAME=value`), until there is none
/// or `rounds` sweeps were not enough. Returns how many were left.
pub(crate) fn kill_marked(marks: &[String], rounds: u32) -> usize {
    let own = rustix::process::getpid();
    let mut left = 0;
    for _ in 0..rounds {
        let marked: Vec<Pid> = all()
            .filter(|(pid, stat)| *pid != own && !stat.is_dead() && is_marked(*pid, marks))
            .map(|(pid, _)| pid)
            .collect();
        left = marked.len();
        if left == 0 {
            break;
        }
        for pid in marked {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        // The dying need a moment to be gone from /proc.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    left
}

fn is_marked(pid: Pid, marks: &[String]) -> bool {
    fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).is_ok_and(|environ| {
        marks.iter().all(|mark| environ.split(|byte| *byte == 0).any(|var| var == mark.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_skipped() {
        let line = b"42 (a) b) (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
        assert_eq!(parse_stat(line), Some(Stat { state: b'S', parent: 7, start: 987_654 }));
    }

    #[test]
    fn a_cut_line_is_nothing() {
        assert_eq!(parse_stat(b"42 (a) S 7 42"), None);
        assert_eq!(parse_stat(b""), None);
    }

    #[test]
    fn a_child_is_found_below_this_process() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert!(descendants(rustix::process::getpid()).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!descendants(rustix::process::getpid()).contains(&pid));
    }

    #[test]
    fn only_the_marked_are_killed() {
        use std::os::unix::process::ExitStatusExt;
        let sleep = |mark: &str| {
            std::process::Command::new("sleep")
                .arg("60")
                .env("LINN_TEST_MARK", mark)
                .spawn()
                .unwrap()
        };
        let mark = format!("{}", std::process::id());
        let (mut marked, mut other) = (sleep(&mark), sleep("other"));
        assert_eq!(kill_marked(&[format!("LINN_TEST_MARK={mark}")], 1000), 0);
        assert_eq!(marked.wait().unwrap().signal(), Some(9));
        assert_eq!(other.try_wait().unwrap(), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
