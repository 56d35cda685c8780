//! What differs of schedulers, and what happens to the changes that wait for them (RC-4).

use std::collections::{BTreeMap, BTreeSet};

use super::shape::{Shapes, names, or, quoted, value};
use super::{Difference, Sign, Work, count};
use crate::config::{ChangeFilter, Clock, Scheduler, SchedulerKind};
use crate::id::SchedulerName;

pub(super) fn schedulers(shapes: &Shapes<'_>, work: &Work, out: &mut Vec<Difference>) {
    let table = |schedulers: &[Scheduler]| -> BTreeMap<SchedulerName, Scheduler> {
        schedulers.iter().map(|it| (it.name.clone(), it.clone())).collect()
    };
    let (old, new) = (table(&shapes.old.schedulers), table(&shapes.new.schedulers));
    let differ = |old: &Scheduler, new: &Scheduler, details: &mut Vec<String>| {
        differ(shapes, old, new, details);
    };
    let lot = |sign, name: &SchedulerName, details: &mut Vec<String>| {
        let waiting = work.changes(name);
        if sign == Sign::Remove && waiting > 0 {
            let verb = if waiting == 1 { "is" } else { "are" };
            let waiting = count(waiting, "waiting change");
            details.push(format!("{waiting} {verb} kept until it returns"));
        }
    };
    shapes.tables("scheduler", (&old, &new), differ, lot, out);
}

fn differ(shapes: &Shapes<'_>, old: &Scheduler, new: &Scheduler, details: &mut Vec<String>) {
    names(details, "builders", &old.builders, &new.builders);
    shapes.part(details, "choice of builders", &old.choice, &new.choice);
    shapes.part(details, "codebases", &old.codebases, &new.codebases);
    shapes.table(details, "properties", &old.properties, &new.properties);
    value(details, "priority", &old.priority, &new.priority, ToString::to_string);
    shapes.part(details, "priority function", &old.priority_hook, &new.priority_hook);
    value(details, "reason", &old.reason, &new.reason, quoted);
    value(details, "enabled", &old.enabled, &new.enabled, ToString::to_string);
    match (&old.kind, &new.kind) {
        (SchedulerKind::SingleBranch(old), SchedulerKind::SingleBranch(new))
        | (SchedulerKind::AnyBranch(old), SchedulerKind::AnyBranch(new)) => {
            let (word, timers) =
                ("tree_stable_timer", (old.tree_stable_timer, new.tree_stable_timer));
            value(details, word, &timers.0, &timers.1, |it| or(it.as_ref(), "none"));
            value(details, "max_wait", &old.max_wait, &new.max_wait, |it| or(it.as_ref(), "none"));
            value(details, "only_important", &old.only_important, &new.only_important, |it| {
                it.to_string()
            });
            filter(shapes, &old.filter, &new.filter, details);
            shapes.part(details, "importance", &old.importance, &new.importance);
        }
        (SchedulerKind::Periodic(old), SchedulerKind::Periodic(new))
        | (SchedulerKind::Nightly(old), SchedulerKind::Nightly(new)) => {
            clock(shapes, old, new, details);
        }
        (SchedulerKind::Dependent(old), SchedulerKind::Dependent(new)) => {
            value(details, "upstream", &old.upstream, &new.upstream, ToString::to_string);
        }
        (SchedulerKind::Force(old), SchedulerKind::Force(new)) => {
            match (&old.parameters, &new.parameters) {
                (Some(old), Some(new)) => shapes.keyed(
                    details,
                    "parameters",
                    old.iter().map(|field| (field.name.clone(), field)),
                    new.iter().map(|field| (field.name.clone(), field)),
                ),
                (Some(_), None) => details.push("parameters: any property".to_owned()),
                (None, Some(_)) => details.push("parameters instead of any property".to_owned()),
                (None, None) => {}
            }
        }
        (old, new) if old.word() != new.word() => {
            details.push(format!("{} -> {}", old.word(), new.word()));
        }
        _ => {}
    }
}

fn clock(shapes: &Shapes<'_>, old: &Clock, new: &Clock, details: &mut Vec<String>) {
    // Other text is another schedule, counted from the reload (PN-1).
    let (before, after) = (old.pace.to_string(), new.pace.to_string());
    if before != after {
        details.push(format!("{before} -> {after}"));
    }
    value(details, "branch", &old.branch, &new.branch, |it| or(it.as_ref(), "the default one"));
    value(details, "only_if_changed", &old.only_if_changed, &new.only_if_changed, |it| {
        it.to_string()
    });
    filter(shapes, &old.filter, &new.filter, details);
    shapes.part(details, "importance", &old.importance, &new.importance);
}

/// Which arguments of a filter differ: `filter differs in branch, files`.
fn filter(shapes: &Shapes<'_>, old: &ChangeFilter, new: &ChangeFilter, details: &mut Vec<String>) {
    let mut parts: Vec<String> = Vec::new();
    for (word, same) in [
        ("branch", shapes.same(&old.branch, &new.branch)),
        ("branch_not", shapes.same(&old.branch_not, &new.branch_not)),
        ("branch_re", shapes.same(&old.branch_re, &new.branch_re)),
        ("branch_not_re", shapes.same(&old.branch_not_re, &new.branch_not_re)),
        ("files", shapes.same(&old.files, &new.files)),
        ("files_not", shapes.same(&old.files_not, &new.files_not)),
        ("files_re", shapes.same(&old.files_re, &new.files_re)),
        ("files_not_re", shapes.same(&old.files_not_re, &new.files_not_re)),
        ("property", shapes.same(&old.property, &new.property)),
        ("property_not", shapes.same(&old.property_not, &new.property_not)),
        ("property_re", shapes.same(&old.property_re, &new.property_re)),
        ("property_not_re", shapes.same(&old.property_not_re, &new.property_not_re)),
        ("fn", shapes.same(&old.hook, &new.hook)),
    ] {
        if !same {
            parts.push(word.to_owned());
        }
    }
    for (form, (old, new)) in [("", (&old.is, &new.is)), ("_not", (&old.is_not, &new.is_not))] {
        parts.extend(keys_that_differ(old, new).map(|name| format!("{name}{form}")));
    }
    for (form, (old, new)) in
        [("_re", (&old.matches, &new.matches)), ("_not_re", (&old.matches_not, &new.matches_not))]
    {
        parts.extend(keys_that_differ(old, new).map(|name| format!("{name}{form}")));
    }
    if !parts.is_empty() {
        details.push(format!("filter differs in {}", parts.join(", ")));
    }
}

fn keys_that_differ<'a, T: PartialEq>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name))
}
