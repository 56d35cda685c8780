//! Each sort of difference, and what happens to what runs and waits.

use std::collections::{BTreeMap, BTreeSet};

use super::{Work, plan};
use crate::config::{
    BranchPattern, Canceller, CancellerKind, Codebase, Condition, Config, EnvSetting, GitPoller,
    Lock, LockAccess, LockMode, LockScope, SchedulerKind, Source, SourceKind, TextPattern,
};
use crate::hooks::HookId;
use crate::testing::{
    Harness, any_branch, builder, change, config, force, nightly, shell, stamp, timer, worker,
};
use crate::time::Span;

fn lines(old: &Config, new: &Config, work: &Work) -> Vec<String> {
    plan(old, new, work).iter().map(ToString::to_string).collect()
}

fn base() -> Config {
    let workers = vec![worker("w1", 1), worker("w2", 0)];
    let builders = vec![builder("b", &["w1", "w2"], vec![shell("make"), shell("test")])];
    let schedulers = vec![
        nightly("night", &["b"], "0 3 * * *", false),
        any_branch("any", &["b"], timer(Some(60))),
        force("force", &["b"]),
    ];
    config("old", workers, builders, schedulers)
}

/// The same text with other blanks.
fn next() -> Config {
    let mut next = base();
    next.digest = "new".into();
    next
}

#[test]
fn another_text_that_says_the_same_changes_nothing() {
    assert_eq!(lines(&base(), &next(), &Work::default()), Vec::<String>::new());
}

#[test]
fn what_comes_and_goes_is_one_line_each() {
    let mut new = next();
    new.builders.insert("mac-arm".into(), builder("mac-arm", &["w2"], vec![]));
    new.workers.remove("w1");
    new.builders.get_mut("b").unwrap().workers = vec!["w2".into()];
    new.secrets = BTreeSet::from(["token".into()]);
    new.cancellers =
        vec![Canceller { builders: BTreeSet::from(["b".into()]), kind: CancellerKind::Failed }];
    assert_eq!(
        lines(&base(), &new, &Work::default()),
        [
            "- worker w1",
            "~ builder b: workers -w1",
            "+ builder mac-arm",
            "+ canceller cancel_failing_buildset of b",
            "+ secret token",
        ]
    );
    assert_eq!(lines(&new, &base(), &Work::default())[0], "+ worker w1");
}

#[test]
fn values_are_told_before_and_after() {
    let mut new = next();
    new.title = "Farm".to_owned();
    new.properties.insert("site".to_owned(), "x".into());
    new.codebases.insert("".into(), Codebase::default());
    let poller = GitPoller {
        repository: "/srv/app".to_owned(),
        branches: Vec::new(),
        only: None,
        interval: Span::minutes(5),
        build_pushes_with_no_commits: false,
        build_first_tip: false,
        tags: false,
        history: crate::config::GitHistory::FirstParent,
    };
    let source = Source {
        name: "app".into(),
        codebase: None,
        project: String::new(),
        category: String::new(),
        kind: SourceKind::Git(poller.clone()),
    };
    let lock = Lock {
        name: "db".into(),
        scope: LockScope::Master,
        max_count: 1,
        max_count_for: BTreeMap::new(),
    };
    new.sources.insert("app".into(), source.clone());
    new.locks.insert("db".into(), lock.clone());
    new.workers.get_mut("w1").unwrap().max_builds = None;
    new.schedulers[0] = nightly("night", &["b"], "0 4 * * *", false);
    new.schedulers[1] = any_branch("any", &["b"], timer(None));
    assert_eq!(
        lines(&base(), &new, &Work::default()),
        [
            "~ master title: \"\" -> \"Farm\"",
            "+ property site",
            "+ codebase (unnamed)",
            "+ source app",
            "+ lock db",
            "~ worker w1: max_builds 1 -> no limit",
            "~ scheduler any: tree_stable_timer 1m -> none",
            "~ scheduler night: at 0 3 * * * in UTC -> at 0 4 * * * in UTC",
        ]
    );
    let mut later = new.clone();
    let slower = GitPoller { interval: Span::minutes(10), ..poller };
    later.sources.insert("app".into(), Source { kind: SourceKind::Git(slower), ..source });
    later.locks.insert("db".into(), Lock { max_count: 2, ..lock });
    assert_eq!(
        lines(&new, &later, &Work::default()),
        ["~ source app: interval 5m -> 10m", "~ lock db: max_count 1 -> 2"]
    );
}

