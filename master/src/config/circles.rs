//! Schedulers that wait for each other in a circle would never fire, or never cease (DP-1).

use std::collections::BTreeMap;

use linn_core::config::SchedulerKind;
use linn_core::id::SchedulerName;

use super::draft::{Draft, Kind};
use super::problem::quote;

/// Reports every circle of dependent schedulers once, where the first of it is declared.
pub(super) fn refuse(draft: &mut Draft) {
    let upstream: BTreeMap<&SchedulerName, &SchedulerName> = draft
        .config
        .schedulers
        .iter()
        .filter_map(|scheduler| match &scheduler.kind {
            SchedulerKind::Dependent(it) => Some((&scheduler.name, &it.upstream)),
            _ => None,
        })
        .collect();
    let mut circles: Vec<Vec<&SchedulerName>> = Vec::new();
    for scheduler in draft.config.schedulers.iter().map(|scheduler| &scheduler.name) {
        if circles.iter().any(|circle| circle.contains(&scheduler)) {
            continue;
        }
        let mut way = vec![scheduler];
        let mut at = scheduler;
        while let Some(next) = upstream.get(at).filter(|next| !way[1..].contains(next)) {
            if *next == scheduler {
                circles.push(way);
                break;
            }
            way.push(next);
            at = next;
        }
    }
    let told: Vec<(String, String)> = circles
        .into_iter()
        .map(|circle| {
            let names: Vec<String> = circle.iter().map(|name| quote(name.as_str())).collect();
            let message = match names.as_slice() {
                [one] => format!("scheduler {one} depends on itself"),
                [first, ..] => {
                    format!("schedulers depend on each other: {} → {first}", names.join(" → "))
                }
                [] => String::new(),
            };
            (circle[0].to_string(), message)
        })
        .collect();
    for (scheduler, message) in told {
        let place = draft.declared.get(&(Kind::Scheduler, scheduler)).cloned().unwrap_or_default();
        draft.problem(
            &place,
            message,
            "let one of them depend on a scheduler that goes by changes",
        );
    }
}
