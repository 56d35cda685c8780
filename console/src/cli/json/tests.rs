//! The key sets of `cli.md`, one row an object, and what absent values become.

use linn_proto::common::{Patch, Property, Results, SourceStamp};
use linn_proto::entity::{
    Build, BuildRequest, BuildState, BuildSummary, Builder, Buildset, Change, Event, Log,
    Scheduler, SinceGood, Source, Step, StepState, Url, Wait, Worker,
};
use serde_json::{Value, json};

use super::*;

#[test]
fn every_object_has_the_keys_of_the_contract() {
    let step = build::step(&Step::default());
    let log = build::log(&Log::default());
    let waits =
        &request(&BuildRequest { waits: vec![Wait::default()], ..Default::default() })["waits"][0];
    let stamp = &buildset(&Buildset {
        sourcestamps: vec![SourceStamp::default()],
        ..Default::default()
    })["sourcestamps"][0];
    let rows: [(&str, Value, &str); 12] = [
        (
            "change",
            change(&Change::default()),
            "id author committer comments files branch revision repository codebase project category when properties key",
        ),
        (
            "buildset",
            buildset(&Buildset::default()),
            "id reason scheduler submitted_at complete_at results sourcestamps requests external_id",
        ),
        (
            "request",
            request(&BuildRequest::default()),
            "id builder buildset priority submitted_at claimed_at complete_at results builds merged_into waits",
        ),
        (
            "build",
            build(&Build::default()),
            "builder number id request_ids worker state results started_at complete_at eta reason sourcestamps \
             got_revision blamelist changes properties steps attempt config since_good",
        ),
        (
            "step",
            step,
            "number name state results started_at complete_at eta text logs urls statistics hidden \
             tests progress",
        ),
        ("log", log, "name bytes lines complete"),
        (
            "builder",
            builder(&Builder::default()),
            "name description tags project workers state pending running last_build eta",
        ),
        (
            "worker",
            worker(&Worker::default()),
            "name state version platform admin connected_at last_seen_at running max_builds builders properties \
             paused_reason",
        ),
        (
            "scheduler",
            scheduler(&Scheduler::default()),
            "name kind enabled builders next_fire_at waiting_changes",
        ),
        (
            "source",
            source(&Source::default()),
            "name kind repository codebase enabled state last_poll_at next_poll_at last_error tips",
        ),
        ("waits", waits.clone(), "kind detail until"),
        ("sourcestamp", stamp.clone(), "codebase repository project branch revision patch changes"),
    ];
    for (object, value, keys) in rows {
        for key in keys.split_whitespace() {
            assert!(value.get(key).is_some(), "{object} has no `{key}`");
        }
    }
}

#[test]
fn values() {
    let full = Build {
        builder: "linux".into(),
        number: 42,
        state: BuildState::Stopping.into(),
        results: Results::Failure.into(),
        started_at_ms: 1_790_000_000_007,
        usual_ms: Some(1500),
        since_good: Some(SinceGood::default()),
        got_revision: [("".to_owned(), "abc".to_owned())].into(),
        properties: vec![
            Property { name: "n".into(), json: "[1]".into(), source: "force".into() },
            Property { name: "odd".into(), json: "{".into(), source: "build".into() },
        ],
        steps: vec![Step {
            state: StepState::Running.into(),
            logs: vec![Log { name: "stdio".into(), bytes: 7, ..Default::default() }],
            urls: vec![Url { name: "a".into(), url: "b".into() }],
            statistics: [("tests".to_owned(), 3.0), ("load".to_owned(), 0.5)].into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let value = build(&full);
    assert_eq!(value["state"], "stopping");
    assert_eq!(value["results"], "FAILURE");
    assert_eq!(value["started_at"], "2026-09-21T14:13:20.007Z");
    assert_eq!(value["complete_at"], Value::Null);
    assert_eq!(value["usual"], json!(1.5));
    assert_eq!(value["since_good"], json!({"build": null, "changes": [], "blamelist": []}));
    assert_eq!(value["got_revision"], json!({"": "abc"}));
    assert_eq!(value["properties"]["n"], json!({"value": [1], "source": "force"}));
    assert_eq!(value["properties"]["odd"]["value"], "{");
    let step = &value["steps"][0];
    assert_eq!((&step["state"], &step["results"]), (&json!("running"), &Value::Null));
    assert_eq!(step["statistics"].to_string(), r#"{"load":0.5,"tests":3}"#);
    assert_eq!(step["logs"][0]["bytes"], 7);
    assert_eq!(build(&Build::default())["got_revision"], json!({}));
}

#[test]
fn stamps_and_patches() {
    let stamp = SourceStamp {
        patch: Some(Patch { level: 1, diff: vec![0; 9], ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(
        sourcestamps(&[stamp])[0]["patch"],
        json!({"level": 1, "bytes": 9, "author": null, "comment": null})
    );
}

#[test]
fn a_builders_last_build_is_a_reference() {
    let one = BuildSummary { number: 7, results: Results::Success.into(), ..Default::default() };
    let linux = Builder { name: "linux".into(), recent: vec![one], ..Default::default() };
    assert_eq!(builder(&linux)["last_build"], "linux#7");
    assert_eq!(builder(&linux)["last_results"], "SUCCESS");
    assert_eq!(builder(&Builder::default())["last_build"], Value::Null);
}

#[test]
fn events_keep_both_of_a_name() {
    let one = Event {
        seq: 9,
        at_ms: 0,
        kind: "build_started".into(),
        subject: "linux#42".into(),
        json: r#"{"worker":"w1","kind":"x"}"#.into(),
    };
    assert_eq!(
        event(&one),
        json!({"seq": 9, "at": "1970-01-01T00:00:00.000Z", "kind": "build_started", "subject": "linux#42",
            "worker": "w1", "kind_": "x"})
    );
    let broken = Event { json: "[".into(), ..one.clone() };
    assert_eq!(event(&broken).as_object().map(serde_json::Map::len), Some(4));
    let moments =
        r#"{"started_at":0,"stop":{"at":1},"lost_since":null,"number":7,"value":{"at":5}}"#;
    let moments = event(&Event { json: moments.into(), ..one });
    assert_eq!(moments["started_at"], "1970-01-01T00:00:00.000Z");
    assert_eq!(moments["stop"], json!({"at": "1970-01-01T00:00:00.001Z"}));
    assert_eq!(moments["lost_since"], Value::Null);
    assert_eq!((&moments["number"], &moments["value"]), (&json!(7), &json!({"at": 5})));
}
