//! How long it will take, from how long it took: medians over the last good builds of the builder (ET-3). An end is
//! never expected in the past.

use std::collections::BTreeMap;

use crate::id::BuilderName;
use crate::model::{Build, Step, StepState};
use crate::state::State;
use crate::time::{Span, Timestamp};

/// How long a builder usually takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usual {
    /// Of whole builds; `None`: none was good yet.
    pub build: Option<Span>,
    /// Of steps, by name.
    pub steps: BTreeMap<String, Span>,
}

/// What is usual for a builder, from the remembered builds that ended well.
#[must_use]
pub fn usual(state: &State, builder: &BuilderName) -> Usual {
    let mut builds = Vec::new();
    let mut steps: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for build in state.finished_of(builder) {
        if !build.results.went_through() {
            continue;
        }
        builds.extend(build.complete_at.map(|end| end - build.started_at));
        for step in &build.steps {
            if let (Some(start), Some(end)) = (step.started_at, step.complete_at) {
                steps.entry(&step.name).or_default().push(end - start);
            }
        }
    }
    Usual {
        build: median(builds),
        steps: steps
            .into_iter()
            .filter_map(|(name, spans)| Some((name.to_owned(), median(spans)?)))
            .collect(),
    }
}

/// How long a whole build of a builder usually takes; `None`: none was good yet.
#[must_use]
pub fn usual_length(state: &State, builder: &BuilderName) -> Option<Span> {
    let good = state.finished_of(builder).filter(|build| build.results.went_through());
    median(good.filter_map(|build| Some(build.complete_at? - build.started_at)).collect())
}

/// The middle value; of two middle ones their mean.
fn median(mut spans: Vec<Span>) -> Option<Span> {
    spans.sort_unstable();
    let upper = *spans.get(spans.len() / 2)?;
    if spans.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = spans[spans.len() / 2 - 1];
    Some(Span(lower.0.midpoint(upper.0)))
}

/// When a running step is expected to end.
#[must_use]
pub fn step_eta(step: &Step, usual: &Usual, now: Timestamp) -> Option<Timestamp> {
    if step.state() != StepState::Running {
        return None;
    }
    Some((step.started_at? + *usual.steps.get(&step.name)?).max(now))
}

/// When an unfinished build is expected to end: what remains of its running step, then the usual time of every step to
/// come. Without a good build there is nothing to go by.
#[must_use]
pub fn build_eta(build: &Build, usual: &Usual, now: Timestamp) -> Option<Timestamp> {
    if build.complete_at.is_some() {
        return None;
    }
    let whole = usual.build?;
    if usual.steps.is_empty() {
        return Some((build.started_at + whole).max(now));
    }
    let ending = build.ending || build.stop.is_some();
    let mut end = now;
    for step in &build.steps {
        match step.state() {
            StepState::Running => end = step_eta(step, usual, now).unwrap_or(now),
            StepState::Waiting | StepState::Pending if !ending => {
                end = end + usual.steps.get(&step.name).copied().unwrap_or(Span::ZERO);
            }
            StepState::Waiting | StepState::Pending | StepState::Finished => {}
        }
    }
    Some(end.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_robust() {
        let of = |ms: &[i64]| median(ms.iter().map(|ms| Span(*ms)).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[5]), Some(Span(5)));
        assert_eq!(of(&[1, 9_000, 3]), Some(Span(3)));
        assert_eq!(of(&[1, 3]), Some(Span(2)));
    }

    /// ET-3: what remains of the running step, and the usual time of those to come; never in the past.
    #[test]
    fn a_build_is_expected_by_its_steps() {
        use crate::testing::{Harness, builder, config, force, shell, worker};
        let builders = vec![builder("b", &["w1"], vec![shell("make"), shell("test")])];
        let schedulers = vec![force("force", &["b"])];
        let mut site = Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers));
        let w1 = site.connect("w1");
        for (nth, minutes) in [(1, 2), (2, 4), (3, 3)] {
            site.force("b");
            site.pass(Span::minutes(minutes));
            site.exit(w1, &format!("b#{nth}"), 0);
            site.pass(Span::minutes(1));
            site.exit(w1, &format!("b#{nth}"), 0);
        }
        site.force("b");
        let state = site.master.state();
        let build = state.unfinished().next().expect("it runs");
        let usual = usual(state, &build.builder);
        assert_eq!(usual.build, Some(Span::minutes(4)));
        assert_eq!(usual.steps.get("make"), Some(&Span::minutes(3)));
        let eta = |minutes| {
            let now = build.started_at + Span::minutes(minutes);
            build_eta(build, &usual, now).map(|end| end - build.started_at)
        };
        assert_eq!(eta(0), Some(Span::minutes(4)));
        assert_eq!(eta(2), Some(Span::minutes(4)));
        assert_eq!(eta(9), Some(Span::minutes(10)), "the running step is overdue, the next is not");
    }
}
