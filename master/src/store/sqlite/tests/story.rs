//! Makes up records in an order that a core could have recorded them in.

mod past;

use std::collections::{BTreeMap, VecDeque};

use linn_core::change::{Change, Commit, Patch, SourceStamp};
use linn_core::config::LockMode;
use linn_core::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, CommandId, ConfigDigest, LogId,
    RequestId, StepNumber,
};
use linn_core::model::{
    Blame, Build, BuildRequest, Buildset, CommandSpec, CommandWhat, Hold, Keeping, LockKey,
    LockShare, Log, Look, Notice, NoticeKind, Parent, Quarantine, ShellCommand, SinceGood, Step,
    Stop, Test, TestResult, Timeouts, Url, WorkerInfo,
};
use linn_core::properties::{Origin, Properties};
use linn_core::record::{Record, Subject};
use linn_core::results::Results;
use linn_core::time::{Span, Timestamp};
use serde_json::json;

/// What has been told so far.
#[derive(Default)]
pub(super) struct Story {
    pub(super) now: i64,
    changes: u64,
    waiting: Vec<ChangeId>,
    buildsets: u64,
    requests: u64,
    builds: u64,
    logs: u64,
    commands: u64,
    numbers: BTreeMap<String, u32>,
    queue: VecDeque<BuildRequest>,
    stamps: BTreeMap<BuildsetId, (Vec<SourceStamp>, usize)>,
    running: Vec<(Build, BuildRequest)>,
    past: past::Past,
    /// Whether what is over may be deleted.
    pub(super) forgets: bool,
    /// Steps of each build.
    pub(super) steps: u32,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { now: 1_700_000_000_000, steps: 2, ..Self::default() }
    }

    /// The next chapter: which of the things that can happen does, with some dice for the details.
    pub(super) fn next(&mut self, what: u8, dice: u32) -> Vec<Record> {
        self.now += i64::from(dice % 1000);
        match what % 16 {
            0 | 1 => self.change(dice),
            2 | 3 => self.fire(dice),
            4..=6 => self.start(dice),
            7..=11 => self.go_on(dice),
            12 => self.meddle(dice),
            13 => self.worker(dice),
            14 => self.source(dice),
            15 if self.forgets && dice.is_multiple_of(2) => self.forget(dice / 2),
            _ => self.other(dice),
        }
    }

    /// A whole build of `true`, from a force to its end, in the two commits that it takes.
    pub(super) fn whole_build(&mut self, builder: u32) -> [Vec<Record>; 2] {
        let mut asked = self.fire(builder << 2 | 1);
        asked.extend(self.start(0));
        asked.extend(self.go_on(0));
        let mut ended = Vec::new();
        while !self.running.is_empty() {
            ended.extend(self.go_on(0));
        }
        [asked, ended]
    }

    fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    fn change(&mut self, dice: u32) -> Vec<Record> {
        self.changes += 1;
        let id = ChangeId(self.changes);
        let change = Change {
            id,
            key: (!dice.is_multiple_of(3)).then(|| format!("key-{}", dice % 500)),
            author: format!("Ann {} <ann@example.org>", dice % 4),
            committer: String::new(),
            comments: "line one\n\"line\" two".to_owned(),
            files: vec!["src/a.rs".to_owned(), format!("b/{dice}")],
            branch: (!dice.is_multiple_of(4)).then(|| format!("b{}", dice % 3)),
            revision: Some(format!("{dice:040x}")),
            parents: vec![format!("{:040x}", dice / 2)],
            repository: "https://example.org/r.git".to_owned(),
            codebase: "".into(),
            project: String::new(),
            category: String::new(),
            revlink: String::new(),
            when: self.at(),
            received_at: self.at(),
            properties: BTreeMap::from([("p".to_owned(), json!([1, "x", null]))]),
            vcs: "git".to_owned(),
        };
        let mut records = vec![Record::ChangeAdded(Box::new(change))];
        if dice.is_multiple_of(2) {
            self.waiting.push(id);
            let important = dice.is_multiple_of(5);
            let scheduler = "quiet".into();
            records.push(Record::ChangeClassified { scheduler, change: id, important });
        }
        records
    }

    fn fire(&mut self, dice: u32) -> Vec<Record> {
        let changes = if dice & 1 == 0 { std::mem::take(&mut self.waiting) } else { Vec::new() };
        let mut records = Vec::new();
        if !changes.is_empty() {
            let (scheduler, changes) = ("quiet".into(), changes.clone());
            records.push(Record::SchedulerFired { scheduler, changes, at: self.at() });
        }
        self.buildsets += 1;
        let id = BuildsetId(self.buildsets);
        let patch = Patch {
            level: 1,
            diff: "--- a\n+++ b\n".to_owned(),
            author: "me".to_owned(),
            comment: String::new(),
            subdir: String::new(),
        };
        let stamp = SourceStamp {
            codebase: "".into(),
            repository: "https://example.org/r.git".to_owned(),
            project: String::new(),
            branch: (dice & 4 == 0).then(|| format!("b{}", dice % 3)),
            revision: Some(format!("{dice:040x}")),
            requested: dice.is_multiple_of(7).then(|| "v1.2".to_owned()),
            patch: dice.is_multiple_of(11).then_some(patch),
            changes,
        };
        let builders = if dice & 2 == 0 { 1 } else { 2 };
        let mut requests = Vec::new();
        for nth in 0..builders {
            self.requests += 1;
            let request = BuildRequest {
                id: RequestId(self.requests),
                buildset: id,
                builder: format!("builder {}", ((dice >> 2) + nth) % 50).into(),
                priority: i32::try_from(dice % 5).unwrap() - 2,
                submitted_at: self.at(),
                claimed_at: None,
                complete_at: None,
                results: None,
                builds: Vec::new(),
                merged_into: None,
                children: Vec::new(),
            };
            requests.push(request);
        }
        let mut properties = Properties::new();
        properties.set("owner", json!("Ann"), Origin::Force);
        let buildset = Buildset {
            id,
            reason: "because \u{1f600}".to_owned(),
            scheduler: "quiet".to_owned(),
            submitted_at: self.at(),
            complete_at: None,
            results: None,
            first_failure_told: false,
            stamps: vec![stamp.clone()],
            properties,
            external_id: if dice.is_multiple_of(5) { format!("x{id}") } else { String::new() },
            rebuild_of: dice
                .is_multiple_of(7)
                .then(|| BuildRef { builder: "builder 1".into(), number: 3 }),
            parent: dice.is_multiple_of(11).then(|| Parent {
                requests: vec![RequestId(1)],
                id: BuildId(3),
                build: BuildRef { builder: "builder 1".into(), number: 3 },
                step: StepNumber(2),
            }),
            waited_for: dice.is_multiple_of(22),
            worker: dice.is_multiple_of(13).then(|| "worker 1".into()),
            resolving: dice.is_multiple_of(17),
            requests: requests.iter().map(|request| request.id).collect(),
        };
        let pinned = buildset.resolving.then(|| {
            let found = SourceStamp { revision: Some("f00d".to_owned()), ..stamp.clone() };
            Record::BuildsetResolved { buildset: id, stamps: vec![found], unknown: Vec::new() }
        });
        self.stamps.insert(id, (vec![stamp], requests.len()));
        records.push(Record::BuildsetAdded(Box::new(buildset)));
        records.extend(requests.iter().cloned().map(Record::RequestAdded));
        records.extend(pinned);
        self.queue.extend(requests);
        records
    }

    fn start(&mut self, dice: u32) -> Vec<Record> {
        let Some(mut request) = self.queue.pop_front() else { return Vec::new() };
        self.builds += 1;
        let number = self.numbers.entry(request.builder.to_string()).or_default();
        *number += 1;
        request.builds.push((BuildId(self.builds), *number));
        let number = *number;
        let steps = (1..=self.steps)
            .map(|number| Step::planned(StepNumber(number), format!("step {number}")));
        let mut properties = Properties::new();
        properties.set("buildnumber", json!(number), Origin::Build);
        properties.set("branch", json!("main"), Origin::Build);
        properties.set("revision", json!(format!("{dice:040x}")), Origin::Build);
        properties.set("workername", json!("local-1"), Origin::Worker);
        let build = Build {
            id: BuildId(self.builds),
            builder: request.builder.clone(),
            number,
            requests: vec![request.id],
            buildset: request.buildset,
            worker: format!("local-{}", dice % 3).into(),
            config: ConfigDigest::from("ab".repeat(32)),
            attempt: u32::try_from(request.builds.len()).unwrap(),
            reason: "because".to_owned(),
            scheduler: "quiet".to_owned(),
            stamps: self.stamps[&request.buildset].0.clone(),
            locks: if dice.is_multiple_of(3) { vec![share("database")] } else { Vec::new() },
            properties,
            got_revision: BTreeMap::new(),
            blame: self.blame(),
            started_at: self.at(),
            complete_at: None,
            results: Results::Success,
            text: String::new(),
            stop: None,
            ending: false,
            lost_since: None,
            new_failure: false,
            steps: steps.collect(),
            recipe: None,
            keeping: Keeping::default(),
        };
        self.running.push((build.clone(), request));
        vec![Record::BuildStarted(Box::new(build))]
    }

    fn blame(&self) -> Blame {
        Blame {
            changes: vec![ChangeId(self.changes)],
            blamelist: vec!["Ann <ann@example.org>".to_owned()],
            since_good: SinceGood {
                build: Some(BuildRef { builder: "builder 2".into(), number: 1 }),
                changes: vec![ChangeId(1)],
                blamelist: Vec::new(),
            },
        }
    }

    fn go_on(&mut self, dice: u32) -> Vec<Record> {
        if self.running.is_empty() {
            return Vec::new();
        }
        let nth = dice as usize % self.running.len();
        let (id, reference) = (self.running[nth].0.id, self.running[nth].0.reference());
        let at = self.at();
        let open = self.running[nth].0.steps.iter_mut().find(|step| step.complete_at.is_none());
        let Some(step) = open else { return self.end(nth, dice) };
        let (number, name) = (step.number, step.name.clone());
        if step.started_at.is_none() && step.waiting_since.is_none() && dice % 11 == 4 {
            step.waiting_since = Some(at);
            step.locks = vec![share("cpu")];
            let (step, locks) = (number, step.locks.clone());
            return vec![Record::StepWaiting { id, build: reference, step, name, at, locks }];
        }
        if step.started_at.is_none() && !dice.is_multiple_of(9) | (dice == 0) {
            step.started_at = Some(at);
            self.logs += 1;
            self.commands += 1;
            let log = Log {
                id: LogId(self.logs),
                name: "stdio".to_owned(),
                bytes: 0,
                lines: 0,
                complete: false,
                dropped: 0,
            };
            let spec = spec(CommandId(self.commands), &reference, &name, &log);
            return vec![Record::StepStarted {
                id,
                build: reference,
                step: number,
                name,
                at,
                shown: "true".to_owned(),
                text: if dice.is_multiple_of(2) { "trying".to_owned() } else { String::new() },
                spec: (dice == 0 || !dice.is_multiple_of(7)).then(|| Box::new(spec)),
                logs: vec![log],
                locks: step.locks.clone(),
            }];
        }
        if dice.is_multiple_of(11) && dice > 0 {
            let url =
                Url { name: format!("report {dice}"), url: "https://example.org/r".to_owned() };
            return vec![Record::StepLinked { id, build: reference, step: number, name, url }];
        }
        step.complete_at = Some(at);
        let log = Log {
            id: LogId(self.logs),
            name: "stdio".to_owned(),
            bytes: u64::from(dice),
            lines: 3,
            complete: true,
            dropped: 0,
        };
        vec![Record::StepFinished {
            id,
            build: reference,
            step: number,
            name,
            at,
            results: result(dice),
            text: "ran".to_owned(),
            logs: vec![log],
            urls: if dice.is_multiple_of(5) {
                vec![Url { name: "docs".to_owned(), url: "https://example.org/".to_owned() }]
            } else {
                Vec::new()
            },
            statistics: if dice.is_multiple_of(3) && dice > 0 {
                BTreeMap::from([("warnings".to_owned(), 1.5)])
            } else {
                BTreeMap::new()
            },
            tests: if dice.is_multiple_of(4) {
                let name = format!("test {dice}");
                vec![Test { name, result: TestResult::Failed, duration: Some(0.5) }]
            } else {
                Vec::new()
            },
            hidden: dice.is_multiple_of(13) && dice > 0,
            build_results: result(dice),
            ending: dice.is_multiple_of(2),
        }]
    }

    fn end(&mut self, nth: usize, dice: u32) -> Vec<Record> {
        let (build, mut request) = self.running.remove(nth);
        let (id, reference, at) = (build.id, build.reference(), self.at());
        let text = "build successful".to_owned();
        self.past.builds.push((id, reference.clone()));
        let again = dice % 8 == 5;
        let results = if again { Results::Retry } else { result(dice) };
        let mut records = vec![Record::BuildFinished {
            id,
            build: reference,
            results,
            text,
            at,
            new_failure: dice.is_multiple_of(4),
        }];
        if again {
            records.push(Record::RequestReturned { request: request.id });
            request.claimed_at = None;
            self.queue.push_back(request);
            return records;
        }
        records.push(Record::RequestFinished {
            request: request.id,
            results,
            at,
            by: String::new(),
            why: String::new(),
        });
        let left = &mut self.stamps.get_mut(&request.buildset).unwrap().1;
        *left -= 1;
        if *left == 0 {
            self.stamps.remove(&request.buildset);
            let buildset = request.buildset;
            self.past.buildsets.push(buildset);
            records.push(Record::BuildsetFinished { buildset, results, at });
        } else if !results.is_good() {
            records.push(Record::BuildsetFirstFailure {
                buildset: request.buildset,
                request: request.id,
            });
        }
        records
    }

    fn meddle(&mut self, dice: u32) -> Vec<Record> {
        if let Some(request) = self.queue.front().filter(|_| dice.is_multiple_of(6)) {
            return vec![Record::RequestPrioritised { request: request.id, priority: 99 }];
        }
        let Some((build, _)) = self.running.first() else { return Vec::new() };
        let (id, build) = (build.id, build.reference());
        let at = self.at();
        vec![match dice % 6 {
            0 => Record::BuildBlamed { id, build, blame: self.blame() },
            1 => Record::PropertySet {
                id,
                build,
                name: "got_revision".to_owned(),
                value: json!({ "": "abc", "lib": "def" }),
                source: Origin::Step,
            },
            2 => Record::PropertySet {
                id,
                build,
                name: "p".to_owned(),
                value: json!({ "deep": [1, 2.5, null] }),
                source: Origin::Step,
            },
            3 => Record::BuildStopping {
                id,
                build,
                stop: Stop {
                    reason: "no".to_owned(),
                    by: "kim".to_owned(),
                    kill: true,
                    results: Results::Cancelled,
                    at,
                },
            },
            4 => Record::BuildOrphaned { id, build, at },
            _ => Record::BuildResumed { id, build },
        }]
    }

    fn worker(&self, dice: u32) -> Vec<Record> {
        let last = BuildRef { builder: "builder 1".into(), number: 3 };
        let (worker, at) = (format!("local-{}", dice % 3).into(), self.at());
        vec![match dice % 7 {
            0 | 1 => Record::WorkerConnected {
                worker,
                instance: "ff00".to_owned(),
                info: WorkerInfo { cpus: dice, memory_bytes: 1 << 40, ..WorkerInfo::default() },
                at,
            },
            2 => Record::WorkerLost { worker, at },
            3 => Record::WorkerPaused {
                worker,
                hold: Hold { reason: "disk".to_owned(), draining: true, at },
            },
            4 => Record::WorkerTroubled {
                worker,
                quarantine: Quarantine::after(
                    None,
                    last,
                    Results::Exception,
                    "lost".to_owned(),
                    (at, BuildId(1)),
                ),
            },
            5 => Record::WorkerReleased { worker },
            _ => Record::WorkerResumed { worker },
        }]
    }

    fn source(&self, dice: u32) -> Vec<Record> {
        let source = format!("git-{}", dice % 2).into();
        vec![match dice % 3 {
            0 => Record::SourceAdvanced {
                source,
                tips: BTreeMap::from([("main".to_owned(), format!("{dice:x}"))]),
            },
            1 => Record::SourceFailed { source, error: "gone".to_owned() },
            _ => Record::SourceRecovered { source },
        }]
    }

    fn other(&self, dice: u32) -> Vec<Record> {
        let at = self.at();
        vec![match dice % 6 {
            0 => Record::CommitsLearned {
                repository: format!("r{}", dice % 2),
                commits: (0..dice % 7)
                    .map(|nth| Commit {
                        revision: format!("{}", dice / 5 + nth),
                        parents: vec![format!("{}", nth)],
                    })
                    .collect(),
            },
            1 => Record::AskingAnswered {
                request_id: format!("ask-{}", dice % 20),
                made: vec![
                    Subject::Request(RequestId(1)),
                    Subject::Step(BuildRef { builder: "b".into(), number: 1 }, "s".to_owned()),
                    Subject::Master,
                ],
                at,
            },
            2 => Record::ConfigApplied { digest: ConfigDigest::from(format!("{dice:x}")), at },
            3 => Record::NoticeRaised(Box::new(Notice {
                kind: NoticeKind::Problem,
                subject: "builder 1#2".to_owned(),
                text: "it broke".to_owned(),
                key: "k".to_owned(),
                people: Vec::new(),
                build: None,
                step: String::new(),
            })),
            4 => Record::InputRefused {
                about: "linux#1".to_owned(),
                verb: "force".to_owned(),
                who: "kim".to_owned(),
                what: "no".to_owned(),
            },
            _ => Record::StaleResultRefused { command: CommandId(1), worker: "w".into() },
        }]
    }
}

