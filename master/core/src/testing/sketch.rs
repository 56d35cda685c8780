//! Small configurations and inputs, by a few words each.

use std::collections::BTreeMap;

use crate::change::{NewChange, SourceStamp};
use crate::config::{
    BranchTimer, Builder, BuilderPolicy, ChangeFilter, CheckoutMethod, Clock, Condition, Config,
    Dependent, Flags, ForceScheduler, Importance, Locks, Pace, Scheduler, SchedulerKind, ShellStep,
    SourceStep, StepKind, StepLimits, StepSpec, TemplateValue, Worker,
};
use crate::cron::{Cron, DayMatch, Zone};
use crate::id::{BuilderName, CodebaseName, ConfigDigest, SchedulerName, WorkerName};
use crate::time::Span;

/// A configuration of these parts.
#[must_use]
pub fn config(
    digest: &str,
    workers: Vec<Worker>,
    builders: Vec<Builder>,
    schedulers: Vec<Scheduler>,
) -> Config {
    Config {
        workers: workers.into_iter().map(|worker| (worker.name.clone(), worker)).collect(),
        builders: builders.into_iter().map(|builder| (builder.name.clone(), builder)).collect(),
        schedulers,
        ..Config::empty(ConfigDigest::from(digest))
    }
}

/// A worker for so many builds at a time; 0: any number.
#[must_use]
pub fn worker(name: &str, max_builds: u32) -> Worker {
    Worker {
        name: WorkerName::from(name),
        max_builds: (max_builds > 0).then_some(max_builds),
        properties: BTreeMap::new(),
        defaults: BTreeMap::new(),
        locks: Vec::new(),
        local: false,
    }
}

/// A builder with the default policy.
#[must_use]
pub fn builder(name: &str, workers: &[&str], factory: Vec<StepSpec>) -> Builder {
    Builder {
        name: BuilderName::from(name),
        description: String::new(),
        tags: Vec::new(),
        project: String::new(),
        workers: workers.iter().map(|name| WorkerName::from(*name)).collect(),
        factory,
        env: Vec::new(),
        workdir: TemplateValue::empty(),
        folder: None,
        properties: BTreeMap::new(),
        defaults: BTreeMap::new(),
        locks: Locks::default(),
        policy: BuilderPolicy::default(),
    }
}

fn step(name: &str, kind: StepKind) -> StepSpec {
    StepSpec {
        name: name.to_owned(),
        description: TemplateValue::empty(),
        description_done: TemplateValue::empty(),
        kind,
        flags: Flags::default(),
        do_step_if: Condition::Is(true),
        hide_step_if: Condition::Is(false),
        env: Vec::new(),
        locks: Locks::default(),
        limits: StepLimits::default(),
    }
}

fn plain(text: &str) -> TemplateValue {
    TemplateValue::Plain(text.into())
}

/// A step that runs its own name in the shell.
#[must_use]
pub fn shell(name: &str) -> StepSpec {
    let shell = ShellStep {
        command: plain(name),
        then: Vec::new(),
        lazy_logfiles: false,
        workdir: plain("build"),
        stdin: None,
        decode_rc: BTreeMap::new(),
        use_pty: false,
        logfiles: Vec::new(),
        warning_pattern: None,
        observe: Box::default(),
    };
    step(name, StepKind::Shell(shell))
}

/// A step that checks a codebase out; named `git`.
#[must_use]
pub fn git(codebase: &str) -> StepSpec {
    let git = SourceStep {
        vcs: crate::config::Vcs::Git,
        codebase: CodebaseName::from(codebase),
        repository: None,
        workdir: plain("build"),
        method: CheckoutMethod::Incremental,
        shallow: None,
        submodules: false,
        always_use_latest: false,
        retry: None,
    };
    StepSpec {
        flags: Flags { halt_on_failure: true, ..Flags::default() },
        ..step("git", StepKind::Source(git))
    }
}

