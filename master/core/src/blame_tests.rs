//! Whose changes a build is about, and what is notable about its end (BM-*, C6, C7, RM-* better).

use serde_json::json;

use crate::change::{Commit, NewChange};
use crate::config::Flags;
use crate::id::SessionId;
use crate::input::Input;
use crate::model::{Blame, Exit, NoticeKind};
use crate::record::Record;
use crate::testing::{
    Harness, builder, change, config, force, shell, single_branch, stamp, timer, worker,
};

fn site() -> (Harness, SessionId) {
    let make = crate::config::StepSpec { flags: Flags::default(), ..shell("make") };
    let mut site = Harness::new(config(
        "c1",
        vec![worker("w1", 1)],
        vec![builder("linux", &["w1"], vec![make])],
        vec![force("force", &["linux"]), single_branch("never", &[], timer(None))],
    ));
    let w1 = site.connect("w1");
    (site, w1)
}

/// A linear history r1 … rN, each by somebody else.
fn history(site: &mut Harness, upto: u32) {
    for nth in 1..=upto {
        let (revision, parent) = (format!("r{nth}"), format!("r{}", nth - 1));
        site.submit(vec![change("main", &revision, &[&parent], &format!("P{nth} <p{nth}@x>"))]);
    }
}

/// Builds a revision of main to its end; gives back its blame.
fn build(site: &mut Harness, w1: SessionId, revision: &str, code: i32) -> Blame {
    site.force_with("linux", vec![stamp("main", Some(revision))], &[]);
    let build = site.master.state().unfinished().next().expect("it runs");
    let (reference, blame) = (build.reference(), build.blame.clone());
    site.exit(w1, &reference.to_string(), code);
    blame
}

fn ids(blame: &Blame) -> (Vec<u64>, Vec<u64>) {
    let numbers = |changes: &[crate::id::ChangeId]| changes.iter().map(|id| id.0).collect();
    (numbers(&blame.changes), numbers(&blame.since_good.changes))
}

/// C6, C7, BM-2, BM-4: new in this build, and since the last good one.
#[test]
fn two_lists_from_one_definition() {
    let (mut site, w1) = site();
    history(&mut site, 8);
    let first = build(&mut site, w1, "r2", 0);
    assert_eq!(ids(&first), (vec![2], vec![2]), "a first build is about its own change alone");
    let second = build(&mut site, w1, "r4", 1);
    assert_eq!(ids(&second), (vec![3, 4], vec![3, 4]));
    assert_eq!(second.blamelist, ["P3 <p3@x>", "P4 <p4@x>"]);
    let third = build(&mut site, w1, "r5", 1);
    assert_eq!(ids(&third), (vec![5], vec![3, 4, 5]));
    assert_eq!(third.since_good.build.map(|it| it.to_string()), Some("linux#1".to_owned()));
    let again = build(&mut site, w1, "r5", 0);
    assert_eq!(ids(&again), (vec![], vec![3, 4, 5]), "the same revision has nothing new");
    let next = build(&mut site, w1, "r8", 0);
    assert_eq!(ids(&next), (vec![6, 7, 8], vec![6, 7, 8]));
}

/// C7, BM-4: out of order. The predecessor is the nearest ancestor; an ancestor of something built has nothing new.
#[test]
fn builds_out_of_order() {
    let (mut site, w1) = site();
    history(&mut site, 9);
    build(&mut site, w1, "r2", 0);
    build(&mut site, w1, "r8", 1);
    let between = build(&mut site, w1, "r5", 0);
    assert_eq!(between.changes, [], "r8 was built already");
    let next = build(&mut site, w1, "r9", 0);
    assert_eq!(ids(&next), (vec![9], vec![6, 7, 8, 9]), "good was r5");
}

/// BM-4: a merge brings the changes of the branch that was merged, from where it forked.
#[test]
fn a_merge_brings_its_branch() {
    let (mut site, w1) = site();
    history(&mut site, 3);
    build(&mut site, w1, "r3", 0);
    site.submit(vec![
        change("topic", "t1", &["r1"], "Tom <t@x>"),
        change("topic", "t2", &["t1"], "Tom <t@x>"),
        change("main", "m", &["r3", "t2"], "Ana <a@x>"),
    ]);
    let merged = build(&mut site, w1, "m", 0);
    assert_eq!(ids(&merged).0, [4, 5, 6]);
    assert_eq!(merged.blamelist, ["Ana <a@x>", "Tom <t@x>"]);
}

