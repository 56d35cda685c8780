//! A build's life, by transcripts (BL-*, CA-*, PP-*, F2, F43).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::{
    Condition, Config, EnvSetting, Flags, StepKind, StepSpec, Template, TemplateValue,
};
use crate::hooks::{Argument, HookError, HookId, Hooks};
use crate::id::{CommandId, ConfigDigest, SessionId};
use crate::model::{CommandWhat, Exit, FinalLog, Finished, NoticeKind};
use crate::record::Record;
use crate::render::parse_template;
use crate::results::Results;
use crate::testing::{Harness, builder, config, force, git, shell, stamp, worker};
use crate::time::Span;

fn site_of(factory: Vec<StepSpec>) -> Config {
    let builders = vec![builder("linux", &["w1"], factory)];
    config("c1", vec![worker("w1", 1)], builders, vec![force("force", &["linux"])])
}

fn running(factory: Vec<StepSpec>) -> (Harness, SessionId) {
    let mut site = Harness::new(site_of(factory));
    let w1 = site.connect("w1");
    site.force("linux");
    (site, w1)
}

fn ends(site: &mut Harness) -> Vec<String> {
    let words = ["step_finished", "build_finished"];
    let lines = site.transcript().into_iter();
    lines.filter(|line| words.iter().any(|word| line.starts_with(word))).collect()
}

fn with_flags(name: &str, flags: Flags) -> StepSpec {
    StepSpec { flags, ..shell(name) }
}

/// BL-1, BL-3, row by row.
#[test]
fn flags_decide_what_a_result_counts() {
    use Results::{Cancelled, Exception, Failure, Retry, Skipped, Success, Warnings};
    let d = Flags::default();
    let none = Flags { flunk_on_failure: false, ..d };
    for (results, flags, counted, ends) in [
        (Success, d, Success, false),
        (Skipped, d, Success, false),
        (Warnings, d, Success, false),
        (Warnings, Flags { warn_on_warnings: true, ..d }, Warnings, false),
        (
            Warnings,
            Flags { flunk_on_warnings: true, warn_on_warnings: true, halt_on_failure: true, ..d },
            Failure,
            false,
        ),
        (Failure, d, Failure, false),
        (Failure, none, Success, false),
        (Failure, Flags { warn_on_failure: true, ..none }, Warnings, false),
        (Failure, Flags { halt_on_failure: true, ..none }, Success, true),
        (Exception, none, Exception, true),
        (Retry, none, Retry, true),
        (Cancelled, none, Cancelled, true),
    ] {
        assert_eq!(results.effect(flags), (counted, ends), "{results}");
    }
}

/// BL-4: after an ending only always-run steps run; BL-9: doubled names; BL-11: the words.
#[test]
fn an_ending_leaves_always_run_steps() {
    let halt = Flags { halt_on_failure: true, ..Flags::default() };
    let always = Flags { always_run: true, ..Flags::default() };
    let (mut site, w1) =
        running(vec![with_flags("make", halt), shell("test"), with_flags("make", always)]);
    site.transcript();
    site.exit(w1, "linux#1", 2);
    site.exit(w1, "linux#1", 0);
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/make FAILURE: failed (exit 2)",
            "step_finished linux#1/make_1 SUCCESS: done",
            "build_finished linux#1 FAILURE new: failed 'make' (failure)",
        ]
    );
}

/// BL-7, BL-8, PR-2: how a command ended, in words.
#[test]
fn exits_have_words() {
    for (exit, end) in [
        (Exit::Exited(0), "SUCCESS: done"),
        (Exit::Exited(3), "FAILURE: failed (exit 3)"),
        (Exit::Signalled(9), "FAILURE: killed by signal 9 (KILL)"),
        (Exit::TimedOutSilent, "FAILURE: timed out: no output for 20m"),
        (Exit::TimedOut, "FAILURE: timed out"),
        (Exit::MaxLines, "FAILURE: too many lines of output"),
        (Exit::Interrupted, "EXCEPTION: interrupted"),
        (Exit::NotStarted("no such program".into()), "FAILURE: could not start: no such program"),
        (Exit::Failed("no such branch".into()), "FAILURE: no such branch"),
        (Exit::Lost("its supervisor died".into()), "RETRY: lost: its supervisor died"),
    ] {
        let (mut site, w1) = running(vec![shell("make")]);
        site.transcript();
        site.end(w1, "linux#1", exit, Vec::new());
        let line = format!("step_finished linux#1/make {end}");
        assert_eq!(ends(&mut site).first(), Some(&line));
    }
}

