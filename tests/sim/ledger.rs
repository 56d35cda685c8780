//! What the records say, kept by a reader that shares no code with the core: whether they may follow each other.
//!
//! I3: a request ends once. I4: a result is final and single. BS-2, BS-3: a buildset is the worst of its requests, and its
//! first failure is told once. LW-7, F14: on a held worker or a full disk nothing begins. LW-5: nor on one that rests. BM-4: people are named once each, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linn_core::action::Answer;
use linn_core::config::Config;
use linn_core::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, CommandId, RequestId, StepNumber, WorkerName,
};
use linn_core::input::Input;
use linn_core::model::{Blame, Build};
use linn_core::record::{Record, Subject};
use linn_core::results::Results;

use crate::changes::Changes;
use crate::locks::Locks;

#[derive(Default)]
struct Request {
    /// Its unfinished build.
    build: Option<BuildId>,
    /// The results of its builds that are over; the last one is handed on.
    built: Option<Results>,
    results: Option<Results>,
}

#[derive(Default)]
struct Set {
    requests: Vec<RequestId>,
    told: bool,
    results: Option<Results>,
    /// A repository is being asked for it.
    resolving: bool,
}

struct Life {
    requests: Vec<RequestId>,
    reference: BuildRef,
    worker: WorkerName,
    running: Option<StepNumber>,
    over: BTreeSet<StepNumber>,
    results: Option<Results>,
}

/// The reader.
#[derive(Default)]
pub(crate) struct Ledger {
    requests: BTreeMap<RequestId, Request>,
    sets: BTreeMap<BuildsetId, Set>,
    builds: BTreeMap<BuildId, Life>,
    numbers: BTreeMap<BuilderName, u32>,
    commands: BTreeMap<CommandId, (BuildId, StepNumber)>,
    connected: BTreeSet<WorkerName>,
    held: BTreeSet<WorkerName>,
    /// Bad builds in a row (LW-5).
    ailing: BTreeMap<WorkerName, u32>,
    /// Takes nothing because of them.
    resting: BTreeSet<WorkerName>,
    /// The disk is nearly full, as far as this life of the master was told.
    full: bool,
    /// What each asking made, by its id.
    answered: BTreeMap<String, Vec<Subject>>,
    /// Marks in the reasons of buildsets: one buildset for each asking.
    marks: BTreeSet<String>,
    /// Changes and who has seen them.
    pub(crate) changes: Changes,
    /// Who holds what.
    locks: Locks,
}

type Law = Result<(), String>;

fn hold(holds: bool, broken: impl FnOnce() -> String) -> Law {
    if holds { Ok(()) } else { Err(broken()) }
}

impl Ledger {
    /// Reads the records of one commit, and what they followed from.
    pub(crate) fn follow(
        &mut self,
        config: &Arc<Config>,
        input: Option<&Input>,
        records: &[Record],
    ) -> Law {
        self.nothing_stale_counts(input, records)?;
        self.full = match input {
            // It starts: whether there is room it will be told.
            None => false,
            Some(Input::DiskState(trouble)) => trouble.is_some(),
            Some(_) => self.full,
        };
        for record in records {
            self.read(record)?;
            self.locks.follow(config, record)?;
        }
        self.what_ended_was_handed_on(records)?;
        self.changes.follow(config, records)
    }

    /// I4: the result of a command that nobody waits for changes nothing about its build.
    fn nothing_stale_counts(&self, input: Option<&Input>, records: &[Record]) -> Law {
        let Some(Input::CommandFinished { finished, .. }) = input else { return Ok(()) };
        let Some((id, step)) = self.commands.get(&finished.command) else { return Ok(()) };
        let stale = self.builds.get(id).is_some_and(|build| build.over.contains(step));
        let touched = records.iter().find(|record| build_of(record) == Some(*id));
        hold(!stale || touched.is_none(), || {
            format!("I4: the stale result of command {} gave {touched:?}", finished.command)
        })
    }