/// CH-7: without a graph the order of arrival stands in; what the graph says later wins.
#[test]
fn arrival_stands_in_for_the_graph() {
    let (mut site, w1) = site();
    for nth in 1..=3 {
        let revision = format!("r{nth}");
        site.submit(vec![change("main", &revision, &[], &format!("P{nth} <p@x>"))]);
    }
    build(&mut site, w1, "r1", 0);
    assert_eq!(ids(&build(&mut site, w1, "r3", 0)).0, [2, 3]);
    assert_eq!(
        site.master.state().change(crate::id::ChangeId(3)).map(|it| it.parents.clone()),
        Some(vec!["r2".to_owned()])
    );
    let asking = site.asking();
    let commits = vec![
        Commit { revision: "r4".into(), parents: vec!["r3".into()] },
        Commit { revision: "r5".into(), parents: vec!["r4".into()] },
    ];
    let new = NewChange { parents: Vec::new(), ..change("main", "r5", &[], "P5 <p@x>") };
    site.say(Input::ChangesSubmitted {
        asking,
        changes: vec![new],
        commits: vec![("repo".into(), commits)],
    });
    assert_eq!(
        site.master.state().change(crate::id::ChangeId(4)).map(|it| it.parents.clone()),
        Some(vec!["r4".to_owned()])
    );
}

/// BM-5, BM-7: a try is its submitter's alone, and nobody compares with it.
#[test]
fn a_try_blames_its_submitter() {
    let (mut site, w1) = site();
    history(&mut site, 2);
    let patch = crate::change::Patch {
        level: 1,
        diff: "--- a".into(),
        author: "Eve <e@x>".into(),
        comment: String::new(),
        subdir: String::new(),
    };
    let tried = crate::change::SourceStamp { patch: Some(patch), ..stamp("main", Some("r2")) };
    site.force_with("linux", vec![tried], &[]);
    let blame = site.master.state().unfinished().next().expect("it runs").blame.clone();
    assert_eq!((blame.changes.len(), blame.blamelist), (0, vec!["Eve <e@x>".to_owned()]));
    let said = site.exit(w1, "linux#1", 1);
    let notices = said.records.iter().filter(|record| matches!(record, Record::NoticeRaised(_)));
    assert_eq!(notices.count(), 0);
    assert_eq!(ids(&build(&mut site, w1, "r2", 0)).0, [2], "still the first of its kind");
}

/// SS-3: what a checkout obtained decides; another revision than the pinned one is a visible warning.
#[test]
fn another_revision_is_seen() {
    let mut git = crate::testing::git("");
    git.flags = Flags::default();
    let mut site = Harness::new(config(
        "c1",
        vec![worker("w1", 1)],
        vec![builder("linux", &["w1"], vec![git])],
        vec![force("force", &["linux"])],
    ));
    let w1 = site.connect("w1");
    history(&mut site, 3);
    site.force_with("linux", vec![stamp("main", Some("bbbbbb2"))], &[]);
    site.transcript();
    site.end(w1, "linux#1", Exit::Exited(0), vec![("got_revision".into(), json!({"": "r3"}))]);
    assert_eq!(
        site.transcript()[..4],
        [
            "property_set linux#1 got_revision = {\"\":\"r3\"} by step",
            "build_blamed linux#1 new 3 since good 3",
            "step_finished linux#1/git WARNINGS: built r3, not bbbbbb2 as asked for",
            "build_finished linux#1 WARNINGS: warnings 'git' (warnings)",
        ]
    );
    site.force_with("linux", vec![stamp("main", None)], &[]);
    site.end(w1, "linux#2", Exit::Exited(0), vec![("got_revision".into(), json!({"": "r3"}))]);
    assert!(
        site.transcript().contains(&"build_finished linux#2 SUCCESS: build successful".to_owned())
    );
    // C22: a name says nothing of which revision it should be.
    site.force_with("linux", vec![stamp("main", Some("v1.0"))], &[]);
    site.end(w1, "linux#3", Exit::Exited(0), vec![("got_revision".into(), json!({"": "r3"}))]);
    assert!(
        site.transcript().contains(&"build_finished linux#3 SUCCESS: build successful".to_owned())
    );
}

