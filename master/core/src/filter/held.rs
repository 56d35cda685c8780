//! Why a filter takes a change: the conditions that were set, all of which hold (C29).

use super::{CompiledFilter, any};
use crate::change::Change;
use crate::hooks::HookId;

/// A condition: the argument in `master.star`, and a sentence about it.
pub(crate) type Held = (String, String);

impl CompiledFilter {
    /// The function that is asked, if there is one.
    pub(crate) const fn hook(&self) -> Option<&HookId> {
        self.hook.as_ref()
    }

    /// Every condition there is, for a change that the filter takes, the function last. A function that erred is told of by
    /// who asked it.
    pub(crate) fn held(&self, change: &Change, erred: bool) -> Vec<Held> {
        let mut held: Vec<Held> = Vec::new();
        let mut push = |is_set: bool, rule: &str, detail: String| {
            if is_set {
                held.push((rule.to_owned(), detail));
            }
        };
        let branch =
            change.branch.as_ref().map_or("the default branch".into(), |it| format!("`{it}`"));
        push(!self.branch.is_empty(), "branch", format!("{branch} is one of its branches"));
        push(!self.branch_not.is_empty(), "branch_not", format!("{branch} is not left out"));
        push(self.branch_re.is_some(), "branch_re", format!("{branch} matches"));
        push(self.branch_not_re.is_some(), "branch_not_re", format!("{branch} does not match"));
        for (rule, detail) in self.attributes.held_attributes(change) {
            push(true, &rule, detail);
        }
        let file = change.files.iter().find(|file| any(&self.files, file));
        let file = file.map_or_else(String::new, |file| format!("`{file}` is one of its files"));
        push(!self.files.is_empty(), "files", file);
        let none = || "no file is left out".to_owned();
        push(!self.files_not.is_empty(), "files_not", none());
        if let Some(expression) = &self.files_re {
            let file = change.files.iter().find(|file| expression.is_match(file));
            let file = file.map_or_else(String::new, |file| format!("`{file}` matches"));
            push(true, "files_re", file);
        }
        push(self.files_not_re.is_some(), "files_not_re", none());
        for (rule, detail) in self.properties.held_properties(change) {
            push(true, &rule, detail);
        }
        if let Some(hook) = self.hook.as_ref().filter(|_| !erred) {
            push(true, "fn", format!("{} says yes", hook.label));
        }
        held
    }
}
