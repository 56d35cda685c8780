//! A farm like that of the mock-ups: builders of several platforms, three of them red, at a fixed time.

use linn_proto::{
    common::{Property, Results, SourceStamp},
    entity::{
        Build, BuildRequest, BuildState, Builder, Buildset, Change, Entity, ForceForm,
        ForceParameter, Log, Master, SinceGood, Step, StepState, Wait, Worker, entity::Of,
    },
};

/// 2023-11-14 14:32:07 UTC: the clock of the mock-ups.
pub(crate) const NOW: i64 = 1_699_972_327_000;

const MINUTE: i64 = 60_000;

/// Wraps a thing as an entity.
pub(crate) fn entity(of: Of) -> Entity {
    Entity { of: Some(of) }
}

/// A step that took its share of a build.
fn step(number: u32, name: &str, from: i64, to: Option<i64>, results: Results, usual: i64) -> Step {
    let pending = from == 0;
    let state = match (pending, to) {
        (true, _) => StepState::Pending,
        (false, None) => StepState::Running,
        (false, Some(_)) => StepState::Finished,
    };
    let log = Log {
        name: "stdio".into(),
        bytes: 4_100_000,
        lines: 38_211,
        complete: to.is_some(),
        id: 1,
        truncated: false,
    };
    Step {
        number,
        name: name.into(),
        state: state.into(),
        results: results.into(),
        started_at_ms: (!pending).then_some(from),
        complete_at_ms: to,
        text: if results == Results::Failure { "2 failed".into() } else { name.into() },
        logs: if pending { Vec::new() } else { vec![log] },
        usual_ms: Some(usual),
        command: format!("make {name}"),
        ..Step::default()
    }
}

/// A build whose steps share its time as fetch, compile and test do.
pub(crate) fn build(
    builder: &str,
    number: u32,
    started: i64,
    ended: Option<i64>,
    results: Results,
) -> Build {
    let until = ended.unwrap_or(NOW);
    let span = until - started;
    let (a, b) = (started + span / 10, started + span / 2);
    let failed = matches!(results, Results::Failure | Results::Exception);
    let steps = vec![
        step(1, "fetch", started, Some(a), Results::Success, 20_000),
        step(2, "compile", a, Some(b), Results::Success, 170_000),
        step(
            3,
            "test",
            b,
            ended,
            if ended.is_none() { Results::Unspecified } else { results },
            174_000,
        ),
        step(4, "package", 0, None, Results::Unspecified, 31_000),
    ];
    Build {
        builder: builder.into(),
        number,
        id: u64::from(number) * 100,
        request_ids: vec![88_000 + u64::from(number)],
        worker: format!("w-{}-01", &builder[..3]),
        state: if ended.is_some() { BuildState::Finished } else { BuildState::Running }.into(),
        results: if ended.is_some() { results } else { Results::Unspecified }.into(),
        started_at_ms: started,
        complete_at_ms: ended,
        eta_ms: ended.is_none().then_some(NOW + 4 * MINUTE),
        reason: "on-commit main".into(),
        sourcestamps: vec![SourceStamp {
            repository: "/srv/app".into(),
            branch: Some("main".into()),
            revision: Some("41b0e226c1d9aaaaaaaaaaaaaaaaaaaaaaaaaaaa".into()),
            changes: vec![3],
            ..SourceStamp::default()
        }],
        blamelist: vec!["Li Wen <li@example.org>".into()],
        changes: vec![3],
        since_good: failed.then(|| SinceGood {
            build: format!("{builder}#{}", number - 1),
            changes: vec![2, 3],
            blamelist: vec!["Ben Ito <ben@example.org>".into(), "Li Wen <li@example.org>".into()],
        }),
        properties: [
            "branch \"main\" scheduler",
            "got_revision \"41b0e226c1\" step",
            "clean false force",
        ]
        .iter()
        .map(|line| {
            let mut parts = line.split(' ');
            let mut next = || parts.next().unwrap_or_default().to_owned();
            Property { name: next(), json: next(), source: next() }
        })
        .collect(),
        steps,
        attempt: 1,
        text: if failed { "failed test (failure)".into() } else { "build successful".into() },
        buildset: 4127,
        scheduler: "on-commit".into(),
        usual_ms: Some(6 * MINUTE),
        new_failure: failed && builder == "linux-dbg",
        ..Build::default()
    }
}

