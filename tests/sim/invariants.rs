//! What must hold, whatever breaks. Words and ids are reliability's: I3, I4, I5, I6, and `load(tables) == state`.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::id::{BuildId, RequestId, WorkerName};
use linn_core::record::Record;
use linn_master::store::Store;

use crate::machine::Machine;
use crate::master::Master;

/// After every step.
pub(crate) fn always(master: &mut Master, machines: &[Machine]) -> Result<(), String> {
    tables_are_the_state(master)?;
    workers_are_within_their_limits(master)?;
    commands_ran_once(machines)
}

fn tables_are_the_state(master: &mut Master) -> Result<(), String> {
    let Some(core) = &master.core else { return Ok(()) };
    let loaded = master.store.load().map_err(|error| error.to_string())?;
    if loaded == core.state().tables() { Ok(()) } else { Err("load(tables) != state".into()) }
}

fn workers_are_within_their_limits(master: &Master) -> Result<(), String> {
    let Some(core) = &master.core else { return Ok(()) };
    let mut running: BTreeMap<&WorkerName, Vec<_>> = BTreeMap::new();
    for build in core.state().builds().filter(|build| build.complete_at.is_none()) {
        running.entry(&build.worker).or_default().push(&build.builder);
    }
    for (worker, builders) in running {
        let limit = core.config().workers.get(worker).and_then(|worker| worker.max_builds);
        if limit.is_some_and(|limit| builders.len() > limit as usize) {
            return Err(format!("{worker} runs {} builds, over its limit", builders.len()));
        }
        let distinct: BTreeSet<_> = builders.iter().collect();
        if distinct.len() < builders.len() {
            return Err(format!("{worker} runs one builder twice"));
        }
    }
    Ok(())
}

/// I5: a command id runs at most once, on all machines together.
fn commands_ran_once(machines: &[Machine]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for command in machines.iter().flat_map(|machine| &machine.started) {
        if !seen.insert(command) {
            return Err(format!("command {command} ran twice"));
        }
    }
    Ok(())
}

/// At the end, when all is quiet: every request ended once, every result was recorded once, every log is exact.
pub(crate) fn at_the_end(master: &Master, machines: &[Machine]) -> Result<(), String> {
    let mut ended: BTreeMap<RequestId, u32> = BTreeMap::new();
    let mut finished: BTreeMap<BuildId, u32> = BTreeMap::new();
    let mut added = BTreeSet::new();
    for record in &master.history {
        match record {
            Record::RequestAdded(request) => {
                added.insert(request.id);
            }
            Record::RequestFinished { request, .. } => *ended.entry(*request).or_default() += 1,
            Record::BuildFinished { id, .. } => *finished.entry(*id).or_default() += 1,
            _ => {}
        }
    }
    if let Some(lost) = added.iter().find(|request| ended.get(request) != Some(&1)) {
        return Err(format!("I3: request {lost} ended {} times", ended.get(lost).unwrap_or(&0)));
    }
    if let Some((build, times)) = finished.iter().find(|(_, times)| **times != 1) {
        return Err(format!("I4: build {build} finished {times} times"));
    }
    logs_are_exact(master, machines)
}

/// I6: what a process wrote is what is stored, for every result that was taken.
fn logs_are_exact(master: &Master, machines: &[Machine]) -> Result<(), String> {
    let truth: BTreeMap<_, _> = machines.iter().flat_map(|machine| &machine.truth).collect();
    let mut taken = BTreeMap::new();
    for record in &master.history {
        match record {
            Record::StepStarted { id, step, spec: Some(spec), .. } => {
                taken.insert((*id, *step), spec.id.0);
            }
            Record::StepFinished { id, step, logs, .. } => {
                let Some(command) = taken.get(&(*id, *step)) else { continue };
                let (Some(wrote), Some(log)) = (truth.get(command), logs.first()) else { continue };
                let stored =
                    master.logs.get(command).map_or(&[][..], |log| &log.bytes[..log.synced]);
                if log.complete && log.bytes == wrote.len() as u64 && stored != wrote.as_slice() {
                    return Err(format!(
                        "I6: the log of command {command} has {} bytes, {} were written",
                        stored.len(),
                        wrote.len()
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