fn scheduler(name: &str, builders: &[&str], kind: SchedulerKind) -> Scheduler {
    Scheduler {
        name: SchedulerName::from(name),
        builders: builders.iter().map(|name| BuilderName::from(*name)).collect(),
        choice: None,
        codebases: None,
        properties: BTreeMap::new(),
        priority: 0,
        priority_hook: None,
        reason: String::new(),
        enabled: true,
        kind,
    }
}

/// A timer of so many seconds for any change; `None`: no timer.
#[must_use]
pub fn timer(seconds: Option<i64>) -> BranchTimer {
    BranchTimer {
        filter: ChangeFilter::default(),
        tree_stable_timer: seconds.map(Span::seconds),
        max_wait: None,
        importance: Importance::default(),
        only_important: false,
    }
}

/// A single-branch scheduler.
#[must_use]
pub fn single_branch(name: &str, builders: &[&str], timer: BranchTimer) -> Scheduler {
    scheduler(name, builders, SchedulerKind::SingleBranch(timer))
}

/// An any-branch scheduler.
#[must_use]
pub fn any_branch(name: &str, builders: &[&str], timer: BranchTimer) -> Scheduler {
    scheduler(name, builders, SchedulerKind::AnyBranch(timer))
}

/// A force scheduler that takes any property.
#[must_use]
pub fn force(name: &str, builders: &[&str]) -> Scheduler {
    scheduler(name, builders, SchedulerKind::Force(ForceScheduler::default()))
}

/// A nightly scheduler by this cron text, in UTC.
///
/// # Panics
/// When it is no cron text.
#[must_use]
pub fn nightly(name: &str, builders: &[&str], at: &str, only_if_changed: bool) -> Scheduler {
    let at = vec![Cron::parse(at, DayMatch::Any).expect("cron text")];
    let zone = Zone::named("UTC").expect("UTC is among the bundled zones");
    let clock = Clock {
        pace: Pace::At { at, force_at: Vec::new(), zone },
        branch: None,
        only_if_changed,
        filter: ChangeFilter::default(),
        importance: Importance::default(),
    };
    scheduler(name, builders, SchedulerKind::Nightly(clock))
}

/// A dependent scheduler.
#[must_use]
pub fn dependent(name: &str, builders: &[&str], upstream: &str) -> Scheduler {
    let upstream = SchedulerName::from(upstream);
    scheduler(name, builders, SchedulerKind::Dependent(Dependent { upstream }))
}

/// A change of the repository `repo`.
#[must_use]
pub fn change(branch: &str, revision: &str, parents: &[&str], author: &str) -> NewChange {
    NewChange {
        author: author.to_owned(),
        branch: Some(branch.to_owned()),
        revision: Some(revision.to_owned()),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        repository: "repo".to_owned(),
        files: vec![format!("src/{revision}.c")],
        ..NewChange::default()
    }
}

/// A stamp of the unnamed codebase in the repository `repo`.
#[must_use]
pub fn stamp(branch: &str, revision: Option<&str>) -> SourceStamp {
    SourceStamp {
        codebase: CodebaseName::from(""),
        repository: "repo".to_owned(),
        project: String::new(),
        branch: Some(branch.to_owned()),
        revision: revision.map(str::to_owned),
        requested: None,
        patch: None,
        changes: Vec::new(),
    }
}

/// Three workers of different sizes, three builders that share them, and a scheduler of each kind: what the laws are held
/// against.
#[must_use]
pub fn small_site() -> Config {
    let always =
        StepSpec { flags: Flags { always_run: true, ..Flags::default() }, ..shell("clean") };
    config(
        "c1",
        vec![worker("w0", 1), worker("w1", 2), worker("w2", 0)],
        vec![
            builder("b0", &["w0", "w1"], vec![git(""), shell("make"), shell("make"), always]),
            builder("b1", &["w1", "w2"], vec![shell("test")]),
            builder("b2", &["w0", "w1", "w2"], vec![]),
        ],
        vec![
            force("force", &["b0", "b1", "b2"]),
            any_branch("any", &["b0", "b1"], timer(Some(30))),
            single_branch("now", &["b2"], timer(None)),
            nightly("hourly", &["b1"], "0 * * * *", true),
            dependent("down", &["b1"], "now"),
        ],
    )
}
