//! A database with 100,000 builds: the last 200 of all builders, at the socket.

use std::collections::BTreeMap;
use std::time::Instant;

use linn_core::change::SourceStamp;
use linn_core::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, CodebaseName, ConfigDigest, LogId, RequestId,
    StepNumber, WorkerName,
};
use linn_core::model::{Blame, Build, BuildRequest, Buildset, Keeping, Log, Step};
use linn_core::properties::{Origin, Properties};
use linn_core::record::Record;
use linn_core::results::Results;
use linn_core::time::Timestamp;
use linn_master::store::{SqliteStore, Store};
use linn_proto::{console, entity};

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::{World, percentile};

const BUILDS: u64 = 100_000;
const BUILDERS: u64 = 20;
const STEPS: u32 = 3;

/// A world whose database holds the history; its master is started and answers.
pub(crate) fn filled() -> World {
    let mut world = World::new(
        "worker(\"w0\")\n\
         [builder(\"b\" + (\"0\" + str(i))[-2:], workers = [\"w0\"], factory = [shell(\"s\", command = \"true\")]) for i in range(20)]\n",
    );
    // Once, so that the folder is made by the master's own rules.
    world.start_master();
    drop(world.master.take());
    let mut store = SqliteStore::open(&world.state()).expect("the database opens");
    let mut batch = Vec::new();
    for n in 1..=BUILDS {
        one(n, &mut batch);
        if n % 200 == 0 {
            store.commit(at(n), &batch).expect("committed");
            batch.clear();
        }
    }
    drop(store);
    world.start_master();
    world
}

fn at(n: u64) -> Timestamp {
    Timestamp(1_700_000_000_000 + i64::try_from(n).expect("small") * 60_000)
}

/// Everything that happens to one forced build of three steps.
fn one(n: u64, out: &mut Vec<Record>) {
    let builder = BuilderName::from(format!("b{:02}", n % BUILDERS));
    let number = u32::try_from(n / BUILDERS + 1).expect("small");
    let reference = BuildRef { builder: builder.clone(), number };
    let (id, buildset, request) = (BuildId(n), BuildsetId(n), RequestId(n));
    let mut properties = Properties::new();
    for name in ["branch", "scheduler", "owner", "workername", "buildername"] {
        properties.set(name, format!("{name} of {n}"), Origin::Build);
    }
    let stamps = vec![SourceStamp {
        codebase: CodebaseName::new(""),
        repository: "https://git.example.org/app.git".into(),
        project: String::new(),
        branch: Some("main".into()),
        revision: Some(format!("{n:040x}")),
        requested: None,
        patch: None,
        changes: Vec::new(),
    }];
    let step = |number: u32| Step::planned(StepNumber(number), format!("step {number}"));
    out.push(Record::BuildsetAdded(Box::new(Buildset {
        id: buildset,
        reason: "history".into(),
        scheduler: "force".into(),
        submitted_at: at(n),
        complete_at: None,
        results: None,
        first_failure_told: false,
        stamps: stamps.clone(),
        properties: properties.clone(),
        external_id: String::new(),
        rebuild_of: None,
        parent: None,
        waited_for: false,
        worker: None,
        resolving: false,
        requests: vec![request],
    })));
    out.push(Record::RequestAdded(BuildRequest {
        id: request,
        buildset,
        builder: builder.clone(),
        priority: 0,
        submitted_at: at(n),
        claimed_at: None,
        complete_at: None,
        results: None,
        builds: Vec::new(),
        merged_into: None,
        children: Vec::new(),
    }));
    out.push(Record::BuildStarted(Box::new(Build {
        id,
        builder,
        number,
        requests: vec![request],
        buildset,
        worker: WorkerName::from("w0"),
        config: ConfigDigest::from("history"),
        attempt: 1,
        reason: "history".into(),
        scheduler: "force".into(),
        stamps,
        locks: Vec::new(),
        properties,
        got_revision: BTreeMap::new(),
        blame: Blame::default(),
        started_at: at(n),
        complete_at: None,
        results: Results::Success,
        text: String::new(),
        stop: None,
        ending: false,
        lost_since: None,
        new_failure: false,
        steps: (1..=STEPS).map(step).collect(),
        recipe: None,
        keeping: Keeping::default(),
    })));
    for number in 1..=STEPS {
        let log = Log {
            id: LogId(n * u64::from(STEPS) + u64::from(number)),
            name: "stdio".into(),
            bytes: 2000,
            lines: 25,
            complete: true,
            dropped: 0,
        };
        out.push(Record::StepFinished {
            id,
            build: reference.clone(),
            step: StepNumber(number),
            name: format!("step {number}"),
            at: at(n),
            results: Results::Success,
            text: "ok".into(),
            logs: vec![log],
            urls: Vec::new(),
            statistics: BTreeMap::new(),
            tests: Vec::new(),
            hidden: false,
            build_results: Results::Success,
            ending: false,
        });
    }
    out.push(Record::BuildFinished {
        id,
        build: reference,
        results: Results::Success,
        text: "build successful".into(),
        at: at(n),
        new_failure: false,
    });
    out.push(Record::RequestFinished {
        request,
        results: Results::Success,
        at: at(n),
        by: String::new(),
        why: String::new(),
    });
    out.push(Record::BuildsetFinished { buildset, results: Results::Success, at: at(n) });
}

/// One page of 200, again and again.
pub(crate) fn last_two_hundred(peer: &Peer) -> Vec<Figure> {
    let world = filled();
    let mut asking = world.console();
    let mut times = Vec::new();
    for _ in 0..200 {
        let request = console::ListRequest {
            kind: entity::Kind::Build.into(),
            limit: 200,
            brief: true,
            ..Default::default()
        };
        let began = Instant::now();
        let page = world.runtime.block_on(asking.list(request)).expect("builds are listed");
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(page.into_inner().entities.len(), 200);
    }
    let theirs = peer.measure("bench_history.py", &["--builds", "100000"]);
    let p50 = number(theirs.as_ref(), "pages/all_builders_last200/ms/p50");
    vec![
        Figure::at_most(
            "last 200 builds of 100,000, at the socket",
            percentile(&mut times, 50),
            "ms",
            3.0,
        )
        .beside(p50),
    ]
}
