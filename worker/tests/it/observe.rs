//! What a step says besides its exit code: lines of `$LINN_REPORT`, warnings, test results (F19 to F21).

use linn_proto::worker::{Observe, Said, Start, Suppression};

use crate::master::{sh, shell};
use crate::{World, succeeded};

/// A command whose output is looked at.
fn observed(id: u64, script: &str, observe: Observe) -> Start {
    shell(sh(id, script), |shell| shell.observe = Some(observe))
}

async fn run(world: &World, start: Start) -> Said {
    let finished = world.master.run(start).await;
    assert!(succeeded(&finished), "{finished:?}");
    finished.said.unwrap()
}

/// (total, passed, failed, skipped), names of failed ones, trouble.
fn tests_of(said: &Said) -> ((u64, u64, u64, u64), Vec<&str>, &str) {
    let tests = said.tests.as_ref().unwrap();
    let names = tests.failures.iter().map(|test| test.name.as_str()).collect();
    ((tests.total, tests.passed, tests.failed, tests.skipped), names, &tests.trouble)
}

fn format(format: &str, report: &str) -> Observe {
    Observe { report_format: format.into(), report: report.into(), ..Observe::default() }
}

/// F21: progress, properties and links come while the step runs; all but the progress again with its end.
#[tokio::test]
async fn reported_lines_come_while_the_command_runs() {
    let world = World::new().await;
    let script = r#"
        say() { echo "$1" >> "$LINN_REPORT"; }
        say '{"progress": 0.25}'
        say '{"property": "size", "value": 12}'
        say '{"url": "https://ci/doc", "name": "doc"}'
        say 'this is no JSON'
        while ! test -e go; do sleep 0.01; done
        say '{"statistic": "size", "value": 12.5}'
        say '{"test": "a", "result": "passed"}'
        say '{"test": "b", "result": "failed", "duration": 1.5}'
        printf '{"property": "late", "value": [true]}' >> "$LINN_REPORT""#;
    world.master.start(sh(1, script));
    let heard = |kept: &mut crate::master::Kept| {
        (!kept.links.is_empty() && !kept.progress.is_empty() && !kept.properties.is_empty())
            .then(|| (kept.links.clone(), kept.progress.clone(), kept.properties.clone()))
    };
    let (links, progress, properties) = world.master.until("reports", heard).await;
    assert_eq!(links, [(1, "doc".to_owned(), "https://ci/doc".to_owned())]);
    assert_eq!(progress, [(1, 0.25)]);
    assert_eq!(properties, [(1, "size".to_owned(), "12".to_owned())]);
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    let finished = world.master.finished(1).await;
    let found: Vec<_> = finished.properties.iter().map(|it| (&*it.name, &*it.json)).collect();
    assert_eq!(found, [("size", "12"), ("late", "[true]")]);
    let said = finished.said.unwrap();
    assert_eq!(said.links.len(), 1);
    assert_eq!(said.statistics["size"], 12.5);
    assert_eq!(tests_of(&said), ((2, 1, 1, 0), vec!["b"], ""));
    assert_eq!(said.mistakes, 1);
    assert!(said.first_mistake.starts_with("line 4: `this is no JSON`"), "{}", said.first_mistake);
}

/// The lines are the supervisor's: an agent that is killed and started anew misses none, and none comes twice.
#[tokio::test]
async fn reported_lines_outlive_the_agent() {
    let mut world = World::new().await;
    let script = r#"
        echo '{"property": "first", "value": 1}' >> "$LINN_REPORT"
        while ! test -e half; do sleep 0.01; done
        echo '{"url": "https://x/1"}' >> "$LINN_REPORT"
        echo '{"progress": 0.5}' >> "$LINN_REPORT"
        while ! test -e go; do sleep 0.01; done
        echo '{"property": "second", "value": 2}' >> "$LINN_REPORT""#;
    world.master.start(sh(1, script));
    world.master.until("a property", |kept| kept.properties.first().map(|_| ())).await;
    world.stop.cancel();
    world.worker.take().unwrap().await.unwrap().unwrap();
    std::fs::write(world.build_dir().join("half"), "").unwrap();
    world.stop = tokio_util::sync::CancellationToken::new();
    world.worker();
    world.master.until("a link", |kept| kept.links.first().map(|_| ())).await;
    world.master.until("progress", |kept| kept.progress.first().map(|_| ())).await;
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    let finished = world.master.finished(1).await;
    let names: Vec<_> = finished.properties.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(finished.said.unwrap().links.len(), 1);
}