/// F18, F19: codes decoded, warnings counted.
#[test]
fn codes_and_warnings() {
    let mut make = shell("make");
    if let StepKind::Shell(shell) = &mut make.kind {
        shell.decode_rc = BTreeMap::from([(3, Results::Warnings)]);
        shell.warning_pattern = Some("warning:".to_owned());
    }
    let warn = StepSpec { flags: Flags { warn_on_warnings: true, ..Flags::default() }, ..make };
    let (mut site, w1) = running(vec![warn]);
    let command = site.command("linux#1").expect("it runs");
    let log = FinalLog { name: "stdio".into(), bytes: 10, lines: 2, dropped: 0 };
    site.transcript();
    let said = site.finish(
        w1,
        Finished {
            logs: vec![log],
            said: crate::model::Said { warnings: 2, ..crate::model::Said::default() },
            ..Finished::bare(command, Exit::Exited(0), site.now)
        },
    );
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/make WARNINGS: 2 warnings",
            "build_finished linux#1 WARNINGS: warnings 'make' (warnings)",
        ]
    );
    let Some(Record::StepFinished { logs, statistics, .. }) = said.records.first() else {
        panic!("a step ended")
    };
    assert_eq!(statistics.get("warnings"), Some(&2.0));
    assert!(logs[0].complete && logs[0].bytes == 10);
    // F20: a warning makes no failed test good.
    site.force("linux");
    let command = site.command("linux#2").expect("it runs");
    let tests = crate::model::TestResults { total: 2, failed: 1, ..Default::default() };
    let said = crate::model::Said { warnings: 1, tests: Some(tests), ..Default::default() };
    site.transcript();
    site.finish(w1, Finished { said, ..Finished::bare(command, Exit::Exited(0), site.now) });
    assert_eq!(ends(&mut site)[0], "step_finished linux#2/make FAILURE: 1 of 2 tests failed");
    site.force("linux");
    site.exit(w1, "linux#3", 3);
    assert_eq!(ends(&mut site)[0], "step_finished linux#3/make WARNINGS: warnings (exit 3)");
}

struct Functions;

impl Hooks for Functions {
    fn call(&self, hook: &HookId, arguments: &[Argument]) -> Result<Value, HookError> {
        let Argument::Object(build) = &arguments[0] else { panic!("a build is an object") };
        match hook.label.as_str() {
            "errs" => Err(HookError { what: "division by zero".into() }),
            "is_main" => Ok((build["properties"]["branch"] == "main").into()),
            "results" => Ok((build["results"] == "SUCCESS").into()),
            "words" => Ok(json!(["make", ["-j", 4], build["builder"]["name"]])),
            other => panic!("{other} is not known"),
        }
    }
}

fn hook(label: &str) -> HookId {
    HookId { config: ConfigDigest::from("c1"), index: 0, label: label.to_owned() }
}

/// BL-5, BL-6, BL-10, F22, F43.
#[test]
fn conditions_and_functions() {
    let words = |label: &str| {
        let mut step = shell("make");
        if let StepKind::Shell(shell) = &mut step.kind {
            shell.command = TemplateValue::Hook(hook(label));
        }
        step
    };
    let factory = vec![
        StepSpec { do_step_if: Condition::Hook(hook("is_main")), ..shell("publish") },
        StepSpec { hide_step_if: Condition::Hook(hook("results")), ..words("words") },
        StepSpec { do_step_if: Condition::Hook(hook("errs")), ..shell("never") },
    ];
    let mut site = Harness::with_hooks(site_of(factory), Box::new(Functions));
    let w1 = site.connect("w1");
    let said = site.force_with("linux", vec![stamp("dev", Some("r1"))], &[]);
    assert_eq!(
        said.lines().last().map(String::as_str),
        Some("-> send command 1 to session 1: make -j 4 linux")
    );
    let said = site.exit(w1, "linux#1", 0);
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/publish SKIPPED: not needed",
            "step_finished linux#1/make SUCCESS hidden: done",
            "step_finished linux#1/never EXCEPTION: errs failed: division by zero",
            "build_finished linux#1 EXCEPTION new: exception 'never' (exception)",
        ]
    );
    let hooks = said.records.iter().filter(
        |record| matches!(record, Record::NoticeRaised(notice) if notice.kind == NoticeKind::Hook),
    );
    assert_eq!(hooks.count(), 1);
}

