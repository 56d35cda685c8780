//! What differs of schedulers, and what happens to the changes that wait for them (RC-4).

use std::collections::BTreeMap;

use super::shape::{Shapes, names, or, quoted, value};
use super::{Difference, Sign, Work, count};
use crate::config::{Clock, Scheduler, SchedulerKind};
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
    shapes.part(details, "properties", &old.properties, &new.properties);
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
            shapes.part(details, "filter", &old.filter, &new.filter);
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
            shapes.part(details, "parameters", &old.parameters, &new.parameters);
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
    shapes.part(details, "filter", &old.filter, &new.filter);
    shapes.part(details, "importance", &old.importance, &new.importance);
}
