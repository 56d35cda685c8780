//! What only the whole shows: names that nothing declares, builders that nobody asks for, policies that the site sets.

use std::collections::BTreeSet;

use linn_core::config::{LockMode, SchedulerKind, StepKind};
use linn_core::id::{BuilderName, CodebaseName};

use super::circles;
use super::draft::{Draft, Kind, Mention};
use super::endless;
use super::nearest;
use super::problem::{Place, quote};
use super::{triggered, twice, weighing};

/// Completes the draft and reports what is wrong with it as a whole (RC-7).
pub(super) fn finish(draft: &mut Draft) {
    let mentions = std::mem::take(&mut draft.mentions);
    for mention in &mentions {
        resolve(draft, mention);
    }
    triggered::resolve(draft);
    circles::refuse(draft);
    settle_codebases(draft);
    weigh_locks(draft);
    weighing::weigh(draft);
    twice::refuse(draft);
    for (name, given) in &draft.policies {
        if let Some(builder) = draft.config.builders.get_mut(name.as_str()) {
            builder.policy = given.or(&draft.site_policy);
        }
    }
    note_the_unasked(draft);
    note_the_unknown(draft);
    endless::note(draft);
}

/// What a builder left behind that is declared no more may have rules; a slip of the pen is told.
fn note_the_unknown(draft: &mut Draft) {
    for (name, place) in std::mem::take(&mut draft.kept_builders) {
        if !draft.declared.contains_key(&(Kind::Builder, name.clone())) {
            let message = format!(
                "`retention` names the builder {}, which is not declared: it speaks of what such a one left",
                quote(&name)
            );
            draft.note(&place, message);
        }
    }
}

fn resolve(draft: &mut Draft, mention: &Mention) {
    let Mention { kind, name, place, by, if_any } = mention;
    let declared = draft.declared.contains_key(&(*kind, name.clone()));
    // A project is a name for people first; only where some are declared is another one a slip.
    let optional = (*if_any || *kind == Kind::Project) && draft.names(*kind).is_empty();
    if declared || optional || draft.unsure || draft.phantoms.contains(name) {
        return;
    }
    let known = draft.names(*kind);
    let hint = match nearest::hint(name, &known, "there are") {
        none if none.is_empty() => format!("declare it with {}({name:?}, ...)", kind.function()),
        hint => hint,
    };
    let message = format!("{by} names the {} {}, which is not declared", kind.word(), quote(name));
    draft.problem(place, message, hint);
}

/// A source step that names no codebase means the only one there is.
fn settle_codebases(draft: &mut Draft) {
    let declared: Vec<CodebaseName> = draft.config.codebases.keys().cloned().collect();
    let mut unclear: Vec<(String, usize)> = Vec::new();
    for builder in draft.config.builders.values_mut() {
        for (nth, step) in builder.factory.iter_mut().enumerate() {
            let StepKind::Source(git) = &mut step.kind else { continue };
            if !git.codebase.as_str().is_empty() || declared.is_empty() {
                continue;
            }
            match declared.as_slice() {
                [only] => git.codebase = only.clone(),
                _ => unclear.push((builder.name.to_string(), nth)),
            }
        }
    }
    for (builder, nth) in unclear {
        let place = draft.step_place(&builder, nth);
        let names: Vec<&str> = declared.iter().map(CodebaseName::as_str).collect();
        let message =
            format!("a source step of builder {} does not say which codebase", quote(&builder));
        let hint = format!("write `codebase = ...`, one of {}", names.join(", "));
        draft.problem(&place, message, hint);
    }
}

/// A count that is never there would be waited for for ever.
fn weigh_locks(draft: &mut Draft) {
    for (access, place) in std::mem::take(&mut draft.takings) {
        let Some(lock) = draft.config.locks.get(&access.lock) else { continue };
        let most = lock.max_count_for.values().copied().max().unwrap_or(0).max(lock.max_count);
        if let LockMode::Counting(count) = access.mode
            && count > most
        {
            let name = quote(access.lock.as_str());
            let message = format!("{count} of the lock {name} are taken, and there are {most}");
            draft.problem(&place, message, format!("take at most {most}, or raise `max_count`"));
        }
    }
}

/// contract.md F29: a note, not an error.
fn note_the_unasked(draft: &mut Draft) {
    let asked: BTreeSet<&str> = draft
        .config
        .schedulers
        .iter()
        .flat_map(|scheduler| scheduler.builders.iter().map(BuilderName::as_str))
        .collect();
    let unasked: Vec<String> = draft
        .config
        .builders
        .keys()
        .filter(|name| !asked.contains(name.as_str()))
        .map(|name| name.as_str().to_owned())
        .collect();
    for name in unasked {
        let place = draft.declared_at(Kind::Builder, &name);
        draft.note(&place, format!("no scheduler asks for builder {}", quote(&name)));
    }
    let waits_for_changes = draft.config.schedulers.iter().any(|scheduler| match &scheduler.kind {
        SchedulerKind::SingleBranch(_) | SchedulerKind::AnyBranch(_) => true,
        SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock) => clock.only_if_changed,
        SchedulerKind::Dependent(_)
        | SchedulerKind::Triggerable
        | SchedulerKind::Try
        | SchedulerKind::Force(_) => false,
    });
    if waits_for_changes && draft.config.sources.is_empty() && draft.phantoms.is_empty() {
        let first = draft.declared.iter().find(|((kind, _), _)| *kind == Kind::Scheduler);
        let place = first.map_or_else(Place::default, |(_, place)| place.clone());
        draft.note(
            &place,
            "no change source is declared; changes come from `linn hook git` and `linn change send` alone",
        );
    }
}