fn builder(name: &str, state: &str, pending: u32) -> Builder {
    let parameters = vec![
        ForceParameter {
            name: "sdk".into(),
            kind: "choice".into(),
            default_json: "\"14.2\"".into(),
            choices: vec!["14.1".into(), "14.2".into(), "14.3-beta".into()],
            required: true,
            ..ForceParameter::default()
        },
        ForceParameter {
            name: "clean".into(),
            kind: "bool".into(),
            default_json: "false".into(),
            ..ForceParameter::default()
        },
    ];
    let group = name.split('-').next().unwrap_or_default();
    Builder {
        name: name.into(),
        tags: if ["linux", "mac", "win"].contains(&group) {
            vec![group.into()]
        } else {
            Vec::new()
        },
        workers: vec![format!("w-{}-01", &name[..3])],
        state: state.into(),
        pending,
        usual_ms: Some(6 * MINUTE),
        forms: vec![ForceForm { scheduler: "force".into(), parameters }],
        codebases: vec![String::new()],
        ..Builder::default()
    }
}

fn change(id: u64, revision: &str, author: &str, subject: &str, minutes_ago: i64) -> Change {
    Change {
        id,
        author: author.into(),
        comments: subject.into(),
        files: vec!["src/lexer.rs".into(), "src/parser.rs".into()],
        branch: Some("main".into()),
        revision: Some(format!("{revision}{}", "a".repeat(33))),
        when_ms: NOW - minutes_ago * MINUTE,
        received_at_ms: NOW - minutes_ago * MINUTE,
        ..Change::default()
    }
}

fn worker(name: &str, state: &str, running: &[&str]) -> Worker {
    Worker {
        name: name.into(),
        state: state.into(),
        version: "0.1.0".into(),
        platform: "linux-x86_64".into(),
        last_seen_at_ms: Some(NOW - 130 * MINUTE),
        running: running.iter().map(ToString::to_string).collect(),
        max_builds: Some(2),
        builders: vec!["linux-rel".into()],
        ..Worker::default()
    }
}

fn request(id: u64, builder: &str, waits: &[(&str, &str)], minutes: i64) -> BuildRequest {
    BuildRequest {
        id,
        builder: builder.into(),
        buildset: 4127,
        submitted_at_ms: NOW - minutes * MINUTE,
        waits: waits
            .iter()
            .map(|(kind, detail)| Wait {
                kind: (*kind).into(),
                detail: (*detail).into(),
                until_ms: None,
            })
            .collect(),
        reason: "on-commit main".into(),
        owners: vec!["Li Wen <li@example.org>".into()],
        ..BuildRequest::default()
    }
}

