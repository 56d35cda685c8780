//! What goes wrong with a repository, as one sentence each. Nothing here holds bytes a terminal could act on, nor a
//! password of an address: sentences go to consoles, logs and the database.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The most characters of git's own words that a sentence repeats.
const SAID_MAX_CHARS: usize = 200;

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The address is one that linn never gives to git.
    #[error("`{address}` is no repository that can be read: {why}")]
    Address {
        /// As configured, made safe.
        address: String,
        /// What is wrong with it and what to write.
        why: &'static str,
    },
    /// There is nothing at that path.
    #[error("there is no repository at {}: {why}", path.display())]
    NotThere {
        /// Where it was sought.
        path: PathBuf,
        /// What was found instead.
        why: &'static str,
    },
    /// The function of the configuration that says which refs are looked at has not said so (GP-4).
    #[error("it is not known which refs are looked at: {0}")]
    Picks(String),
    /// The program `git` could not be started.
    #[error(
        "the program `git` could not be started: {source}; install git, or put it into the PATH of the master"
    )]
    NoGit {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Git ended with an error.
    #[error("git could not {what}: {said}")]
    Failed {
        /// What it was asked to do, with the repository.
        what: String,
        /// Its last words, made safe.
        said: String,
    },
    /// Git did not end in time and was killed.
    #[error("git took longer than {} s to {what} and was stopped", patience.as_secs())]
    TimedOut {
        /// What it was asked to do.
        what: String,
        /// How long it had.
        patience: Duration,
    },
    /// A fetch takes longer than anybody waits for it; it has not ended.
    #[error(
        "a fetch from {repository} has not ended after {} s; it goes on, and later looks find what it brings",
        patience.as_secs()
    )]
    StillFetching {
        /// From where, made safe.
        repository: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// Git said more than anybody wants to hold in memory.
    #[error("git answered more than {limit_bytes} bytes when asked to {what}")]
    TooMuch {
        /// What it was asked to do.
        what: String,
        /// The bound.
        limit_bytes: usize,
    },
    /// Git's answer is not in the form its manual promises.
    #[error("git gave an answer that cannot be read when asked to {what}")]
    Unreadable {
        /// What it was asked to do.
        what: String,
    },
    /// The folder for mirrors cannot be used.
    #[error("cannot keep a mirror in {}: {source}", path.display())]
    Mirror {
        /// Which folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Foreign text as part of a sentence: one line, no control or direction characters, not too long, no passwords.
pub(in crate::source) fn tame(text: &str) -> String {
    let shown: String = text
        .trim()
        .chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .map(|c| if c.is_control() || is_format(c) { '\u{fffd}' } else { c })
        .take(SAID_MAX_CHARS)
        .collect();
    without_passwords(&shown)
}

/// Characters that change the direction or the look of their neighbours, or cannot be seen at all.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `scheme://user:password@host` → `scheme://…@host`, anywhere in the text: git repeats addresses in its errors.
pub(crate) fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(['/', ' ', '\'', '"']).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(host) if after[..host].contains(':') => {
                out.push('…');
                rest = &after[host..];
            }
            _ => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// What git said last on standard error that explains its failure: its `fatal:` or `error:` line, else its last line.
/// Where that line ends with a colon, the reason is on the next one.
pub(in crate::source) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let blamed = |line: &&str| line.starts_with("fatal:") || line.starts_with("error:");
    let at = lines.iter().position(blamed).unwrap_or(lines.len().saturating_sub(1));
    let Some(line) = lines.get(at) else { return "it did not say why".to_owned() };
    let line = line.trim_start_matches("fatal:").trim_start_matches("error:");
    match lines.get(at + 1) {
        Some(reason) if line.ends_with(':') => tame(&format!("{line} {reason}")),
        _ => tame(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_git_are_made_safe() {
        assert_eq!(tame("a\u{1b}[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c d");
        assert_eq!(tame(&"x".repeat(1000)).len(), SAID_MAX_CHARS);
        assert_eq!(
            tame("fatal: unable to access 'https://ana:hunter2@h.example/x/': no"),
            "fatal: unable to access 'https://…@h.example/x/': no"
        );
        assert_eq!(tame("ssh://git@h.example/x"), "ssh://git@h.example/x");
    }

    #[test]
    fn the_line_that_explains_is_found() {
        let said = b"warning: x\nfatal: repository 'y' not found\nhint: z\n";
        assert_eq!(last_words(said), "repository 'y' not found");
        assert_eq!(last_words(b"fatal: no way:\nx: errno=1\n"), "no way: x: errno=1");
        assert_eq!(last_words(b""), "it did not say why");
        assert_eq!(last_words(b"\n ssh: no route \n\n"), "ssh: no route");
    }
}
