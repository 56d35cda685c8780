//! Makes the ring: the desktop over D-Bus, else the terminal's own notification sequence, else the bell.

use std::time::{Duration, Instant};

use crate::notice::Ring;

/// A service that owns the name and never answers would hang us for ever (crates.md 8).
const LIMIT: Duration = Duration::from_secs(2);
/// After a failure the terminal rings at once for so long.
const FALLBACK: Duration = Duration::from_secs(60);

/// Remembers whether the desktop answers.
#[derive(Debug, Default)]
pub(crate) struct Desktop {
    failed: Option<Instant>,
}

impl Desktop {
    /// Shows one notification; `false` when the desktop did not take it.
    pub(crate) async fn show(&mut self, ring: &Ring) -> bool {
        if self.failed.is_some_and(|at| at.elapsed() < FALLBACK) {
            return false;
        }
        let mut notification = notify_rust::Notification::new();
        notification.appname("linn").summary(&ring.title).body(&markup(&ring.body)).id(ring.id);
        #[cfg(target_os = "linux")]
        notification
            .urgency(notify_rust::Urgency::Normal)
            .hint(notify_rust::Hint::Category("linn.build".into()));
        let taken =
            matches!(tokio::time::timeout(LIMIT, notification.show_async()).await, Ok(Ok(_)));
        self.failed = (!taken).then(Instant::now);
        taken
    }
}

/// Notification services read a little HTML in bodies.
fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Which notification sequence a terminal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// kitty: id, title and body.
    Osc99,
    /// urxvt, foot, Ghostty: title and body.
    Osc777,
    /// iTerm2, WezTerm, Windows Terminal: one text.
    Osc9,
    Bell,
}

/// What tells the terminal's kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct TerminalKind {
    term: String,
    program: String,
    kitty: bool,
    tmux: bool,
}

impl TerminalKind {
    pub(crate) fn read() -> Self {
        let text = |name| std::env::var(name).unwrap_or_default();
        Self {
            term: text("TERM"),
            program: text("TERM_PROGRAM"),
            kitty: std::env::var_os("KITTY_WINDOW_ID").is_some(),
            tmux: std::env::var_os("TMUX").is_some(),
        }
    }

    fn dialect(&self) -> Dialect {
        let term = self.term.as_str();
        match self.program.as_str() {
            _ if self.kitty || term.contains("kitty") => Dialect::Osc99,
            "WezTerm" | "iTerm.app" => Dialect::Osc9,
            "ghostty" => Dialect::Osc777,
            _ if term.starts_with("foot")
                || term.starts_with("rxvt")
                || term.contains("ghostty") =>
            {
                Dialect::Osc777
            }
            _ => Dialect::Bell,
        }
    }

    /// The bytes that make this terminal ring. Inside tmux they are passed through to the terminal outside; where that
    /// is not allowed the bell still marks the window.
    pub(crate) fn sequence(&self, ring: &Ring) -> String {
        let (title, body) = (plain(&ring.title), plain(&ring.body));
        let sequence = match self.dialect() {
            Dialect::Osc99 => format!(
                "\x1b]99;i=linn{id}:d=0;{title}\x1b\\\x1b]99;i=linn{id}:d=1:p=body;{body}\x1b\\",
                id = ring.id
            ),
            Dialect::Osc777 => format!("\x1b]777;notify;{title};{body}\x07"),
            Dialect::Osc9 => format!("\x1b]9;{title}: {body}\x07"),
            Dialect::Bell => return "\x07".into(),
        };
        if self.tmux {
            format!("\x1bPtmux;{}\x1b\\\x07", sequence.replace('\x1b', "\x1b\x1b"))
        } else {
            sequence
        }
    }
}

/// Text inside a sequence: no control character could be in it any more, but a semicolon would end a field.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| if character == ';' || character.is_control() { ',' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Ring {
        Ring { id: 7, title: "linux#4 broke".into(), body: "test; 2 failed\x1b]".into() }
    }

    #[test]
    fn each_terminal_hears_its_own_dialect() {
        let kitty = TerminalKind { kitty: true, ..TerminalKind::default() };
        assert!(kitty.sequence(&ring()).starts_with("\x1b]99;i=linn7:d=0;linux#4 broke\x1b\\"));
        let foot = TerminalKind { term: "foot-extra".into(), ..TerminalKind::default() };
        assert_eq!(foot.sequence(&ring()), "\x1b]777;notify;linux#4 broke;test, 2 failed,]\x07");
        let wez = TerminalKind { program: "WezTerm".into(), ..TerminalKind::default() };
        assert_eq!(wez.sequence(&ring()), "\x1b]9;linux#4 broke: test, 2 failed,]\x07");
        assert_eq!(TerminalKind::default().sequence(&ring()), "\x07");
    }

    #[test]
    fn tmux_passes_it_through() {
        let inside =
            TerminalKind { program: "WezTerm".into(), tmux: true, ..TerminalKind::default() };
        assert!(inside.sequence(&ring()).starts_with("\x1bPtmux;\x1b\x1b]9;"));
    }

    #[test]
    fn bodies_are_no_markup() {
        assert_eq!(markup("a <b> & c"), "a &lt;b&gt; &amp; c");
    }
}
