//! What a command told besides its exit code, and what that makes of its step (F19 to F21).

use super::Position;
use super::outcome::Ended;
use crate::config::ShellStep;
use crate::ctx::Ctx;
use crate::model::{Build, Exit, Notice, NoticeKind, Said, TestResults, Url};
use crate::record::Record;
use crate::results::Results;

/// The most links of one step.
const MAX_URLS: usize = 100;

/// F19: warnings make a step that did well warn, and more than it may have fail it.
pub(super) fn warnings(ended: &mut Ended, shell: &ShellStep, count: u64) {
    if shell.warning_pattern.is_none() {
        return;
    }
    ended.statistics.insert("warnings".to_owned(), number(count));
    if count == 0 || !matches!(ended.results, Results::Success | Results::Warnings) {
        return;
    }
    let words = if count == 1 { "1 warning".to_owned() } else { format!("{count} warnings") };
    match shell.observe.max_warnings {
        Some(most) if count > u64::from(most) => {
            ended.results = Results::Failure;
            ended.text = format!("{words}, more than {most}");
        }
        _ if ended.results == Results::Success => {
            ended.results = Results::Warnings;
            ended.text = words;
        }
        _ => {}
    }
}

/// F20: numbers, names of what failed, and words. A test that failed fails a step whose program says that all is well, and
/// so does a report that is not there: a green step without its tests would be a lie. What else its exit means stays.
pub(super) fn tests(ended: &mut Ended, exit: &Exit, tests: Option<&TestResults>) {
    let Some(tests) = tests else { return };
    let numbers = [
        ("tests-total", tests.total),
        ("tests-passed", tests.passed),
        ("tests-failed", tests.failed),
        ("tests-skipped", tests.skipped),
    ];
    for (name, count) in numbers {
        ended.statistics.insert(name.to_owned(), number(count));
    }
    ended.tests.clone_from(&tests.failures);
    // Another end (a signal, a limit, a stop) has better words.
    if !matches!(exit, Exit::Exited(_)) {
        return;
    }
    match ended.results {
        Results::Success | Results::Warnings | Results::Failure if tests.failed > 0 => {
            if ended.results == Results::Success {
                ended.results = Results::Failure;
            }
            let noun = if tests.total == 1 { "test" } else { "tests" };
            ended.text = format!("{} of {} {noun} failed", tests.failed, tests.total);
        }
        Results::Success if !tests.trouble.is_empty() => {
            ended.results = Results::Failure;
            ended.text = format!("no test results: {}", tests.trouble);
        }
        Results::Success => {
            let noun = if tests.passed == 1 { "test" } else { "tests" };
            ended.text = match (tests.total, tests.skipped) {
                (0, _) => "no tests ran".to_owned(),
                (_, 0) => format!("{} {noun} passed", tests.passed),
                (_, skipped) => format!("{} {noun} passed, {skipped} skipped", tests.passed),
            };
        }
        _ => {}
    }
}

/// What else a command told goes to its step: links, and numbers that are not ours. Lines that say nothing are for people.
pub(super) fn rest(ctx: &mut Ctx<'_>, position: &Position, said: Said, ended: &mut Ended) {
    for (name, value) in said.statistics {
        ended.statistics.entry(name).or_insert(value);
    }
    ended.urls = said.urls;
    let Some(build) = ctx.state().build(position.build) else { return };
    if said.mistakes == 0 {
        return;
    }
    let (build, step) = (build.reference(), super::step_name(build, position.number));
    let lines = match said.mistakes {
        1 => "a line that says nothing".to_owned(),
        several => format!("{several} lines that say nothing; the first"),
    };
    ctx.tell(Notice {
        kind: NoticeKind::Master,
        subject: build.to_string(),
        text: format!("the step {build}/{step} reported {lines}: {}", said.first_mistake),
        key: format!("report:{build}/{step}"),
        people: Vec::new(),
        build: Some(build),
        step,
    });
}

/// A running step told a link.
pub(crate) fn linked(ctx: &mut Ctx<'_>, position: &Position, url: Url) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(step) = build.steps.iter().find(|step| step.number == position.number) else {
        return;
    };
    if step.urls.len() >= MAX_URLS || step.urls.contains(&url) {
        return;
    }
    let record = Record::StepLinked {
        id: build.id,
        build: build.reference(),
        step: step.number,
        name: step.name.clone(),
        url,
    };
    ctx.record(record);
}

/// The links of a step that ends: those known, then those told with its end.
pub(super) fn all_urls(build: &Build, position: &Position, told: Vec<Url>) -> Vec<Url> {
    let step = build.steps.iter().find(|step| step.number == position.number);
    let mut all = step.map(|step| step.urls.clone()).unwrap_or_default();
    for url in told {
        if all.len() < MAX_URLS && !all.contains(&url) {
            all.push(url);
        }
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 of them")]
const fn number(count: u64) -> f64 {
    count as f64
}
