//! What trigger steps name: schedulers that wait to be triggered, and no others (TR-1).

use linn_core::config::SchedulerKind;

use super::draft::{Draft, Kind};
use super::nearest;
use super::problem::quote;

/// Reports every name that is no triggerable scheduler's.
pub(super) fn resolve(draft: &mut Draft) {
    for (name, place) in std::mem::take(&mut draft.triggered) {
        let schedulers = &draft.config.schedulers;
        let found = schedulers.iter().find(|scheduler| scheduler.name.as_str() == name);
        let is_declared = draft.declared.contains_key(&(Kind::Scheduler, name.clone()));
        let wrong = match found.map(|scheduler| &scheduler.kind) {
            Some(SchedulerKind::Triggerable) => continue,
            Some(_) => "not triggerable",
            None if is_declared || draft.unsure || draft.phantoms.contains(&name) => continue,
            None => "not declared",
        };
        let known: Vec<&str> = schedulers
            .iter()
            .filter(|scheduler| matches!(scheduler.kind, SchedulerKind::Triggerable))
            .map(|scheduler| scheduler.name.as_str())
            .collect();
        let hint = match nearest::hint(&name, &known, "there are") {
            none if none.is_empty() => format!("declare triggerable_scheduler({name:?}, ...)"),
            hint => hint,
        };
        let message =
            format!("a trigger step names the scheduler {}, which is {wrong}", quote(&name));
        draft.problem(&place, message, hint);
    }
}