/// RM-1 to RM-3 better: one notice for each breakage, by branch; the first build counts; recovery.
#[test]
fn breakages_and_recoveries_are_told() {
    let (mut site, w1) = site();
    history(&mut site, 4);
    site.submit(vec![change("dev", "d1", &["r1"], "Dan <d@x>")]);
    let mut told = |revision: &str, branch: &str, code: i32| {
        site.transcript();
        site.force_with("linux", vec![stamp(branch, Some(revision))], &[]);
        let build = site.master.state().unfinished().next().expect("it runs").reference();
        let said = site.exit(w1, &build.to_string(), code);
        said.records.iter().find_map(|record| match record {
            Record::NoticeRaised(notice) => {
                Some((notice.kind, notice.key.clone(), notice.people.clone()))
            }
            _ => None,
        })
    };
    let people = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        told("r1", "main", 1),
        Some((NoticeKind::Problem, "problem:linux:main:0".into(), people(&["P1 <p1@x>", "ana"])))
    );
    assert_eq!(told("r2", "main", 1), None, "it was broken before");
    assert_eq!(told("d1", "dev", 0), None, "a good first build is no news");
    assert_eq!(
        told("r3", "main", 0),
        Some((
            NoticeKind::Recovery,
            "recovery:linux:main:2".into(),
            people(&["P1 <p1@x>", "P2 <p2@x>", "P3 <p3@x>", "ana"])
        ))
    );
    assert_eq!(
        told("r4", "main", 1),
        Some((NoticeKind::Problem, "problem:linux:main:4".into(), people(&["P4 <p4@x>", "ana"])))
    );
    assert_eq!(told("r3", "main", 0), None, "r4 speaks for the branch, and is red");
    assert_eq!(told("r2", "main", 1), None, "what is older than what was built is no news");
}

/// RM-3 better: the build before it on the branch is what counts where the graph knows no built ancestor, as after an
/// amended commit; the step that a notice leads to is one that counts.
#[test]
fn an_amended_commit_recovers() {
    let mut lint = crate::testing::shell("lint");
    lint.flags = Flags { flunk_on_failure: false, halt_on_failure: false, ..lint.flags };
    let factory = vec![lint, crate::testing::shell("test")];
    let mut site = Harness::new(config(
        "c1",
        vec![worker("w1", 1)],
        vec![builder("linux", &["w1"], factory)],
        vec![force("force", &["linux"])],
    ));
    let w1 = site.connect("w1");
    history(&mut site, 1);
    site.submit(vec![change("fix", "one", &["r1"], "Dan <d@x>")]);
    site.submit(vec![change("fix", "amended", &["r1"], "Dan <d@x>")]);
    let mut told = |revision: &str, lint: i32, test: i32| {
        site.force_with("linux", vec![stamp("fix", Some(revision))], &[]);
        let build = site.master.state().unfinished().next().expect("it runs").reference();
        site.exit(w1, &build.to_string(), lint);
        let said = site.exit(w1, &build.to_string(), test);
        said.records.iter().find_map(|record| match record {
            Record::NoticeRaised(notice) => Some((notice.kind, notice.step.clone())),
            _ => None,
        })
    };
    assert_eq!(told("one", 1, 1), Some((NoticeKind::Problem, "test".to_owned())));
    assert_eq!(told("amended", 0, 0), Some((NoticeKind::Recovery, String::new())));
}

