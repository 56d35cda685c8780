//! What differs of everything but builders and schedulers.

use super::shape::{Shapes, or, quoted, value};
use super::{Difference, Sign, Work, count};
use crate::config::{
    Canceller, CancellerKind, GitPoller, Lock, LockAccess, Retention, SourceKind, Worker,
};

/// What needs no word when it comes or goes.
fn silent<K>(_: Sign, _: &K, _: &mut Vec<String>) {}

pub(super) fn master(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let Shapes { old, new } = shapes;
    for (name, old, new) in [("title", &old.title, &new.title), ("url", &old.url, &new.url)] {
        if old != new {
            let details = vec![format!("{} -> {}", quoted(old), quoted(new))];
            let name = name.to_owned();
            out.push(Difference { sign: Sign::Change, kind: "master", name, details });
        }
    }
}

pub(super) fn properties(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.properties, &shapes.new.properties);
    let differ = |old: &_, new: &_, details: &mut Vec<String>| {
        details.push(format!("{} -> {}", quoted(old), quoted(new)));
    };
    shapes.tables("property", tables, differ, silent, out);
}

pub(super) fn projects(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.projects, &shapes.new.projects);
    let differ = |old: &crate::config::Project, new: &crate::config::Project, details: &mut _| {
        value(details, "description", &old.description, &new.description, quoted);
        value(details, "url", &old.url, &new.url, quoted);
    };
    shapes.tables("project", tables, differ, silent, out);
}

pub(super) fn codebases(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.codebases, &shapes.new.codebases);
    let differ = |old: &crate::config::Codebase, new: &crate::config::Codebase, details: &mut _| {
        value(details, "repository", &old.repository, &new.repository, quoted);
        shapes.part(details, "forks", &old.also, &new.also);
        shapes.part(details, "revlink", &old.revlink, &new.revlink);
        value(details, "project", &old.project, &new.project, quoted);
        value(details, "branch", &old.branch, &new.branch, |it| {
            it.as_ref().map_or_else(|| "the default one".to_owned(), quoted)
        });
    };
    shapes.tables("codebase", tables, differ, silent, out);
}

pub(super) fn sources(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.sources, &shapes.new.sources);
    let differ =
        |old: &crate::config::Source, new: &crate::config::Source, details: &mut Vec<_>| {
            if old.kind.word() == new.kind.word() {
                if let (SourceKind::Git(old), SourceKind::Git(new)) = (&old.kind, &new.kind) {
                    value(details, "repository", &old.repository, &new.repository, quoted);
                    value(details, "interval", &old.interval, &new.interval, ToString::to_string);
                    let picks = |it: &GitPoller| (it.branches.clone(), it.only.clone());
                    shapes.part(details, "branches", &picks(old), &picks(new));
                }
            } else {
                details.push(format!("{} -> {}", old.kind.word(), new.kind.word()));
            }
            value(details, "codebase", &old.codebase, &new.codebase, |it| or(it.as_ref(), "none"));
            value(details, "project", &old.project, &new.project, quoted);
            value(details, "category", &old.category, &new.category, quoted);
        };
    let lot = |sign, _: &_, details: &mut Vec<String>| {
        if sign == Sign::Remove {
            details.push("what it has seen is kept under its name".to_owned());
        }
    };
    shapes.tables("source", tables, differ, lot, out);
}

pub(super) fn locks(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.locks, &shapes.new.locks);
    let differ = |old: &Lock, new: &Lock, details: &mut Vec<String>| {
        let scope = |lock: &Lock| format!("of the {}", lock.scope.word());
        value(details, "one", &scope(old), &scope(new), Clone::clone);
        value(details, "max_count", &old.max_count, &new.max_count, ToString::to_string);
        let word = "max_count_for_worker";
        shapes.table(details, word, &old.max_count_for, &new.max_count_for);
    };
    shapes.tables("lock", tables, differ, silent, out);
}