/// PP-1, PP-2, PP-3 better: who wins.
#[test]
fn properties_by_rank() {
    let mut site = site_of(vec![]);
    site.properties = BTreeMap::from([("a".into(), json!("site")), ("b".into(), json!("site"))]);
    let linux = site.builders.get_mut("linux").expect("declared");
    linux.properties =
        BTreeMap::from([("b".into(), json!("builder")), ("c".into(), json!("builder"))]);
    linux.defaults =
        BTreeMap::from([("c".into(), json!("default")), ("d".into(), json!("default"))]);
    let w1 = site.workers.get_mut("w1").expect("declared");
    w1.properties = BTreeMap::from([("c".into(), json!("worker"))]);
    let mut site = Harness::new(site);
    site.connect("w1");
    site.force_with("linux", vec![stamp("main", Some("r1"))], &[("c", "typed"), ("e", "typed")]);
    let state = site.master.state();
    let build = state.builds().next().expect("it was built");
    let words: BTreeMap<_, _> = build
        .properties
        .iter()
        .map(|(name, it)| {
            (name, format!("{} {}", it.value.as_str().unwrap_or("-"), it.source.word()))
        })
        .collect();
    for (name, word) in [
        ("a", "site master"),
        ("b", "builder builder"),
        ("c", "worker worker"),
        ("d", "default builder"),
        ("e", "typed force"),
        ("owner", "ana force"),
        ("scheduler", "force scheduler"),
        ("buildername", "linux build"),
        ("workername", "w1 build"),
        ("branch", "main build"),
        ("revision", "r1 build"),
        ("repository", "repo build"),
    ] {
        assert_eq!(words.get(name).map(String::as_str), Some(word), "{name}");
    }
    assert_eq!(build.properties.get("buildnumber"), Some(&json!(1)));
}

/// PP-5, PP-6, PR-1: values rendered when the step starts.
#[test]
fn values_are_rendered() {
    let template = |text: &str| {
        let pieces = parse_template(text).expect("good");
        let keywords = BTreeMap::from([("k".to_owned(), TemplateValue::Plain(json!("kw")))]);
        TemplateValue::Interpolate(Template { pieces, keywords })
    };
    let mut make = shell("make");
    if let StepKind::Shell(shell) = &mut make.kind {
        shell.command = TemplateValue::List(vec![
            template("%(prop:x)s|%(prop:no)s|%(prop:nil:-d)s|%(prop:nil:~d)s|%(prop:nil:+v)s"),
            template(
                "%(prop:no:-%(src::branch)s)s|%(prop:x:?:y:n)s|%(prop:f:#?,y,n)s|%(kw:k)s|%(src:z:branch:-none)s",
            ),
            template("%(worker:name)s-%(worker:no:-none)s 100%%"),
        ]);
    }
    make.env = vec![
        EnvSetting { name: "PATH".into(), value: Some(TemplateValue::Plain(json!(["/a", "/b"]))) },
        EnvSetting { name: "PYTHONPATH".into(), value: Some(TemplateValue::Plain(json!("lib"))) },
        EnvSetting { name: "GONE".into(), value: None },
    ];
    let set = StepSpec {
        kind: StepKind::SetProperties(BTreeMap::from([
            ("x".to_owned(), TemplateValue::Plain(json!(7))),
            ("nil".to_owned(), TemplateValue::Plain(Value::Null)),
            ("f".to_owned(), TemplateValue::Plain(json!(false))),
        ])),
        ..shell("set")
    };
    let mut site = Harness::new(site_of(vec![set, make]));
    site.connect("w1");
    let said = site.force_with("linux", vec![stamp("main", None)], &[]);
    let spec = said.records.iter().find_map(|record| match record {
        Record::StepStarted { spec: Some(spec), .. } => Some(spec),
        _ => None,
    });
    let CommandWhat::Shell(shell) = &spec.expect("a command").what else { panic!("a shell") };
    assert_eq!(shell.argv, ["7|||d|v", "main|y|n|kw|none", "w1-none 100%"]);
    let env: Vec<_> =
        shell.env.iter().map(|it| (it.name.as_str(), it.value.as_deref(), it.prepend)).collect();
    assert_eq!(
        env,
        [("PATH", Some("/a:/b"), false), ("PYTHONPATH", Some("lib"), true), ("GONE", None, false),]
    );
}

