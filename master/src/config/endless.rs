//! Builds that wait for builds that wait for builds of the same builder: without a condition on the way none of them ever ends
//! (LK-6, TR-3).

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{Builder, Condition, SchedulerKind, StepKind, TemplateValue};
use linn_core::id::BuilderName;

use super::draft::{Draft, Kind};
use super::problem::{Place, quote};

/// A builder that each build of another waits for, and the step that does.
type Next<'a> = BTreeMap<&'a BuilderName, &'a str>;

/// Notes every such circle once, where the first of its builders is declared. A step with a condition may end it, so nothing is said
/// of that.
pub(super) fn note(draft: &mut Draft) {
    let told: Vec<(Place, String)> = {
        let builders = &draft.config.builders;
        let next: BTreeMap<&BuilderName, Next<'_>> =
            builders.values().map(|builder| (&builder.name, awaited(draft, builder))).collect();
        let mut known: BTreeSet<&BuilderName> = BTreeSet::new();
        let mut told = Vec::new();
        for name in builders.keys() {
            if known.contains(name) {
                continue;
            }
            let Some(circle) = circle(&next, name) else { continue };
            known.extend(&circle);
            let place = draft.declared.get(&(Kind::Builder, name.to_string()));
            told.push((place.cloned().unwrap_or_default(), sentence(&next, &circle)));
        }
        told
    };
    for (place, message) in told {
        draft.note(&place, message);
    }
}

/// What each build of a builder waits for, whatever happens.
fn awaited<'a>(draft: &'a Draft, builder: &'a Builder) -> Next<'a> {
    let mut next = Next::new();
    for step in &builder.factory {
        let StepKind::Trigger(trigger) = &step.kind else { continue };
        if !trigger.wait_for_finish || step.do_step_if != Condition::Is(true) {
            continue;
        }
        for scheduler in &trigger.schedulers {
            let TemplateValue::Plain(serde_json::Value::String(name)) = scheduler else { continue };
            let scheduler = draft.config.schedulers.iter().find(|it| it.name.as_str() == name);
            let scheduler = scheduler.filter(|it| it.enabled && it.choice.is_none());
            let Some(scheduler) = scheduler else { continue };
            if matches!(scheduler.kind, SchedulerKind::Triggerable) {
                for other in &scheduler.builders {
                    next.entry(other).or_insert(&step.name);
                }
            }
        }
    }
    next
}

/// The shortest way from a builder back to itself, without the return.
fn circle<'a>(
    next: &BTreeMap<&'a BuilderName, Next<'a>>,
    first: &'a BuilderName,
) -> Option<Vec<&'a BuilderName>> {
    let mut before: BTreeMap<&BuilderName, &'a BuilderName> = BTreeMap::new();
    let mut here = vec![first];
    while !here.is_empty() {
        let mut there = Vec::new();
        for at in here {
            for other in next.get(at).into_iter().flat_map(BTreeMap::keys).copied() {
                if other == first {
                    let mut way = vec![at];
                    while let Some(earlier) = way.last().and_then(|last| before.get(*last)) {
                        way.push(earlier);
                    }
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(other) {
                    before.insert(other, at);
                    there.push(other);
                }
            }
        }
        here = there;
    }
    None
}

fn sentence(next: &BTreeMap<&BuilderName, Next<'_>>, circle: &[&BuilderName]) -> String {
    let way = circle.iter().zip(circle.iter().cycle().skip(1)).map(|(from, to)| {
        let step = next.get(from).and_then(|next| next.get(to)).copied().unwrap_or_default();
        format!(
            "{} waits in its step {} for {}",
            quote(from.as_str()),
            quote(step),
            quote(to.as_str())
        )
    });
    format!(
        "no build of builder {} ever ends: {}",
        quote(circle.first().map_or("", |name| name.as_str())),
        way.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::good;

    fn notes(star: &str) -> Vec<String> {
        let head = "def parent(name, *scheds, condition = True, wait = True):\n\
            \x20   builder(name, workers = [\"w\"], factory = [trigger(\"t-\" + s, schedulers = [s], wait_for_finish = wait, do_step_if = condition) for s in scheds])\n\
            def to(name, **args): triggerable_scheduler(\"to-\" + name, builders = [name], **args)\n\
            worker(\"w\")\n";
        let loaded = good(&format!("{head}{star}force_scheduler(\"f\", builders = [\"a\"])\n"));
        let notes = loaded.notes.iter().map(|note| note.message.clone());
        notes.filter(|note| note.starts_with("no build of")).collect()
    }

    #[test]
    fn a_builder_that_waits_for_itself() {
        assert_eq!(
            notes("parent(\"a\", \"to-a\")\nto(\"a\")\n"),
            ["no build of builder `a` ever ends: `a` waits in its step `t-to-a` for `a`"]
        );
    }

    #[test]
    fn a_circle_of_builders_is_told_once() {
        assert_eq!(
            notes(
                "parent(\"a\", \"to-x\", \"to-b\")\nparent(\"b\", \"to-c\")\nparent(\"c\", \"to-a\")\nparent(\"x\")\n\
                 to(\"a\")\nto(\"b\")\nto(\"c\")\nto(\"x\")\n"
            ),
            [
                "no build of builder `a` ever ends: `a` waits in its step `t-to-b` for `b`, `b` waits in its step `t-to-c` for `c`, \
                 `c` waits in its step `t-to-a` for `a`"
            ]
        );
    }

    /// What a condition, a function or somebody who does not wait may end is no circle.
    #[test]
    fn what_may_end_is_no_circle() {
        let none = Vec::<String>::new();
        let ends = "parent(\"a\", \"to-a\", condition = lambda b: b.properties[\"scheduler\"] == \"f\")\nto(\"a\")\n";
        assert_eq!(notes(ends), none);
        assert_eq!(notes("parent(\"a\", \"to-a\", wait = False)\nto(\"a\")\n"), none);
        let chooses = "parent(\"a\", \"to-a\")\nto(\"a\", choose_builders = lambda wanted: [])\n";
        assert_eq!(notes(chooses), none);
        assert_eq!(notes("parent(\"a\", \"to-a\")\nto(\"a\", enabled = False)\n"), none);
    }
}
