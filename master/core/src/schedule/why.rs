//! What people are told about a judgement (C29): the conditions that held, and the functions that erred.

use super::{Compiled, CompiledImportance, Judgement};
use crate::change::Change;
use crate::config::{Scheduler, SchedulerKind};
use crate::filter::{Held, any};
use crate::hooks::HookId;

/// A judgement with its reasons. A function that erred is told of with what was taken instead, whatever decided.
pub(super) fn told(
    mut judgement: Judgement,
    scheduler: &Scheduler,
    compiled: &Compiled,
    change: &Change,
) -> Judgement {
    let has_erred =
        |hook: Option<&HookId>| judgement.errors.iter().any(|(it, ..)| Some(it) == hook);
    let mut reasons: Vec<Held> = Vec::new();
    if judgement.important {
        let Compiled { filter, importance, .. } = compiled;
        reasons = filter.held(change, has_erred(filter.hook()));
        if matches!(scheduler.kind, SchedulerKind::Periodic(_) | SchedulerKind::Nightly(_)) {
            reasons.push(("branch".to_owned(), "the change is on its branch".to_owned()));
        }
        reasons.extend(importance.held(change, has_erred(importance.hook.as_ref())));
    } else if !judgement.rule.is_empty() {
        reasons.push((judgement.rule.clone(), judgement.detail.clone()));
    }
    for (hook, error, instead) in &judgement.errors {
        let is_filter = compiled.filter.hook() == Some(hook);
        let rule = if is_filter { "fn" } else { "file_is_important" };
        reasons
            .push((rule.to_owned(), format!("{} failed: {}; {instead}", hook.label, error.what)));
    }
    let mut rules: Vec<&str> = Vec::new();
    for (rule, _) in &reasons {
        if !rules.contains(&rule.as_str()) {
            rules.push(rule);
        }
    }
    judgement.rule = rules.join(", ");
    let details: Vec<&str> = reasons.iter().map(|(_, detail)| detail.as_str()).collect();
    judgement.detail = details.join("; ");
    judgement
}

impl CompiledImportance {
    /// Every rule there is, for a change that is important.
    fn held(&self, change: &Change, erred: bool) -> Vec<Held> {
        let files = &change.files;
        let told = |rule: &str, file: Option<&String>, what: &str| {
            let detail = match file {
                Some(file) => format!("`{file}` {what}"),
                None => "the change names no file".to_owned(),
            };
            (rule.to_owned(), detail)
        };
        let mut held = Vec::new();
        if !self.important.is_empty() {
            let file = files.iter().find(|file| any(&self.important, file));
            held.push(told("important_files", file, "is one of them"));
        }
        if !self.unimportant.is_empty() {
            let file = files.iter().find(|file| !any(&self.unimportant, file));
            held.push(told("unimportant_files", file, "is none of them"));
        }
        if let Some(hook) = self.hook.as_ref().filter(|_| !erred) {
            held.push(("file_is_important".to_owned(), format!("{} says yes", hook.label)));
        }
        held
    }
}