/// PR-1: a variable that is no text; SS-6: nothing to check out.
#[test]
fn steps_that_cannot_start() {
    let setting = EnvSetting { name: "N".into(), value: Some(TemplateValue::Plain(json!(1))) };
    let (mut site, _) = running(vec![StepSpec { env: vec![setting], ..shell("make") }]);
    assert_eq!(
        ends(&mut site)[0],
        "step_finished linux#1/make EXCEPTION: the variable N must be text, not a number"
    );
    let mut config = site_of(vec![git("lib")]);
    config.codebases.insert("lib".into(), crate::config::Codebase::default());
    let mut site = Harness::new(config);
    site.connect("w1");
    site.force_with("linux", vec![], &[]);
    assert_eq!(
        ends(&mut site)[0],
        "step_finished linux#1/git FAILURE: nothing says which repository to check out"
    );
}

/// CA-2, CA-3: a stop interrupts, always-run steps run, the build is cancelled and not tried again.
#[test]
fn a_stop_ends_a_build() {
    let always = Flags { always_run: true, ..Flags::default() };
    let (mut site, w1) = running(vec![shell("make"), shell("test"), with_flags("clean", always)]);
    site.transcript();
    assert_eq!(
        site.stop("linux#1", "too slow", false).lines(),
        [
            "build_stopping linux#1 by ana: too slow",
            "-> interrupt command 1: too slow",
            "-> reply 2: linux#1",
        ]
    );
    site.stop("linux#1", "hurry", true);
    site.end(w1, "linux#1", Exit::Exited(0), Vec::new());
    site.exit(w1, "linux#1", 0);
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/make CANCELLED: cancelled: hurry",
            "step_finished linux#1/clean SUCCESS: done",
            "build_finished linux#1 CANCELLED: build cancelled: hurry",
        ]
    );
    let said = site.stop("linux#1", "again", false).lines();
    assert_eq!(
        said.last().map(String::as_str),
        Some("-> refuse 4: the build linux#1 is over | it ended with CANCELLED")
    );
    let said = site.stop("linux#9", "x", false).lines();
    assert_eq!(
        said.last().map(String::as_str),
        Some("-> refuse 5: there is no build linux#9 | the newest build of linux is linux#1")
    );
}

/// PP-4, C9: a property that is too long is told and not kept; revisions of several checkouts come together in one map.
#[test]
fn found_properties_are_kept_within_bounds() {
    let (mut site, w1) = running(vec![shell("make")]);
    let command = site.command("linux#1").expect("it runs");
    let mut found = |name: &str, value: Value| {
        let input = crate::input::Input::PropertyFound {
            session: w1,
            command,
            name: name.to_owned(),
            value,
        };
        site.say(input).lines()
    };
    assert_eq!(found("a", json!(1)), ["property_set linux#1 a = 1 by step"]);
    assert!(found("a", json!(1)).is_empty(), "nothing is new");
    let long = found("b", "x".repeat(crate::properties::MAX_PROPERTY_BYTES).into());
    assert!(long[0].contains("longer than 65536 bytes"), "{long:?}");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert!(found("c", deep).is_empty(), "not kept, and told once a build");
    found("got_revision", json!({"lib": "r1"}));
    assert_eq!(
        found("got_revision", json!({"app": "r2"})),
        ["property_set linux#1 got_revision = {\"app\":\"r2\",\"lib\":\"r1\"} by step"]
    );
}

/// F1: a build that takes too long is stopped as a failure.
#[test]
fn max_time_stops_a_build() {
    let mut config = site_of(vec![shell("make")]);
    config.builders.get_mut("linux").expect("declared").policy.max_time = Some(Span::minutes(10));
    let mut site = Harness::new(config);
    let w1 = site.connect("w1");
    site.force("linux");
    site.transcript();
    site.pass(Span::minutes(11));
    site.end(w1, "linux#1", Exit::Interrupted, Vec::new());
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/make FAILURE: stopped: it took longer than 10m",
            "build_finished linux#1 FAILURE new: failed 'make' (failure); it took longer than 10m",
        ]
    );
}