pub(super) fn workers(shapes: &Shapes<'_>, work: &Work, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.workers, &shapes.new.workers);
    let differ = |old: &Worker, new: &Worker, details: &mut Vec<String>| {
        value(details, "max_builds", &old.max_builds, &new.max_builds, |it| {
            or(it.as_ref(), "no limit")
        });
        shapes.table(details, "properties", &old.properties, &new.properties);
        shapes.table(details, "defaults", &old.defaults, &new.defaults);
        locks_taken(shapes, details, &old.locks, &new.locks);
        match (old.local, new.local) {
            (true, false) => details.push("no more started by the master".to_owned()),
            (false, true) => details.push("started by the master".to_owned()),
            _ => {}
        }
    };
    let lot = |sign, name: &_, details: &mut Vec<String>| {
        let running = work.running_on(name);
        if sign == Sign::Remove && running > 0 {
            let verb = if running == 1 { "goes on until it ends" } else { "go on until they end" };
            details.push(format!("{} {verb}", count(running, "running build")));
        }
    };
    shapes.tables("worker", tables, differ, lot, out);
}

/// They have no names: one that says something else is another.
pub(super) fn cancellers(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let mut gone: Vec<&Canceller> = shapes.old.cancellers.iter().collect();
    let mut added = Vec::new();
    for canceller in &shapes.new.cancellers {
        match gone.iter().position(|old| *old == canceller) {
            Some(at) => drop(gone.remove(at)),
            None => added.push(canceller),
        }
    }
    let both = [(Sign::Remove, gone), (Sign::Add, added)];
    for (sign, canceller) in both.iter().flat_map(|(sign, them)| them.iter().map(|it| (*sign, it)))
    {
        let builders: Vec<_> = canceller.builders.iter().map(ToString::to_string).collect();
        let what = match &canceller.kind {
            CancellerKind::Overtaken(_) => "cancel_old_builds",
            CancellerKind::Failed => "cancel_failing_buildset",
        };
        let name = format!("{what} of {}", builders.join(", "));
        out.push(Difference { sign, kind: "canceller", name, details: Vec::new() });
    }
}

/// Rules have no names either, and their order counts: `linn retention` shows what they come to.
pub(super) fn retention(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let (old, new) = (&shapes.old.retention, &shapes.new.retention);
    if old == new {
        return;
    }
    let one = |sign, rule: &Retention| Difference {
        sign,
        kind: "retention",
        name: rule.to_string(),
        details: Vec::new(),
    };
    let before = out.len();
    out.extend(old.iter().filter(|rule| !new.contains(rule)).map(|rule| one(Sign::Remove, rule)));
    out.extend(new.iter().filter(|rule| !old.contains(rule)).map(|rule| one(Sign::Add, rule)));
    if out.len() == before {
        let details = vec!["they come in another order, and the later holds".to_owned()];
        out.push(Difference {
            sign: Sign::Change,
            kind: "retention",
            name: "rules".to_owned(),
            details,
        });
    }
}

pub(super) fn secrets(shapes: &Shapes<'_>, out: &mut Vec<Difference>) {
    let (old, new) = (&shapes.old.secrets, &shapes.new.secrets);
    let one = |sign, name: &crate::id::SecretName| Difference {
        sign,
        kind: "secret",
        name: name.to_string(),
        details: Vec::new(),
    };
    out.extend(old.difference(new).map(|name| one(Sign::Remove, name)));
    out.extend(new.difference(old).map(|name| one(Sign::Add, name)));
}

/// What is taken of locks.
pub(super) fn locks_taken(
    shapes: &Shapes<'_>,
    details: &mut Vec<String>,
    old: &[LockAccess],
    new: &[LockAccess],
) {
    shapes.keyed(
        details,
        "locks",
        old.iter().map(|access| (access.lock.to_string(), &access.mode)),
        new.iter().map(|access| (access.lock.to_string(), &access.mode)),
    );
}
