//! The reading commands: tables for people, NDJSON for scripts.

use linn_proto::common::Results;

use super::*;

#[tokio::test]
async fn every_list_has_a_table_and_json() {
    let fake = Fake::start();
    linn_at(&fake, &["change", "send", "--author", "Ana", "--key", "k"]).await;
    for (command, key) in [
        ("builders", "last_build"),
        ("builds", "blamelist"),
        ("buildsets", "sourcestamps"),
        ("requests", "waits"),
        ("changes", "comments"),
        ("workers", "paused_reason"),
        ("schedulers", "waiting_changes"),
        ("sources", "tips"),
        ("locks", "waiters"),
    ] {
        let table = linn_at(&fake, &[command]).await;
        assert_eq!(table.code, 0, "{command}: {}", table.err);
        assert!(table.lines().len() >= 2, "{command}");
        assert!(!table.out.contains('\u{1b}'), "{command}");
        let said = linn_at(&fake, &[command, "--json"]).await;
        assert_eq!(said.code, 0, "{command}: {}", said.err);
        assert!(said.json()[0].get(key).is_some(), "{command} has no `{key}`");
    }
}

#[tokio::test]
async fn an_empty_list_is_a_sentence() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["changes"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", "no changes\n"));
    let said = linn_at(&fake, &["changes", "--json"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[tokio::test]
async fn limits_are_kept_and_pages_turned() {
    let fake = Fake::start();
    fake.world().builds = 1300;
    for (limit, count) in [("1", 1), ("200", 200), ("700", 700), ("5000", 1300)] {
        let said = linn_at(&fake, &["builds", "--json", "--limit", limit]).await;
        let numbers: Vec<u64> =
            said.json().iter().filter_map(|build| build["number"].as_u64()).collect();
        let expected: Vec<u64> = (0..count).map(|back| 1300 - back).collect();
        assert_eq!(numbers, expected, "--limit {limit}");
    }
    assert_eq!(linn_at(&fake, &["builds"]).await.lines().len(), 201, "the default is 200 (C2)");
}

#[tokio::test]
async fn filters_reach_the_master() {
    let fake = Fake::start();
    let args = [
        "builds",
        "--builder",
        "linux",
        "--branch",
        "main",
        "--state",
        "finished",
        "--results",
        "failure",
    ];
    assert_eq!(linn_at(&fake, &args).await.code, 0);
    assert_eq!(linn_at(&fake, &["requests", "--all", "--builder", "mac"]).await.code, 0);
    assert_eq!(linn_at(&fake, &["changes", "--author", "ana", "--branch", "b"]).await.code, 0);
    let world = fake.world();
    let [builds, requests, changes] = &world.lists[..] else { panic!("three lists") };
    assert_eq!((builds.builder.as_str(), builds.branch.as_str()), ("linux", "main"));
    assert_eq!((builds.state.as_str(), builds.results.as_str()), ("finished", "FAILURE"));
    assert!(builds.brief);
    assert_eq!((requests.all, requests.builder.as_str()), (true, "mac"));
    assert_eq!((changes.author.as_str(), changes.branch.as_str()), ("ana", "b"));
}

#[tokio::test]
async fn one_build() {
    let fake = Fake::start();
    fake.world().results = Results::Failure;
    let said = linn_at(&fake, &["build", "linux"]).await;
    assert_eq!(said.code, 0);
    for part in ["linux#42", "FAILURE", "1:02", "test", "stdio", "Ana ␛[2J <ana@example.org>"] {
        assert!(said.out.contains(part), "no `{part}` in:\n{}", said.out);
    }
    let build = &linn_at(&fake, &["build", "linux#42", "--json"]).await.json()[0];
    assert_eq!((&build["number"], &build["results"]), (&42.into(), &"FAILURE".into()));
    assert_eq!(build["started_at"], "2026-09-21T14:13:20.000Z");
    assert_eq!(build["steps"][0]["logs"][0]["name"], "stdio");
}

#[tokio::test]
async fn a_frame_of_the_waterfall() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["waterfall", "--hours", "1"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("linux"));
    assert!(!said.out.contains('\u{1b}'));
    assert!(fake.world().lists[0].since_ms > 0);
    assert_eq!(linn_at(&fake, &["waterfall", "--json"]).await.json().len(), 3);
}

#[tokio::test]
async fn events() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["events", "--since", "2", "--json"]).await;
    let events = said.json();
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!((said.code, seqs), (0, vec![3, 4, 5, 6]), "C14: those after, not with");
    assert_eq!(events[0]["worker"], "w1");
    let said = linn_at(&fake, &["events", "--limit", "2"]).await;
    assert_eq!(said.lines().len(), 2);
    assert!(said.out.contains("build_started") && said.out.contains(r#"{"worker":"w1"}"#));
}

#[tokio::test]
async fn followed_events_outlast_a_broken_link() {
    let fake = Fake::start();
    {
        let mut world = fake.world();
        (world.breaks, world.breaks_after) = (2, 2);
    }
    let said = linn_at(&fake, &["events", "-f", "--limit", "6", "--json"]).await;
    let seqs: Vec<u64> = said.json().iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!((said.code, seqs), (0, (1..=6).collect()));
    assert!(said.err.contains("lost the master") && said.err.contains("the master is back"));
}

/// C33: one object for each build and name; a line for each name for people.
#[tokio::test]
async fn statistics_over_time() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["stats", "linux", "--json"]).await;
    assert_eq!(
        said.lines(),
        [
            r#"{"build":"linux#3","name":"tests-failed","value":0}"#,
            r#"{"build":"linux#3","name":"warnings","value":2.5}"#,
            r#"{"build":"linux#2","name":"tests-failed","value":4}"#,
        ]
    );
    let said = linn_at(&fake, &["stats", "linux", "--name", "warnings"]).await;
    let lines = said.lines();
    assert_eq!(lines.len(), 2, "{}", said.out);
    assert!(lines[1].starts_with("warnings") && lines[1].contains("2.5"), "{}", said.out);
    let said = linn_at(&fake, &["stats", "linux"]).await;
    assert!(
        said.lines()[1].contains("tests-failed") && said.lines()[1].contains("#3"),
        "{}",
        said.out
    );
    let said = linn_at(&fake, &["stats", "linux", "--name", "warning"]).await;
    assert_eq!(
        (said.out.as_str(), said.err.as_str()),
        ("", "no statistics of the name warning; there are tests-failed, warnings\n")
    );
    assert_eq!(linn_at(&fake, &["stats", "nobody"]).await.code, 3);
    assert_eq!(linn_at(&fake, &["stats"]).await.code, 2);
}

/// C29: what schedulers make of a change; one of nowhere is told what it lacks.
#[tokio::test]
async fn schedulers_are_asked_about_a_change() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["explain", "change", "1"]).await;
    assert_eq!((said.lines(), said.err.as_str()), (vec!["commits does not take it: branch"], ""));
    let said = linn_at(&fake, &["explain", "change", "--branch", "main"]).await;
    assert_eq!((said.lines(), said.err.as_str()), (vec!["commits takes it, as important"], ""));
    let hint = "the change has no place: say --repository or --codebase\n";
    let said = linn_at(&fake, &["explain", "change"]).await;
    assert_eq!(
        (said.lines(), said.err.as_str()),
        (vec!["commits does not take it: codebases"], hint)
    );
    let said = linn_at(&fake, &["explain", "change", "--codebase", "zork"]).await;
    assert_eq!(said.err, "");
}