/// F1, F3: a build that ended in time while its worker was away is not failed by its limit when the worker is back.
#[test]
fn a_limit_does_not_count_what_ended_in_time() {
    let mut config = site_of(vec![shell("make")]);
    let policy = &mut config.builders.get_mut("linux").expect("declared").policy;
    (policy.max_time, policy.lost_after) = (Some(Span::minutes(10)), None);
    let mut site = Harness::new(config);
    let w1 = site.connect("w1");
    site.force("linux");
    site.pass(Span::minutes(5));
    site.detach(w1);
    site.pass(Span::minutes(15));
    site.transcript();
    let (w1, _) = site.attach("w1", "w1", vec![(CommandId(1), true)]);
    site.exit(w1, "linux#1", 0);
    assert_eq!(
        ends(&mut site),
        [
            "step_finished linux#1/make SUCCESS: done",
            "build_finished linux#1 SUCCESS: build successful"
        ]
    );
}

/// CA-1, CA-6, RQ-1: the queue.
#[test]
fn the_queue_is_ordered_and_can_be_changed() {
    use crate::id::RequestId;
    use crate::input::Input;
    let (mut site, w1) = running(vec![shell("make")]);
    for _ in 0..3 {
        site.force("linux");
    }
    let asking = site.asking();
    site.say(Input::PriorityRequested { asking, request: RequestId(4), priority: 5 });
    let asking = site.asking();
    site.say(Input::CancelRequested { asking, request: RequestId(2), reason: "no".into() });
    let queue: Vec<_> = site.master.state().queue(&"linux".into()).map(|it| it.id.0).collect();
    assert_eq!(queue, [4, 3]);
    let waits = site.master.waits(RequestId(3));
    let words: Vec<_> =
        waits.iter().map(|it| format!("{}: {}", it.kind.word(), it.detail)).collect();
    assert_eq!(words, ["worker_busy: w1 builds linux#1", "priority: 1 request comes first"]);
    site.exit(w1, "linux#1", 0);
    assert_eq!(
        site.master.state().request(RequestId(4)).and_then(|it| it.claimed_at),
        Some(site.now)
    );
    let asking = site.asking();
    let said =
        site.say(Input::PriorityRequested { asking, request: RequestId(4), priority: 0 }).lines();
    assert!(
        said.last().is_some_and(|line| line.contains("does not wait | its build linux#2 runs"))
    );
    let asking = site.asking();
    let said = site
        .say(Input::CancelRequested { asking, request: RequestId(2), reason: "no".into() })
        .lines();
    assert!(said.last().is_some_and(|line| line.ends_with("the request 2 is over")));
}

/// CA-5: the same revision as was really built, what was asked for, and the patch.
#[test]
fn a_rebuild_is_the_same_again() {
    use crate::input::Input;
    let (mut site, w1) = running(vec![shell("make")]);
    site.stop("linux#1", "x", true);
    site.end(w1, "linux#1", Exit::Interrupted, Vec::new());
    site.force_with("linux", vec![stamp("main", None)], &[("jobs", "2")]);
    site.end(w1, "linux#2", Exit::Exited(0), vec![("got_revision".into(), json!({"": "r9"}))]);
    let build = site
        .master
        .state()
        .build_by_ref(&crate::id::BuildRef { builder: "linux".into(), number: 2 })
        .cloned();
    site.transcript();
    let asking = site.asking();
    site.say(Input::RebuildRequested {
        asking,
        build: build.map(Box::new),
        asked_for: None,
        named: "linux#2".into(),
        latest: None,
        commits: Vec::new(),
        reason: String::new(),
    });
    assert_eq!(
        site.transcript()[0],
        "buildset_added 3 by rebuild of main@r9: rebuild of linux#2 by 'ana'"
    );
    let build = site.master.state().unfinished().next().expect("it runs");
    assert_eq!(build.properties.text("jobs"), Some("2"));
    let asking = site.asking();
    let said = site
        .say(Input::RebuildRequested {
            asking,
            build: None,
            asked_for: None,
            named: "linux#77".into(),
            latest: None,
            commits: Vec::new(),
            reason: String::new(),
        })
        .lines();
    assert!(said.last().is_some_and(|line| {
        line.ends_with("there is no build linux#77 | the newest build of linux is linux#3")
    }));
}