/// I2, CH-2, CH-6, GP-6: keys, codebases, cursors.
#[test]
fn changes_come_in_once() {
    let mut config = config("c1", vec![], vec![], vec![]);
    let lib = crate::config::Codebase {
        repository: "https://x/lib.git".into(),
        project: "P".into(),
        branch: None,
        ..crate::config::Codebase::default()
    };
    config.codebases.insert("lib".into(), lib);
    let mut site = Harness::new(config);
    let keyed = NewChange {
        key: Some("k1".into()),
        repository: "https://x/lib/".into(),
        ..change("main", "r1", &[], "Ana <a@x>")
    };
    let first = site.submit(vec![keyed.clone()]);
    assert_eq!(first.lines().last().map(String::as_str), Some("-> reply 1: changes 1"));
    assert_eq!(site.submit(vec![keyed.clone()]).lines(), ["-> reply 2: changes 1"]);
    let stored = site.master.state().change(crate::id::ChangeId(1)).expect("stored");
    assert_eq!((stored.codebase.as_str(), stored.project.as_str()), ("lib", "P"));
    let many =
        NewChange { files: vec!["x".repeat(1024); 2000], ..change("main", "r9", &[], "Ana") };
    site.submit(vec![many]);
    let stored = site.master.state().change(crate::id::ChangeId(2)).expect("stored");
    assert_eq!(stored.files.len(), 1024, "a change fits into one message");
    let poll = |asking, changes, tip: &str| Input::SourcePolled {
        source: "git".into(),
        asking,
        changes,
        tips: [("main".to_owned(), tip.to_owned())].into(),
        commits: ("https://x/lib".into(), Vec::new()),
    };
    assert_eq!(site.say(poll(None, vec![keyed], "r1")).lines(), ["source_advanced git main@r1"]);
    assert!(site.say(poll(None, vec![], "r1")).lines().is_empty(), "nothing new is nothing");
    let failed = |error: &str| Input::SourceFailed {
        source: "git".into(),
        asking: None,
        error: error.into(),
    };
    assert_eq!(site.say(failed("it vanished")).lines(), ["source_failed git it vanished"]);
    assert!(site.say(failed("it vanished")).lines().is_empty(), "told once");
    let asking = site.asking();
    assert_eq!(
        site.say(poll(Some(asking), vec![], "r2")).lines(),
        ["source_recovered git", "source_advanced git main@r2", "-> reply 4: git"]
    );
}

/// C6: more commits than are walked through. That the newest one alone is new would be wrong for certain.
#[test]
fn beyond_the_longest_walk_the_stamps_own_changes_are_new() {
    let (mut site, w1) = site();
    history(&mut site, 1);
    build(&mut site, w1, "r1", 0);
    let many = 2_u64..=2_600;
    let commit = |nth: u64| {
        let (revision, parent) = (format!("r{nth}"), format!("r{}", nth - 1));
        change("main", &revision, &[&parent], "P <p@x>")
    };
    site.submit(many.clone().map(commit).collect());
    let mut asked = stamp("main", Some("r2600"));
    asked.changes = many.clone().map(crate::id::ChangeId).collect();
    site.force_with("linux", vec![asked], &[]);
    let build = site.master.state().unfinished().next().expect("it runs");
    // The oldest changes are forgotten by now, as nothing had named them.
    let all: Vec<u64> = build.stamps[0].changes.iter().map(|id| id.0).collect();
    assert!(all.len() >= 2_000, "{}", all.len());
    assert_eq!(ids(&build.blame), (all.clone(), all));
}

/// GP-3 better, F35: a branch that comes back to a commit it had before has a change each time, whoever tells of it, and
/// however often.
#[test]
fn a_branch_comes_back() {
    let (mut site, _) = site();
    let mut told = |revision: &str, from: &str| {
        let new = NewChange {
            key: Some(format!("git repo main {revision}")),
            moved_from: Some(from.to_owned()).filter(|from| !from.is_empty()),
            ..change("main", revision, &[], "Ana <a@x>")
        };
        let said = site.submit(vec![new]);
        said.lines().last().cloned().unwrap_or_default().rsplit(' ').next().map(str::to_owned)
    };
    let steps =
        [("a", "", "1"), ("b", "a", "2"), ("a", "b", "3"), ("b", "a", "4"), ("a", "b", "5")];
    for (revision, from, id) in steps {
        for _ in 0..2 {
            assert_eq!(told(revision, from).as_deref(), Some(id), "{revision} from {from}");
        }
    }
    // A poller that was away saw only where the branch was long ago.
    assert_eq!(told("a", "long ago").as_deref(), Some("5"));
    assert_eq!(told("b", "").as_deref(), Some("4"));
}
