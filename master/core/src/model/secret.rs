//! Secrets in commands (F12, F41, PP-7): where a value will stand there is a handle, in every record and before everybody's eyes.
//! An edge puts the value there when it sends the command, and nothing keeps it.
//!
//! A handle is a mark, the name, a mark; the mark is a code point that Unicode gave to nobody. What comes from elsewhere (a
//! property, a branch, what a function gave) may hold it all the same, and would then read somebody else's secret. So every
//! other mark is followed by a letter that no name begins with, for as long as a text may hold handles.

use std::collections::BTreeSet;

use super::{CommandSpec, CommandWhat, EnvEntry, FilesCommand, HereCommand};
use crate::id::SecretName;

/// Stands before and behind a name.
const MARK: char = '\u{FDD0}';
/// Makes the mark before it an ordinary letter.
const ORDINARY: char = '\u{FDD1}';

/// What stands for a secret.
pub(crate) fn handle(name: &SecretName) -> String {
    format!("{MARK}{name}{MARK}")
}

/// A text from anywhere, so that nothing in it is a handle.
pub(crate) fn escaped(text: &str) -> String {
    if text.contains(MARK) {
        return text.replace(MARK, &format!("{MARK}{ORDINARY}"));
    }
    text.to_owned()
}

/// Whether a text holds marks at all, and is not what it will be.
pub(crate) fn is_marked(text: &str) -> bool {
    text.contains(MARK)
}

/// The text with `value` of each name where its handle is, and every other mark as it came.
pub(crate) fn filled(text: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        out.push_str(before);
        rest = match after.strip_prefix(ORDINARY) {
            Some(after) => {
                out.push(MARK);
                after
            }
            None => match after.split_once(MARK) {
                Some((name, after)) => {
                    out.push_str(&value(name));
                    after
                }
                // No text that was put together here ends so.
                None => {
                    out.push(MARK);
                    after
                }
            },
        };
    }
    out.push_str(rest);
    out
}

/// The text for people: `<name>` where a secret will stand.
pub(crate) fn shown(text: &str) -> String {
    if is_marked(text) { filled(text, |name| format!("<{name}>")) } else { text.to_owned() }
}

/// The secrets that a text holds.
pub(crate) fn names(text: &str) -> BTreeSet<SecretName> {
    let mut names = BTreeSet::new();
    if is_marked(text) {
        filled(text, |name| {
            names.insert(SecretName::from(name));
            String::new()
        });
    }
    names
}

impl CommandSpec {
    /// Ends the making of a command: says which secrets it needs. One that needs none has its texts as they are meant.
    pub(crate) fn sealed(mut self) -> Self {
        let mut found = BTreeSet::new();
        self.each_text(&mut |text| found.append(&mut names(text)));
        self.secrets = found;
        if self.secrets.is_empty() {
            self.each_text(&mut |text| {
                if is_marked(text) {
                    *text = filled(text, |_| String::new());
                }
            });
        }
        self
    }

    /// The command with the values of its secrets: for who carries it out, and for no record.
    #[must_use]
    pub fn with_secrets(&self, mut value: impl FnMut(&str) -> String) -> Self {
        let mut spec = self.clone();
        if !spec.secrets.is_empty() {
            spec.each_text(&mut |text| {
                if is_marked(text) {
                    *text = filled(text, &mut value);
                }
            });
            spec.secrets.clear();
        }
        spec
    }

    /// A text of the command as people are shown it.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.secrets.is_empty() { text.to_owned() } else { shown(text) }
    }

    /// Every text that may hold a handle: those that are rendered by `Renderer::handled`, and no others.
    fn each_text(&mut self, act: &mut dyn FnMut(&mut String)) {
        let env = match &mut self.what {
            CommandWhat::Shell(shell) => {
                shell.argv.iter_mut().chain(&mut shell.stdin).for_each(&mut *act);
                &mut shell.env
            }
            CommandWhat::Checkout(checkout) => &mut checkout.env,
            CommandWhat::Files(FilesCommand::Write { text, .. }) => return act(text),
            CommandWhat::Here(HereCommand::Shell(shell)) => {
                shell.argv.iter_mut().chain(&mut shell.stdin).for_each(&mut *act);
                &mut shell.env
            }
            CommandWhat::Here(HereCommand::Http(http)) => {
                act(&mut http.url);
                http.params.iter_mut().map(|(_, value)| value).for_each(&mut *act);
                http.headers.iter_mut().map(|(_, value)| value).for_each(&mut *act);
                http.auth.iter_mut().for_each(|(user, password)| {
                    act(user);
                    act(password);
                });
                return http.data.iter_mut().for_each(act);
            }
            CommandWhat::Files(_) | CommandWhat::Upload(_) | CommandWhat::Download(_) => return,
        };
        env.iter_mut().filter_map(|entry: &mut EnvEntry| entry.value.as_mut()).for_each(act);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_is_a_handle() {
        let key = SecretName::from("key");
        let forged = handle(&key);
        assert_eq!(names(&escaped(&forged)), BTreeSet::new());
        assert_eq!(filled(&escaped(&forged), |_| "LEAK".to_owned()), forged);
        // Nor does one become a handle by what stands beside it.
        let torn =
            format!("{}{}{}", escaped("\u{FDD0}ke"), handle(&key), escaped("y\u{FDD0}\u{FDD1}"));
        let there = filled(&torn, |name| format!("[{name}]"));
        assert_eq!(there, "\u{FDD0}ke[key]y\u{FDD0}\u{FDD1}");
        assert_eq!(names(&torn), BTreeSet::from([key]));
    }

    #[test]
    fn people_see_the_name() {
        let text = format!("curl -H {} x", handle(&"tok.en".into()));
        assert_eq!(shown(&text), "curl -H <tok.en> x");
        assert_eq!(shown("plain"), "plain");
    }
}
