//! What differs of builders, and what happens to their builds and requests (RC-3).

use std::collections::BTreeSet;

use super::shape::{Shapes, names, or, quoted, value};
use super::site::locks_taken;
use super::{Difference, Sign, Work, count};
use crate::config::{Builder, Locks, StepSpec};
use crate::id::BuilderName;

pub(super) fn builders(shapes: &Shapes<'_>, work: &Work, out: &mut Vec<Difference>) {
    let tables = (&shapes.old.builders, &shapes.new.builders);
    let differ = |old: &Builder, new: &Builder, details: &mut Vec<String>| {
        differ(shapes, old, new, details);
    };
    let lot = |sign, name: &BuilderName, details: &mut Vec<String>| lot(work, sign, name, details);
    shapes.tables("builder", tables, differ, lot, out);
}

fn differ(shapes: &Shapes<'_>, old: &Builder, new: &Builder, details: &mut Vec<String>) {
    value(details, "description", &old.description, &new.description, quoted);
    names(details, "tags", &old.tags, &new.tags);
    value(details, "project", &old.project, &new.project, quoted);
    names(details, "workers", &old.workers, &new.workers);
    if !shapes.same(&old.factory, &new.factory) {
        details.push(format!("steps {}", steps(shapes, &old.factory, &new.factory)));
    }
    shapes.part(details, "workdir", &old.workdir, &new.workdir);
    value(details, "builddir", &old.folder(), &new.folder(), quoted);
    shapes.keyed(
        details,
        "env",
        old.env.iter().map(|setting| (setting.name.clone(), &setting.value)),
        new.env.iter().map(|setting| (setting.name.clone(), &setting.value)),
    );
    shapes.table(details, "properties", &old.properties, &new.properties);
    shapes.table(details, "defaults", &old.defaults, &new.defaults);
    match (&old.locks, &new.locks) {
        (Locks::These(old), Locks::These(new)) => locks_taken(shapes, details, old, new),
        (old, new) => shapes.part(details, "locks", old, new),
    }
    let (old, new) = (&old.policy, &new.policy);
    value(details, "lost_after", &old.lost_after, &new.lost_after, |it| or(it.as_ref(), "never"));
    value(details, "max_retries", &old.max_retries, &new.max_retries, ToString::to_string);
    value(details, "max_time", &old.max_time, &new.max_time, |it| or(it.as_ref(), "no limit"));
    shapes.part(details, "collapse", &old.collapse, &new.collapse);
    shapes.part(details, "next_build", &old.next_build, &new.next_build);
    shapes.part(details, "next_worker", &old.next_worker, &new.next_worker);
    shapes.part(details, "can_start_build", &old.can_start_build, &new.can_start_build);
}

/// `+lint -docs ~test`, by the names of the steps; of those that bear one name the order counts.
fn steps(shapes: &Shapes<'_>, old: &[StepSpec], new: &[StepSpec]) -> String {
    let of = |steps: &[StepSpec]| -> BTreeSet<String> {
        steps.iter().map(|step| step.name.clone()).collect()
    };
    let (before, after) = (of(old), of(new));
    let mut said: Vec<String> = after.difference(&before).map(|name| format!("+{name}")).collect();
    said.extend(before.difference(&after).map(|name| format!("-{name}")));
    for name in before.intersection(&after) {
        let named = |steps: &[StepSpec]| -> Vec<StepSpec> {
            steps.iter().filter(|step| step.name == *name).cloned().collect()
        };
        if !shapes.same(&named(old), &named(new)) {
            said.push(format!("~{name}"));
        }
    }
    if said.is_empty() { "in another order".to_owned() } else { said.join(" ") }
}

/// What happens to builds and requests of the builder.
fn lot(work: &Work, sign: Sign, name: &BuilderName, details: &mut Vec<String>) {
    let (running, waiting) = (work.running_of(name), work.requests(name));
    let (it, its, has) = match running {
        1 => ("goes on to its end", "its", "keeps"),
        _ => ("go on to their end", "their", "keep"),
    };
    let any = running > 0;
    let running = |what: &str| format!("{} {what}", count(running, "running build"));
    match sign {
        Sign::Remove => {
            if any {
                details.push(running(it));
            }
            if waiting > 0 {
                let verb = if waiting == 1 { "is" } else { "are" };
                let waiting = count(waiting, "waiting request");
                details.push(format!("{waiting} {verb} held until it returns or somebody cancels"));
            }
        }
        Sign::Change if any => details.push(running(&format!("{has} {its} recipe"))),
        Sign::Add if waiting > 0 => {
            let verb = if waiting == 1 { "is" } else { "are" };
            details.push(format!("{} {verb} built after all", count(waiting, "held request")));
        }
        Sign::Add | Sign::Change => {}
    }
}
