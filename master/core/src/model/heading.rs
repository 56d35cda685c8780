//! Where and with what a command runs, in lines for people (PR-4): what stands above a log, while the step runs and for
//! ever after, when the command itself is long forgotten. Bounded, for it is kept with every step.

use std::fmt::Write as _;

use super::{CommandSpec, CommandWhat, EnvEntry, HereCommand, Timeouts};

/// The longest value of a variable that is shown, in characters.
const MAX_VALUE: usize = 200;
/// The most variables that are shown.
const MAX_ENV: usize = 100;

impl CommandSpec {
    /// The lines, each with a blank before it.
    #[must_use]
    pub fn heading(&self) -> String {
        let mut lines = Vec::new();
        let (workdir, env) = match &self.what {
            CommandWhat::Here(here) => {
                lines.push(" on the master".to_owned());
                if let HereCommand::Shell(shell) = here {
                    if !shell.workdir.is_empty() {
                        lines.push(format!(" in {}", shell.workdir));
                    }
                    lines.extend(shell.env.iter().take(MAX_ENV).map(|entry| self.variable(entry)));
                }
                lines.extend(limits(&self.timeouts));
                return lines.join("\n");
            }
            // What it does says all: there is nothing that it runs in or with.
            CommandWhat::Files(_) | CommandWhat::Upload(_) | CommandWhat::Download(_) => {
                lines.extend(limits(&self.timeouts));
                return lines.join("\n");
            }
            CommandWhat::Shell(shell) => (&shell.workdir, &shell.env),
            CommandWhat::Checkout(checkout) => {
                let branch = checkout.branch.as_deref().unwrap_or("the default branch");
                let revision = checkout.revision.as_deref().unwrap_or("its tip");
                lines.push(format!(" {revision} of {branch} from {}", checkout.repository));
                (&checkout.workdir, &checkout.env)
            }
        };
        lines.push(match workdir.as_str() {
            "" => " in the builder's folder".to_owned(),
            below => format!(" in {below}"),
        });
        if let CommandWhat::Shell(shell) = &self.what {
            if shell.pty {
                lines.push(" on a terminal".to_owned());
            }
            if shell.stdin.is_some() {
                lines.push(" with text on its standard input".to_owned());
            }
        }
        lines.extend(env.iter().take(MAX_ENV).map(|entry| self.variable(entry)));
        if env.len() > MAX_ENV {
            lines.push(format!(" and {} variables more", env.len() - MAX_ENV));
        }
        lines.extend(limits(&self.timeouts));
        lines.join("\n")
    }

    fn variable(&self, entry: &EnvEntry) -> String {
        let value = entry.value.as_ref().map(|value| self.shown(value));
        variable(entry, value.as_deref())
    }
}

fn variable(entry: &EnvEntry, value: Option<&str>) -> String {
    let Some(value) = value else { return format!(" without {}", entry.name) };
    let mut shown = format!(" {}=", entry.name);
    let mut rest = value.chars();
    shown.extend(rest.by_ref().take(MAX_VALUE));
    if rest.next().is_some() {
        shown.push('…');
    }
    if entry.prepend {
        let _ = write!(shown, " before what is there");
    }
    shown
}

fn limits(timeouts: &Timeouts) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(silence) = timeouts.silence {
        parts.push(format!("{silence} without output"));
    }
    if let Some(total) = timeouts.total {
        parts.push(format!("{total} in all"));
    }
    if let Some(lines) = timeouts.max_lines {
        parts.push(format!("{lines} lines"));
    }
    (!parts.is_empty()).then(|| format!(" at most {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn words_for_variables_and_limits() {
        let entry = |value: Option<&str>, prepend| EnvEntry {
            name: "PATH".to_owned(),
            value: value.map(ToOwned::to_owned),
            prepend,
        };
        let words = |entry: EnvEntry| variable(&entry, entry.value.as_deref());
        assert_eq!(words(entry(Some("/x"), false)), " PATH=/x");
        assert_eq!(words(entry(Some("/x"), true)), " PATH=/x before what is there");
        assert_eq!(words(entry(None, false)), " without PATH");
        assert!(words(entry(Some(&"x".repeat(999)), false)).ends_with('…'));
        let timeouts = Timeouts {
            silence: Some(Span::minutes(20)),
            total: None,
            term_grace: Span::seconds(5),
            max_lines: Some(10),
            interrupt_signal: String::new(),
        };
        assert_eq!(limits(&timeouts).as_deref(), Some(" at most 20m without output, 10 lines"));
    }
}
