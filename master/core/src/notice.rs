//! What is notable, for whom: a builder newly broken on a branch, and its recovery (RM-1 to RM-3 better, BM-6).

use std::collections::BTreeSet;

use crate::blame::{self, Before};
use crate::config::Builder;
use crate::model::{Build, Notice, NoticeKind};
use crate::results::Results;
use crate::state::State;
use crate::step;

/// What a build's end means to people.
pub(crate) struct Judged {
    /// It is red and its predecessor was not, or there is none.
    pub(crate) new_failure: bool,
    pub(crate) notice: Option<Notice>,
}

/// Compares a build that ends so with its comparable predecessor, which is of the same builder and branch.
pub(crate) fn judge(
    state: &State,
    build: &Build,
    recipe: Option<&Builder>,
    results: Results,
    text: &str,
) -> Judged {
    let nothing = Judged { new_failure: false, notice: None };
    let patched = build.stamps.iter().any(|stamp| stamp.patch.is_some());
    // A try breaks nothing that others have (BM-7); a build that was stopped or comes again says nothing yet.
    if patched || matches!(results, Results::Cancelled | Results::Retry | Results::Skipped) {
        return nothing;
    }
    let before = match blame::before(state, build) {
        Before::Build(before) => Some(before),
        Before::Nothing => None,
        Before::Overtaken => return nothing,
    };
    let was_red = before.map(|before| before.results.is_red());
    let place = place(build);
    let reference = build.reference();
    let number = before.map_or(0, |before| before.number);
    match (results.is_red(), was_red) {
        (true, Some(true)) | (false, Some(false) | None) => nothing,
        (true, _) => Judged {
            new_failure: true,
            notice: Some(Notice {
                kind: NoticeKind::Problem,
                subject: reference.to_string(),
                text: format!("{} is broken{place}: {text} ({reference})", build.builder),
                // Until a good build comes, each further first failure stands for the same problem.
                key: format!("problem:{}:{}:{number}", build.builder, branches(build)),
                people: people(build, &build.blame.blamelist),
                build: Some(reference),
                step: failed_step(build, recipe),
            }),
        },
        (false, _) => Judged {
            new_failure: false,
            notice: Some(Notice {
                kind: NoticeKind::Recovery,
                subject: reference.to_string(),
                text: format!("{} is good again{place} ({reference})", build.builder),
                key: format!("recovery:{}:{}:{number}", build.builder, branches(build)),
                people: people(build, &build.blame.since_good.blamelist),
                build: Some(reference),
                step: String::new(),
            }),
        },
    }
}

fn branches(build: &Build) -> String {
    let names: Vec<_> =
        build.stamps.iter().map(|stamp| stamp.branch.as_deref().unwrap_or("")).collect();
    names.join(",")
}

fn place(build: &Build) -> String {
    let names: BTreeSet<_> =
        build.stamps.iter().filter_map(|stamp| stamp.branch.as_deref()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(" on {}", names.into_iter().collect::<Vec<_>>().join(", "))
}

/// The blamelist and whoever asked for the build (BM-6).
fn people(build: &Build, blamelist: &[String]) -> Vec<String> {
    let owner = build.properties.text("owner").map(str::to_owned);
    let owners = build.properties.get("owners").and_then(serde_json::Value::as_array);
    let owners = owners.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
    let all: BTreeSet<_> = blamelist.iter().cloned().chain(owner).chain(owners).collect();
    all.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The step that made it red, by name: the first whose going wrong counts.
fn failed_step(build: &Build, recipe: Option<&Builder>) -> String {
    let mut steps = build.steps.iter().enumerate();
    let red = steps.find(|(nth, step)| {
        let spec = build.recipe(recipe).get(*nth);
        step::counted(build, step, spec).is_red()
    });
    red.map(|(_, step)| step.name.clone()).unwrap_or_default()
}