    fn read(&mut self, record: &Record) -> Law {
        match record {
            Record::BuildsetAdded(set) => {
                if let Some((_, mark)) = set.reason.rsplit_once("asking ") {
                    let fresh = self.marks.insert(mark.to_owned());
                    hold(fresh, || format!("I3: asking {mark} made two buildsets"))?;
                }
                let requests = set.requests.clone();
                let resolving = set.resolving;
                let set_of = Set { requests, resolving, ..Set::default() };
                let before = self.sets.insert(set.id, set_of);
                hold(before.is_none(), || format!("buildset {} is added twice", set.id))
            }
            Record::RequestAdded(request) => {
                let named = self.sets.get(&request.buildset);
                let named = named.is_some_and(|set| set.requests.contains(&request.id));
                hold(named, || format!("request {} is of no buildset", request.id))?;
                let before = self.requests.insert(request.id, Request::default());
                hold(before.is_none(), || format!("request {} is added twice", request.id))
            }
            Record::BuildsetResolved { buildset, .. } => {
                let set = self.sets.get_mut(buildset).ok_or("SS-3: no such buildset")?;
                let asked = std::mem::take(&mut set.resolving);
                hold(asked, || format!("SS-3: buildset {buildset} is resolved unasked, or twice"))
            }
            Record::RequestReturned { request } => {
                let known = self.request(*request)?;
                let fits = known.results.is_none() && known.build.is_none();
                let retry = known.built == Some(Results::Retry);
                hold(fits && retry, || format!("request {request} returns for no reason"))
            }
            Record::RequestFinished { request, results, .. } => {
                let left = *results == Results::Cancelled && self.is_shared(*request);
                let known = self.request(*request)?;
                let once = known.results.replace(*results).is_none();
                hold(once, || format!("I3: request {request} ended twice"))?;
                // CA-1: one that is cancelled while its build goes on for others leaves it.
                let ready = known.build.is_none() || left;
                hold(ready, || format!("request {request} ended before its build"))?;
                // One that was tried often enough is given up, though its build is tried again for others (F2).
                let apart = matches!(results, Results::Cancelled | Results::Exception);
                let same = known
                    .built
                    .is_none_or(|built| built == *results || (built == Results::Retry && apart));
                hold(same, || format!("request {request} is {results}, not as its build"))
            }
            Record::BuildsetFirstFailure { buildset, request } => {
                let bad = self.request(*request)?.results.is_some_and(|it| !it.is_good());
                hold(bad, || format!("BS-3: request {request} did not fail"))?;
                let set = self.sets.get_mut(buildset).ok_or("BS-3: no such buildset")?;
                let told = std::mem::replace(&mut set.told, true);
                hold(!told, || format!("BS-3: buildset {buildset} is told of twice"))
            }
            Record::BuildsetFinished { buildset, results, .. } => {
                self.set_ends(*buildset, *results)
            }
            Record::BuildStarted(build) => self.build_begins(build),
            Record::BuildBlamed { id, blame, .. } => {
                self.unfinished(*id, record)?;
                is_orderly(blame)
            }
            Record::StepStarted { id, step, spec, .. } => {
                let build = self.unfinished(*id, record)?;
                let free = build.running.replace(*step).is_none() && !build.over.contains(step);
                hold(free, || format!("{} runs two steps, or one again", build.reference))?;
                if let Some(spec) = spec {
                    let before = self.commands.insert(spec.id, (*id, *step));
                    hold(before.is_none(), || format!("I5: command {} is made twice", spec.id))?;
                }
                Ok(())
            }
            Record::StepFinished { id, step, .. } => {
                let build = self.unfinished(*id, record)?;
                build.running.take_if(|running| running == step);
                let once = build.over.insert(*step);
                hold(once, || format!("I4: step {step} of {} ended twice", build.reference))
            }
            Record::BuildFinished { id, results, .. } => {
                let build = self.unfinished(*id, record)?;
                build.results = Some(*results);
                let (requests, worker) = (build.requests.clone(), build.worker.clone());
                let idle = build.running.is_none();
                hold(idle, || format!("{} ended in the middle of a step", build.reference))?;
                if matches!(results, Results::Success | Results::Warnings | Results::Failure) {
                    self.ailing.remove(&worker);
                    self.resting.remove(&worker);
                }
                for request in requests {
                    let request = self.request(request)?;
                    (request.build, request.built) = (None, Some(*results));
                }
                Ok(())
            }
            Record::PropertySet { id, .. }
            | Record::BuildStopping { id, .. }
            | Record::BuildOrphaned { id, .. }
            | Record::BuildResumed { id, .. } => self.unfinished(*id, record).map(drop),
            Record::AskingAnswered { request_id, made, .. } => {
                let before = self.answered.insert(request_id.clone(), made.clone());
                hold(before.is_none(), || format!("{request_id} was done twice"))
            }
            Record::WorkerConnected { worker, .. } => {
                self.connected.insert(worker.clone());
                Ok(())
            }
            Record::WorkerLost { worker, .. } => {
                hold(self.connected.remove(worker), || format!("{worker} is lost twice"))
            }
            Record::WorkerPaused { worker, .. } => {
                self.held.insert(worker.clone());
                Ok(())
            }
            Record::WorkerResumed { worker } => {
                let forgiven = self.ailing.remove(worker).is_some();
                self.resting.remove(worker);
                hold(self.held.remove(worker) || forgiven, || format!("{worker} was not held"))
            }
            Record::WorkerTroubled { worker, quarantine } => {
                let before = self.ailing.insert(worker.clone(), quarantine.builds).unwrap_or(0);
                if quarantine.until.is_some() {
                    self.resting.insert(worker.clone());
                }
                hold(quarantine.builds == before + 1, || {
                    format!(
                        "LW-5: {worker} had {before} bad builds in a row, and {} now",
                        quarantine.builds
                    )
                })
            }
            Record::WorkerReleased { worker } => {
                hold(self.resting.remove(worker), || format!("LW-5: {worker} did not rest"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the unfinished build of a request is for another one too that is not over.
    fn is_shared(&self, id: RequestId) -> bool {
        let build = self.requests.get(&id).and_then(|request| self.builds.get(&request.build?));
        let others = build.into_iter().flat_map(|build| &build.requests);
        let mut others = others.filter(|other| **other != id);
        others.any(|other| self.requests.get(other).is_some_and(|it| it.results.is_none()))
    }

    fn request(&mut self, id: RequestId) -> Result<&mut Request, String> {
        self.requests.get_mut(&id).ok_or_else(|| format!("request {id} was never added"))
    }

    fn unfinished(&mut self, id: BuildId, record: &Record) -> Result<&mut Life, String> {
        match self.builds.get_mut(&id) {
            Some(build) if build.results.is_none() => Ok(build),
            _ => Err(format!("I4: no unfinished build has {record:?}")),
        }
    }

    fn build_begins(&mut self, build: &Build) -> Law {
        let reference = build.reference();
        hold(!self.full, || format!("F14: {reference} begins on a full disk"))?;
        let number = self.numbers.entry(build.builder.clone()).or_default();
        *number += 1;
        hold(*number == build.number, || format!("{reference} has a wrong number"))?;
        let worker = &build.worker;
        hold(self.connected.contains(worker), || format!("{reference} begins on absent {worker}"))?;
        hold(!self.held.contains(worker), || format!("LW-7: {reference} begins on held {worker}"))?;
        hold(!self.resting.contains(worker), || {
            format!("LW-5: {reference} begins on {worker}, which rests")
        })?;
        for id in &build.requests {
            let request = self.request(*id)?;
            let waits = request.results.is_none() && request.build.replace(build.id).is_none();
            hold(waits, || format!("{reference} builds request {id}, which does not wait"))?;
            let asking = self.sets.values().find(|set| set.requests.contains(id));
            let asking = asking.is_some_and(|set| set.resolving);
            hold(!asking, || {
                format!("SS-3: {reference} begins before its repository has answered")
            })?;
        }
        let life = Life {
            requests: build.requests.clone(),
            reference,
            worker: build.worker.clone(),
            running: None,
            over: BTreeSet::new(),
            results: None,
        };
        self.builds.insert(build.id, life);
        is_orderly(&build.blame)
    }

    /// BS-2: the worst of its requests, all of which are over. BS-3: told of before, if it failed.
    fn set_ends(&mut self, id: BuildsetId, results: Results) -> Law {
        let set = self.sets.get_mut(&id).ok_or_else(|| format!("buildset {id} is unknown"))?;
        let once = set.results.replace(results).is_none();
        hold(once, || format!("BS-2: buildset {id} ended twice"))?;
        let mut worst = Results::Success;
        for request in &set.requests {
            let ended = self.requests.get(request).and_then(|request| request.results);
            worst = worst.worst(ended.ok_or_else(|| format!("BS-2: {request} is not over"))?);
        }
        hold(worst == results, || format!("BS-2: buildset {id} is {results}, not {worst}"))?;
        hold(set.told != results.is_good(), || format!("BS-3: buildset {id} was not told of"))
    }

    /// LW-1: in the commit that ends a build its requests end too, or wait again.
    fn what_ended_was_handed_on(&self, records: &[Record]) -> Law {
        for record in records {
            let Record::BuildFinished { id, results, .. } = record else { continue };
            for request in self.builds.get(id).into_iter().flat_map(|build| &build.requests) {
                let ended = self.requests.get(request).and_then(|it| it.results);
                // One that was cancelled while its build went on for others does not come back with them.
                let fits = match ended {
                    None => *results == Results::Retry,
                    Some(Results::Cancelled | Results::Exception) => true,
                    Some(_) => *results != Results::Retry,
                };
                hold(fits, || format!("request {request} is lost with its build ({results})"))?;
            }
        }
        Ok(())
    }

    /// I1, I3: what somebody was told has happened.
    pub(crate) fn kept(&self, input: &Input, answer: &Answer) -> Law {
        match answer {
            Answer::Refused(_) => {}
            Answer::Changes(ids) => {
                for id in ids {
                    hold(self.changes.has(*id), || format!("I1: acked change {id} is lost"))?;
                }
            }
            Answer::Accepted { made } => {
                for subject in made {
                    let kept = match subject {
                        Subject::Buildset(id) => self.sets.contains_key(id),
                        Subject::Request(id) => self.requests.contains_key(id),
                        _ => true,
                    };
                    hold(kept, || format!("I3: acked {subject:?} is lost"))?;
                }
            }
        }
        let taken = !matches!(answer, Answer::Refused(_));
        let (what, results) = match input {
            Input::CancelRequested { request, .. } if taken => {
                let known = self.requests.get(request);
                (format!("request {request}"), known.and_then(|known| known.results))
            }
            Input::StopRequested { build, .. } if taken => {
                let known = self.builds.values().find(|known| known.reference == *build);
                (build.to_string(), known.and_then(|known| known.results))
            }
            _ => return Ok(()),
        };
        let cancelled = results == Some(Results::Cancelled);
        hold(cancelled, || format!("CA-1, CA-2: stopped {what} is {results:?}"))
    }

    /// I3, L1: when all is quiet, everything has ended.
    pub(crate) fn at_the_end(&self) -> Law {
        for (id, request) in &self.requests {
            hold(request.results.is_some(), || format!("I3: request {id} never ended"))?;
        }
        for (id, set) in &self.sets {
            hold(set.results.is_some(), || format!("BS-2: buildset {id} never ended"))?;
        }
        for build in self.builds.values() {
            hold(build.results.is_some(), || format!("L1: {} never ended", build.reference))?;
        }
        self.locks.at_the_end()
    }
}

/// BM-4: each change once; people sorted, once each.
fn is_orderly(blame: &Blame) -> Law {
    let parts = [
        (&blame.changes, &blame.blamelist),
        (&blame.since_good.changes, &blame.since_good.blamelist),
    ];
    for (changes, people) in parts {
        let once: BTreeSet<_> = changes.iter().collect();
        hold(once.len() == changes.len(), || format!("BM-4: {changes:?} name one twice"))?;
        let sorted = people.windows(2).all(|two| two[0] < two[1]);
        hold(sorted, || format!("BM-4: {people:?} are not sorted, once each"))?;
    }
    Ok(())
}

/// The build that a record is about.
const fn build_of(record: &Record) -> Option<BuildId> {
    match record {
        Record::BuildBlamed { id, .. }
        | Record::StepStarted { id, .. }
        | Record::StepLinked { id, .. }
        | Record::StepFinished { id, .. }
        | Record::PropertySet { id, .. }
        | Record::BuildStopping { id, .. }
        | Record::BuildOrphaned { id, .. }
        | Record::BuildResumed { id, .. }
        | Record::BuildFinished { id, .. } => Some(*id),
        _ => None,
    }
}
