//! What is remembered and what is forgotten, at the bounds that stores load by.

use super::{State, TAIL_BUILDS, TAIL_BUILT, TAIL_CHANGES};
use crate::id::{BuilderName, ChangeId, RequestId};
use crate::results::Results;
use crate::testing::{
    Harness, builder, change, config, force, single_branch, stamp, timer, worker,
};
use crate::time::Span;

fn same(site: &Harness) {
    let state = site.master.state();
    assert!(State::from_tables(state.tables()) == *state);
}

/// Old changes go, unless something unfinished names them.
#[test]
fn changes_are_kept_by_what_is_unfinished() {
    let builders = vec![builder("b", &["w1"], vec![crate::testing::shell("make")])];
    let schedulers = vec![single_branch("calm", &["b"], timer(Some(10)))];
    let mut site =
        Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers)).unchecked();
    site.submit(vec![change("main", "first", &[], "Ana <a@x>")]);
    site.pass(Span::seconds(10));
    let mut quiet = config(
        "c2",
        vec![worker("w1", 1)],
        vec![builder("b", &["w1"], vec![crate::testing::shell("make")])],
        vec![],
    );
    quiet.title = "without schedulers".to_owned();
    let quiet = std::sync::Arc::new(quiet);
    site.say(crate::input::Input::Reconfigured(quiet));
    for nth in 0..TAIL_CHANGES {
        site.submit(vec![change("main", &format!("r{nth}"), &[], "Bob <b@x>")]);
    }
    let state = site.master.state();
    assert_eq!(state.changes().count(), TAIL_CHANGES + 1, "the first is kept by its buildset");
    same(&site);
    let w1 = site.connect("w1");
    site.exit(w1, "b#1", 0);
    let state = site.master.state();
    assert!(state.change(ChangeId(1)).is_none());
    assert_eq!(state.changes_at("repo", "first").count(), 0);
    assert_eq!(state.changes().count(), TAIL_CHANGES);
    same(&site);
}

/// Each builder's tail of finished builds, and the longer one for blame.
#[test]
fn builds_leave_a_tail() {
    let builders = vec![builder("b", &["w1"], vec![])];
    let schedulers = vec![force("force", &["b"])];
    let mut site =
        Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers)).unchecked();
    site.connect("w1");
    for _ in 0..TAIL_BUILT + 5 {
        site.force_with("b", vec![stamp("main", Some("r1"))], &[]);
    }
    let state = site.master.state();
    let b = BuilderName::from("b");
    assert_eq!(state.finished_of(&b).count(), TAIL_BUILDS);
    assert_eq!(state.built_of(&b).count(), TAIL_BUILT);
    assert_eq!(state.recent_of(&b).next().map(|build| build.number), Some(TAIL_BUILT as u32 + 5));
    assert_eq!(state.builds().count(), TAIL_BUILDS);
    assert!(state.request(RequestId(1)).is_none());
    same(&site);
}

/// A slow build that more later ones overtook than are remembered: what it held is given back all the same.
#[test]
fn an_overtaken_build_gives_back_what_it_held() {
    let builders = vec![builder("b", &["w1", "w2"], vec![crate::testing::shell("make")])];
    let schedulers = vec![force("force", &["b"])];
    let workers = vec![worker("w1", 1), worker("w2", 1)];
    let mut site = Harness::new(config("c1", workers, builders, schedulers)).unchecked();
    let slow = site.connect("w1");
    site.force("b");
    let quick = site.connect("w2");
    for nth in 2..TAIL_BUILDS + 4 {
        site.force("b");
        site.exit(quick, &format!("b#{nth}"), 0);
    }
    site.exit(slow, "b#1", 0);
    let state = site.master.state();
    assert_eq!(state.unfinished().count(), 0);
    let ended = |request: &crate::model::BuildRequest| request.results == Some(Results::Success);
    assert!(state.request(RequestId(1)).is_none_or(ended));
    assert_eq!(state.worker(&"w1".into()).and_then(|worker| worker.idle_since), Some(site.now));
    same(&site);
}

/// RQ-8: 25,000 waiting requests of 1,000 builders; a step's end costs what it changes, not what waits.
#[test]
fn a_long_queue_is_no_burden() {
    let names: Vec<String> = (0..1_000).map(|nth| format!("b{nth}")).collect();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let builders = refs
        .iter()
        .map(|name| builder(name, &["w1"], vec![crate::testing::shell("make")]))
        .collect();
    let schedulers = vec![force("force", &refs)];
    let mut site =
        Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers)).unchecked();
    for nth in 0..25_000 {
        let revision = format!("r{nth}");
        site.force_with(refs[nth % refs.len()], vec![stamp("main", Some(&revision))], &[]);
    }
    let w1 = site.connect("w1");
    for _ in 0..1_000 {
        let build = site.master.state().unfinished().next().expect("one runs").reference();
        site.exit(w1, &build.to_string(), 0);
    }
    let state = site.master.state();
    assert_eq!(state.waiting_requests().count(), 25_000 - 1_001);
    let least = names.iter().map(|name| state.last_number(&BuilderName::from(name.as_str()))).min();
    assert_eq!(least, Some(1), "every builder had its turn (F27)");
    same(&site);
}