fn result(dice: u32) -> Results {
    Results::ALL[(dice as usize + 1) % 5]
}

fn share(lock: &str) -> LockShare {
    let key = LockKey { lock: lock.into(), worker: Some("local-1".into()) };
    LockShare { key, mode: LockMode::Counting(2) }
}

fn spec(id: CommandId, build: &BuildRef, step: &str, log: &Log) -> CommandSpec {
    CommandSpec {
        id,
        build: build.clone(),
        folder: None,
        step: step.to_owned(),
        attempt: 1,
        what: CommandWhat::Shell(ShellCommand {
            argv: vec!["true".to_owned()],
            workdir: "build".to_owned(),
            env: Vec::new(),
            stdin: None,
            separate: false,
            pty: false,
            logfiles: Vec::new(),
            followed: Vec::new(),
            look: Look::default(),
        }),
        timeouts: Timeouts {
            silence: Some(Span::minutes(20)),
            total: None,
            term_grace: Span::seconds(5),
            max_lines: None,
            interrupt_signal: String::new(),
        },
        log_max_bytes: 1 << 30,
        capture: false,
        logs: vec![(log.name.clone(), log.id)],
        secrets: ["key".into()].into(),
    }
}

/// A builder of the story.
pub(super) fn builder(nth: u32) -> BuilderName {
    format!("builder {nth}").into()
}
