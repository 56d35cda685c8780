//! RQ-4: a request that nobody can serve blocks none behind it, however many there are.

use linn_core::config::{Builder, Collapse, Config, Fills, ForceParameter, ForceScheduler};
use linn_core::config::{ParameterKind, SchedulerKind};
use linn_core::hooks::{Argument, HookError, HookId, Hooks};
use linn_core::record::Record;
use linn_core::testing::{Harness, builder, config, force, shell, worker};
use linn_core::time::Span;
use serde_json::{Value, json};

/// More than one pass tries.
const MANY: usize = 120;

/// `can_start_build` keeps what says `no`; `next_build` picks the first that it is shown.
struct Says;

impl Hooks for Says {
    fn call(&self, hook: &HookId, arguments: &[Argument]) -> Result<Value, HookError> {
        Ok(match (hook.label.as_str(), arguments) {
            ("can_start_build", [_, _, Argument::Object(request)]) => {
                json!(request["properties"]["no"].is_null())
            }
            ("next_build", [_, Argument::List(requests)]) => match requests.first() {
                Some(Argument::Object(request)) => request["id"].clone(),
                _ => Value::Null,
            },
            _ => return Err(HookError { what: format!("{} was not expected", hook.label) }),
        })
    }
}

fn hook(label: &str) -> Option<HookId> {
    Some(HookId { config: "c1".into(), index: 0, label: label.into() })
}

fn parameter(name: &str, kind: ParameterKind) -> ForceParameter {
    let (name, label, default) = (name.to_owned(), String::new(), Value::Null);
    ForceParameter { name, label, default, required: false, kind, fills: Fills::Property }
}

/// One builder for two workers, and whoever asks may choose one.
fn site(change: impl Fn(&mut Builder)) -> Harness {
    let mut made = builder("b", &["w1", "w2"], vec![shell("make")]);
    made.policy.collapse = Collapse::Never;
    change(&mut made);
    let mut form = force("force", &["b"]);
    form.kind = SchedulerKind::Force(ForceScheduler {
        parameters: Some(vec![
            parameter("workername", ParameterKind::Worker),
            parameter("*", ParameterKind::AnyProperty),
        ]),
    });
    let site: Config = config("c1", vec![worker("w1", 1), worker("w2", 1)], vec![made], vec![form]);
    Harness::with_hooks(site, Box::new(Says))
}

fn ask(harness: &mut Harness, properties: &[(&str, &str)]) {
    harness.force_with("b", Vec::new(), properties);
}

/// The requests whose builds have started since the last call, in their order.
fn started(harness: &mut Harness) -> Vec<u64> {
    harness.pass(Span::ZERO);
    let mut started = Vec::new();
    for record in harness.records() {
        if let Record::BuildStarted(build) = record {
            started.extend(build.requests.iter().map(|request| request.0));
        }
    }
    started
}

#[test]
fn requests_for_a_worker_that_is_away_block_nobody() {
    let mut harness = site(|_| {});
    for _ in 0..MANY {
        ask(&mut harness, &[("workername", "w1")]);
    }
    ask(&mut harness, &[("workername", "w2")]);
    ask(&mut harness, &[]);
    let w2 = harness.connect("w2");
    assert_eq!(started(&mut harness), [121], "the first of those that w2 may take");
    harness.exit(w2, "b#1", 0);
    assert_eq!(started(&mut harness), [122]);
    harness.exit(w2, "b#2", 0);
    harness.connect("w1");
    assert_eq!(started(&mut harness), [1]);
}

#[test]
fn requests_that_a_function_keeps_block_nobody() {
    let mut harness = site(|builder| builder.policy.can_start_build = hook("can_start_build"));
    for _ in 0..MANY {
        ask(&mut harness, &[("no", "1")]);
    }
    ask(&mut harness, &[]);
    let w1 = harness.connect("w1");
    assert_eq!(started(&mut harness), [121]);
    // One that comes while the others have been looked at is not forgotten, and neither is who comes with a free worker.
    ask(&mut harness, &[]);
    assert!(started(&mut harness).is_empty());
    harness.exit(w1, "b#1", 0);
    assert_eq!(started(&mut harness), [122]);
    ask(&mut harness, &[]);
    harness.connect("w2");
    assert_eq!(started(&mut harness), [123]);
    assert_eq!(harness.master.next_timeout(), None, "nothing is tried for ever");
}

#[test]
fn next_build_is_asked_again_without_what_nobody_takes() {
    let mut harness = site(|builder| {
        builder.policy.next_build = hook("next_build");
        builder.policy.can_start_build = hook("can_start_build");
    });
    for _ in 0..MANY {
        ask(&mut harness, &[("no", "1")]);
    }
    ask(&mut harness, &[("workername", "w2")]);
    ask(&mut harness, &[]);
    harness.connect("w1");
    assert_eq!(started(&mut harness), [122]);
    harness.connect("w2");
    assert_eq!(started(&mut harness), [121]);
    assert_eq!(harness.master.next_timeout(), None, "nothing is tried for ever");
}

/// A round that is under way looks at what comes before what it has tried already, too.
#[test]
fn what_comes_in_the_midst_of_a_round_is_tried() {
    let mut harness = site(|builder| builder.policy.can_start_build = hook("can_start_build"));
    for _ in 0..MANY {
        ask(&mut harness, &[("no", "1")]);
    }
    harness.connect("w1");
    assert!(harness.master.next_timeout().is_some(), "it goes on with the next ones");
    ask(&mut harness, &[]);
    assert_eq!(started(&mut harness), [121]);
}
