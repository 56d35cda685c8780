//! How a record changes a row: the same rules as `State::apply`, one small function a row, no look-ups and no storage.

use linn_core::id::{BuildId, StepNumber};
use linn_core::model::{Build, BuildRequest, Buildset, CommandSpec, Worker};
use linn_core::record::Record;
use linn_core::state::SourceCursor;

/// The property by which a source step tells its revisions: a map codebase → revision (contract.md C9).
const GOT_REVISION: &str = "got_revision";

/// The build that a record changes, if it changes one. `BuildStarted` makes one instead.
pub(super) const fn build_changed(record: &Record) -> Option<BuildId> {
    match record {
        Record::BuildBlamed { id, .. }
        | Record::StepsAdded { id, .. }
        | Record::StepWaiting { id, .. }
        | Record::StepStarted { id, .. }
        | Record::StepTriggered { id, .. }
        | Record::StepLinked { id, .. }
        | Record::StepFinished { id, .. }
        | Record::PropertySet { id, .. }
        | Record::BuildStopping { id, .. }
        | Record::BuildOrphaned { id, .. }
        | Record::BuildResumed { id, .. }
        | Record::BuildPinned { id, .. }
        | Record::BuildUnpinned { id, .. }
        | Record::BuildFinished { id, .. } => Some(*id),
        _ => None,
    }
}

/// Changes a build.
pub(super) fn change_build(build: &mut Build, record: &Record) {
    match record {
        Record::BuildBlamed { blame, .. } => build.blame = blame.clone(),
        Record::StepsAdded { recipe, .. } => build.follow(recipe),
        Record::StepWaiting { .. }
        | Record::StepStarted { .. }
        | Record::StepTriggered { .. }
        | Record::StepLinked { .. }
        | Record::StepFinished { .. } => {
            change_step(build, record);
        }
        Record::PropertySet { name, value, source, .. } => {
            if name == GOT_REVISION
                && let Some(map) = value.as_object()
            {
                let texts = map.iter().filter_map(|(codebase, revision)| {
                    Some((codebase.clone(), revision.as_str()?.to_owned()))
                });
                build.got_revision = texts.collect();
            }
            build.properties.set(name.clone(), value.clone(), *source);
        }
        Record::BuildStopping { stop, .. } => build.stop = Some(stop.clone()),
        Record::BuildOrphaned { at, .. } => build.lost_since = Some(*at),
        Record::BuildResumed { .. } => build.lost_since = None,
        Record::BuildPinned { pin, .. } => build.keeping.pin = Some(pin.clone()),
        Record::BuildUnpinned { .. } => build.keeping.pin = None,
        Record::BuildFinished { results, text, at, new_failure, .. } => {
            build.results = *results;
            build.text.clone_from(text);
            build.complete_at = Some(*at);
            build.new_failure = *new_failure;
            build.lost_since = None;
            for step in &mut build.steps {
                step.spec = None;
            }
        }
        _ => {}
    }
}

fn change_step(build: &mut Build, record: &Record) {
    let at_number = |build: &mut Build, number: StepNumber| {
        build.steps.iter().position(|step| step.number == number)
    };
    match record {
        Record::StepWaiting { step, at, locks, .. } => {
            let Some(nth) = at_number(build, *step) else { return };
            build.steps[nth].waiting_since = Some(*at);
            build.steps[nth].locks.clone_from(locks);
        }
        Record::StepTriggered { step, waits_for, .. } => {
            let Some(nth) = at_number(build, *step) else { return };
            build.steps[nth].waits_for.clone_from(waits_for);
        }
        Record::StepStarted { step, at, shown, text, spec, logs, locks, .. } => {
            let Some(nth) = at_number(build, *step) else { return };
            let step = &mut build.steps[nth];
            step.locks.clone_from(locks);
            step.started_at = Some(*at);
            step.command = spec.as_ref().map(|spec| spec.id);
            step.heading = spec.as_deref().map(CommandSpec::heading).unwrap_or_default();
            step.spec = spec.as_deref().cloned();
            step.shown.clone_from(shown);
            step.text.clone_from(text);
            step.logs.clone_from(logs);
        }
        Record::StepLinked { step, url, .. } => {
            if let Some(nth) = at_number(build, *step) {
                build.steps[nth].urls.push(url.clone());
            }
        }
        Record::StepFinished {
            step,
            at,
            results,
            text,
            logs,
            urls,
            statistics,
            tests,
            hidden,
            build_results,
            ending,
            ..
        } => {
            let Some(nth) = at_number(build, *step) else { return };
            let step = &mut build.steps[nth];
            step.complete_at = Some(*at);
            step.results = Some(*results);
            step.text.clone_from(text);
            step.spec = None;
            step.logs.clone_from(logs);
            step.urls.clone_from(urls);
            step.statistics.clone_from(statistics);
            step.tests.clone_from(tests);
            step.hidden = *hidden;
            build.results = *build_results;
            build.ending = *ending;
        }
        _ => {}
    }
}