/// F19: counted here, with suppressions, and copied to a log of their own.
#[tokio::test]
async fn warnings_are_counted_where_they_are_written() {
    let world = World::new().await;
    let observe = Observe {
        warning_pattern: r"^(.*?):(\d+): warning: (.*)$".into(),
        warning_log: "warnings".into(),
        suppressions: vec![Suppression { file: Some("vendor/".into()), ..Suppression::default() }],
        ..Observe::default()
    };
    let script = "echo 'a.c:1: warning: one'; echo 'vendor/b.c:2: warning: two' >&2; \
        echo plain; printf 'c.c:3: warning: three'";
    let finished = world.master.run(observed(1, script, observe.clone())).await;
    assert_eq!(finished.said.unwrap().warnings, 2);
    let logs: Vec<_> = finished.logs.iter().map(|log| log.name.as_str()).collect();
    assert_eq!(logs, ["stdio", "warnings"]);
    let wanted = b"a.c:1: warning: one\nc.c:3: warning: three\n";
    world
        .master
        .until("the log", |kept| {
            let log = kept.logs.get(&(1, "warnings".to_owned()))?;
            (log.len() == wanted.len()).then_some(())
        })
        .await;
    assert_eq!(world.master.log(1, "warnings"), wanted);
    // What is beyond the limit of a log is counted all the same.
    let mut cut = observed(2, "yes 'a.c:1: warning: x' | head -n 1000", observe);
    cut.log_limits = Some(linn_proto::worker::LogLimits { max_bytes: 100 });
    assert_eq!(run(&world, cut).await.warnings, 1000);
}

/// F20: from standard output.
#[tokio::test]
async fn test_results_are_read_from_the_output() {
    let world = World::new().await;
    let script = "printf '1..3\\nok 1 - a\\nnot ok 2 - b\\nok 3 # SKIP no net\\n'";
    let said = run(&world, observed(1, script, format("tap", ""))).await;
    assert_eq!(tests_of(&said), ((3, 1, 1, 1), vec!["b"], ""));
    let said = run(&world, observed(2, "echo nothing", format("junit", ""))).await;
    assert_eq!(tests_of(&said), ((0, 0, 0, 0), vec![], "the output is no XML"));
    let said = run(&world, sh(3, "echo 'ok 1 - a'")).await;
    assert_eq!(said.tests, None, "nobody asked");
}

/// F20: from files, of this command only.
#[tokio::test]
async fn test_results_are_read_from_files() {
    let world = World::new().await;
    let script = "mkdir -p out; for n in 1 2; do \
        echo '<testsuite><testcase name=\"a\"/><testcase name=\"b\"><failure/></testcase></testsuite>' \
        > out/TEST-$n.xml; done";
    let said = run(&world, observed(1, script, format("junit", "out/TEST-*.xml"))).await;
    assert_eq!(tests_of(&said), ((4, 2, 2, 0), vec!["b", "b"], ""));
    let old = "touch -d '1 hour ago' out/*.xml";
    let said = run(&world, observed(2, old, format("junit", "out/TEST-*.xml"))).await;
    assert_eq!(tests_of(&said).2, "out/TEST-*.xml is older than the step");
    let said = run(&world, observed(3, "true", format("junit", "none.xml"))).await;
    assert_eq!(tests_of(&said).2, "there is no none.xml");
    // A report outside of the build's folder is refused before anything runs.
    let finished = world.master.run(observed(4, "true", format("junit", "../x.xml"))).await;
    assert!(!succeeded(&finished));
}

/// Programs that are there write reports that are understood.
#[tokio::test]
async fn real_programs_are_understood() {
    let world = World::new().await;
    let script = "command -v prove > /dev/null || { printf 'ok 1\\n1..1\\n'; exit 0; }; \
        printf 'print \"1..2\\nok 1 - a\\nnot ok 2 - b # TODO later\\n\";' > t.t; prove -v t.t";
    let said = run(&world, observed(1, script, format("tap", ""))).await;
    let ((total, passed, failed, skipped), ..) = tests_of(&said);
    assert_eq!(total, passed + failed + skipped);
    assert_eq!((passed, failed), (1, 0));
}