/// The whole farm.
pub(crate) fn farm() -> Vec<Entity> {
    use Results::{Exception, Failure, Success, Unspecified, Warnings};
    let at = |minutes: i64| NOW - minutes * MINUTE;
    let mut entities = vec![entity(Of::Master(Master {
        title: "prod".into(),
        version: "0.1.0".into(),
        pid: 1,
        started_at_ms: at(10_000),
        ..Master::default()
    }))];
    for (id, revision, author, subject, minutes) in [
        (1, "0d31f58", "Ana Lima <ana@example.org>", "arena: drop in reverse", 12),
        (2, "c77ad90", "Ben Ito <ben@example.org>", "parser: span for attributes", 8),
        (3, "41b0e22", "Li Wen <li@example.org>", "ci: bump sdk to 14.2", 6),
        (4, "9f2c1d7", "Ana Lima <ana@example.org>", "lexer: reuse token buffer", 2),
    ] {
        entities.push(entity(Of::Change(change(id, revision, author, subject, minutes))));
    }
    for (name, state, pending) in [
        ("linux-rel", "building", 0),
        ("linux-dbg", "idle", 1),
        ("linux-asan", "building", 0),
        ("mac-arm", "idle", 2),
        ("mac-x64", "idle", 0),
        ("win-rel", "building", 0),
        ("bsd-rel", "offline", 3),
        ("docs", "idle", 0),
        ("riscv", "idle", 0),
    ] {
        entities.push(entity(Of::Builder(builder(name, state, pending))));
    }
    let mut builds = Vec::new();
    for (name, first) in [
        ("linux-rel", 893),
        ("linux-dbg", 356),
        ("linux-asan", 180),
        ("mac-arm", 98),
        ("mac-x64", 67),
        ("win-rel", 434),
        ("docs", 146),
    ] {
        for number in 0..20 {
            let ago = i64::from(20 - number) * 40 + 30;
            let flips = name == "linux-asan" && number % 7 == 3;
            let results = if flips { Failure } else { Success };
            builds.push(build(name, first + number, at(ago), Some(at(ago - 6)), results));
        }
    }
    builds.extend([
        build("linux-rel", 913, at(16), Some(at(8)), Success),
        build("linux-rel", 914, at(5), None, Unspecified),
        build("linux-dbg", 376, at(18), Some(at(12)), Success),
        build("linux-dbg", 377, at(9), Some(at(3)), Failure),
        build("linux-asan", 200, at(30), Some(at(17)), Failure),
        build("linux-asan", 201, at(10), None, Unspecified),
        build("mac-arm", 118, at(19), Some(at(10)), Success),
        build("mac-x64", 87, at(10), Some(at(4)), Warnings),
        build("win-rel", 454, at(11), Some(at(9)), Exception),
        build("win-rel", 455, at(1), None, Unspecified),
        build("docs", 166, at(21), Some(at(20)), Success),
    ]);
    entities.extend(builds.into_iter().map(|build| entity(Of::Build(build))));
    for (name, state, running) in [
        ("w-lin-01", "online", &["linux-rel#914", "linux-asan#201"][..]),
        ("w-mac-01", "online", &[]),
        ("w-win-01", "online", &["win-rel#455"]),
        ("w-bsd-01", "offline", &[]),
        ("w-doc-01", "paused", &[]),
    ] {
        entities.push(entity(Of::Worker(worker(name, state, running))));
    }
    for one in [
        request(88_209, "mac-arm", &[("lock", "dmg, held by mac-x64#88")], 6),
        request(88_190, "bsd-rel", &[("worker_lost", "w-bsd-01")], 130),
        request(88_230, "linux-dbg", &[("worker_busy", "w-lin-01")], 1),
        request(88_231, "mac-arm", &[("quiet_period", "")], 0),
    ] {
        entities.push(entity(Of::Request(one)));
    }
    let claimed = BuildRequest {
        claimed_at_ms: Some(at(9)),
        builds: vec!["linux-dbg#377".into()],
        complete_at_ms: Some(at(3)),
        results: Failure.into(),
        ..request(88_377, "linux-dbg", &[], 10)
    };
    entities.push(entity(Of::Request(claimed)));
    entities.push(entity(Of::Buildset(Buildset {
        id: 4127,
        reason: "on-commit main".into(),
        ..Buildset::default()
    })));
    entities
}

/// A log as a test run prints it, with two errors.
pub(crate) fn log_text() -> Vec<u8> {
    let mut text = Vec::new();
    for number in 1..=1200 {
        let line = match number {
            700 => "---- lexer::unicode_3 stdout ----".to_owned(),
            701 => {
                "\x1b[1;31merror\x1b[0m: thread 'lexer::unicode_3' panicked at src/lexer.rs:418:9:"
                    .to_owned()
            }
            702 => "assertion `left == right` failed".to_owned(),
            703 => "  left: 3".to_owned(),
            704 => " right: 4".to_owned(),
            1100 => "error: test failed, to rerun pass `--lib`".to_owned(),
            _ if number % 97 == 0 => format!(
                "warning: unused variable: `x{number}` in a line that is long enough to be wrapped at eighty columns, twice perhaps"
            ),
            _ => format!("test case_{number:04} ... \x1b[32mok\x1b[0m"),
        };
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text
}