/// A build took a request.
pub(super) fn claim(request: &mut BuildRequest, build: &Build) {
    request.claimed_at = Some(build.started_at);
    request.builds.push((build.id, build.number));
    request.merged_into = build.requests.first().copied().filter(|first| *first != request.id);
}

/// Changes a request.
pub(super) fn change_request(request: &mut BuildRequest, record: &Record) {
    match record {
        Record::RequestPrioritised { priority, .. } => request.priority = *priority,
        Record::RequestReturned { .. } => {
            request.claimed_at = None;
            request.merged_into = None;
        }
        Record::RequestFinished { results, at, .. } => {
            request.results = Some(*results);
            request.complete_at = Some(*at);
        }
        _ => {}
    }
}

/// A step of a request's build triggered these, or one of them is over.
pub(super) fn change_children(request: &mut BuildRequest, record: &Record) {
    match record {
        Record::StepTriggered { children, .. } => request.children.extend_from_slice(children),
        Record::ChildFinished { buildset, results, .. } => {
            for child in request.children.iter_mut().filter(|child| child.buildset == *buildset) {
                child.results = Some(*results);
            }
        }
        _ => {}
    }
}

/// Changes a buildset.
pub(super) fn change_buildset(buildset: &mut Buildset, record: &Record) {
    match record {
        Record::BuildsetResolved { stamps, .. } => {
            buildset.stamps.clone_from(stamps);
            buildset.resolving = false;
        }
        Record::BuildsetFirstFailure { .. } => buildset.first_failure_told = true,
        Record::BuildsetFinished { results, at, .. } => {
            buildset.results = Some(*results);
            buildset.complete_at = Some(*at);
        }
        _ => {}
    }
}

/// Changes a worker; one that connects or is held for the first time is made.
pub(super) fn change_worker(worker: &mut Option<Worker>, record: &Record) {
    if let Record::WorkerPaused { worker: name, .. } = record {
        worker.get_or_insert_with(|| Worker::new(name.clone()));
    }
    if let Record::WorkerConnected { worker: name, instance, info, at } = record {
        let known = worker.get_or_insert_with(|| Worker::new(name.clone()));
        known.instance.clone_from(instance);
        known.info.clone_from(info);
        known.connected_at = Some(*at);
    }
    let Some(worker) = worker else { return };
    match record {
        Record::WorkerLost { at, .. } => {
            worker.connected_at = None;
            worker.lost_at = Some(*at);
        }
        Record::WorkerPaused { hold, .. } => worker.hold = Some(hold.clone()),
        Record::WorkerResumed { .. } => {
            worker.hold = None;
            worker.quarantine = None;
        }
        Record::WorkerTroubled { quarantine, .. } => {
            worker.quarantine = Some(quarantine.clone());
        }
        Record::WorkerReleased { .. } => {
            if let Some(quarantine) = &mut worker.quarantine {
                quarantine.until = None;
            }
        }
        _ => {}
    }
}

/// Changes a source's cursor.
pub(super) fn change_source(cursor: &mut SourceCursor, record: &Record) {
    match record {
        Record::SourceAdvanced { tips, .. } => {
            cursor.tips.clone_from(tips);
            cursor.looked = true;
        }
        Record::SourceFailed { error, .. } => cursor.error = Some(error.clone()),
        Record::SourceRecovered { .. } => cursor.error = None,
        _ => {}
    }
}