#[test]
fn parts_with_names_are_told_by_name() {
    let mut old = base();
    let mut new = next();
    let taken = |lock: &str, mode| LockAccess { lock: lock.into(), mode };
    old.workers.get_mut("w1").unwrap().locks = vec![taken("db", LockMode::Counting(1))];
    new.workers.get_mut("w1").unwrap().locks =
        vec![taken("cpu", LockMode::Exclusive), taken("db", LockMode::Counting(2))];
    let b = new.builders.get_mut("b").unwrap();
    b.properties.insert("site".to_owned(), "x".into());
    b.env.push(EnvSetting { name: "CC".to_owned(), value: None });
    b.policy.next_build =
        Some(HookId { config: "new".into(), index: 0, label: "f at x:1".to_owned() });
    let SchedulerKind::AnyBranch(any) = &mut new.schedulers[1].kind else { panic!() };
    any.filter.branch = vec![BranchPattern::Default];
    any.filter.is_not.insert("author".to_owned(), vec![TextPattern("ana".to_owned())]);
    let SchedulerKind::Force(form) = &mut new.schedulers[2].kind else { panic!() };
    form.parameters = Some(Vec::new());
    new.schedulers[2].codebases = Some(vec!["app".into()]);
    assert_eq!(
        lines(&old, &new, &Work::default()),
        [
            "~ worker w1: locks +cpu ~db",
            "~ builder b: env +CC; properties +site; next_build differs",
            "~ scheduler any: filter differs in branch, author_not",
            "~ scheduler force: codebases differ; parameters instead of any property",
        ]
    );
}

#[test]
fn steps_are_told_by_name() {
    let mut new = next();
    let mut test = shell("test");
    test.flags.always_run = true;
    new.builders.get_mut("b").unwrap().factory = vec![shell("lint"), test];
    assert_eq!(lines(&base(), &new, &Work::default()), ["~ builder b: steps +lint -make ~test"]);
    new.builders.get_mut("b").unwrap().factory = vec![shell("test"), shell("make")];
    assert_eq!(lines(&base(), &new, &Work::default()), ["~ builder b: steps in another order"]);
}

/// A function is compared by what it does, wherever its text stands.
#[test]
fn functions_are_compared_by_their_likeness() {
    let with = |digest: &str, index: u32, label: &str, functions: &[&str]| {
        let mut config = base();
        config.digest = digest.into();
        config.functions = functions.iter().map(|&it| it.to_owned()).collect();
        let hook = HookId { config: digest.into(), index, label: label.to_owned() };
        let builder = config.builders.get_mut("b").unwrap();
        builder.factory[0].do_step_if = Condition::Hook(hook);
        config
    };
    let old = with("old", 0, "is \"code\" at master.star:12", &["aa"]);
    let moved = with("new", 1, "is \"code\" at master.star:14", &["bb", "aa"]);
    assert_eq!(lines(&old, &moved, &Work::default()), Vec::<String>::new());
    let other = with("new", 0, "is \"code\" at master.star:12", &["bb"]);
    assert_eq!(lines(&old, &other, &Work::default()), ["~ builder b: steps ~make"]);
    // Nothing is known of them: the name counts.
    let (old, moved) = (with("old", 0, "f at a:1", &[]), with("new", 3, "f at a:9", &[]));
    assert_eq!(lines(&old, &moved, &Work::default()), Vec::<String>::new());
}

/// RC-3, RC-4: what happens to running and waiting work is said before it happens.
#[test]
fn what_happens_to_work_is_told() {
    let mut site = Harness::new(base());
    site.connect("w1");
    site.force_with("b", vec![stamp("main", Some("r1"))], &[]);
    site.force_with("b", vec![stamp("main", Some("r2"))], &[]);
    site.submit(vec![change("main", "r3", &[], "Ana <a@x>")]);
    let mut new = next();
    new.workers.remove("w1");
    new.builders.clear();
    new.schedulers.clear();
    let work = &Work::of(site.master.state());
    assert_eq!(
        lines(&base(), &new, work),
        [
            "- worker w1: 1 running build goes on until it ends",
            "- builder b: 1 running build goes on to its end; 1 waiting request is held until it returns or \
             somebody cancels",
            "- scheduler any: 1 waiting change is kept until it returns",
            "- scheduler force",
            "- scheduler night",
        ]
    );
    let mut changed = next();
    changed.builders.get_mut("b").unwrap().description = "All of it".to_owned();
    assert_eq!(
        lines(&base(), &changed, work),
        ["~ builder b: description \"\" -> \"All of it\"; 1 running build keeps its recipe"]
    );
    assert!(
        lines(&new, &base(), work)
            .contains(&"+ builder b: 1 held request is built after all".to_owned())
    );
}
