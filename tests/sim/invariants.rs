//! What must hold, whatever breaks. Words and ids are reliability's: I1 to I6, and `load(tables) == state`.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::action::Action;
use linn_core::id::{Token, WorkerName};
use linn_core::input::Input;
use linn_core::record::Record;
use linn_master::store::Store;

use crate::machine::Machine;
use crate::master::Master;

/// After every commit.
pub(crate) fn after_a_commit(master: &mut Master) -> Result<(), String> {
    tables_are_the_state(master)?;
    workers_are_within_their_limits(master)
}

fn tables_are_the_state(master: &mut Master) -> Result<(), String> {
    let Some(core) = &master.core else { return Ok(()) };
    let loaded = master.store.load().map_err(|error| error.to_string())?;
    if loaded != core.state().tables() {
        return Err("load(tables) != state".into());
    }
    // A change waits or has fired, by the records alone.
    if loaded.waiting != master.ledger.changes.waiting() {
        return Err("TS-3: other changes wait than the records say".into());
    }
    Ok(())
}

fn workers_are_within_their_limits(master: &Master) -> Result<(), String> {
    let Some(core) = &master.core else { return Ok(()) };
    let mut running: BTreeMap<&WorkerName, Vec<_>> = BTreeMap::new();
    let mut busy: BTreeMap<&WorkerName, usize> = BTreeMap::new();
    for build in core.state().builds().filter(|build| build.complete_at.is_none()) {
        running.entry(&build.worker).or_default().push(&build.builder);
        // Who waits for its children leaves its place to others (LK-6).
        *busy.entry(&build.worker).or_default() += usize::from(!build.is_parked());
    }
    for (worker, builders) in running {
        let limit = core.config().workers.get(worker).and_then(|worker| worker.max_builds);
        let busy = busy.get(worker).copied().unwrap_or_default();
        if limit.is_some_and(|limit| busy > limit as usize) {
            return Err(format!("{worker} runs {busy} builds, over its limit"));
        }
        let distinct: BTreeSet<_> = builders.iter().collect();
        if distinct.len() < builders.len() {
            return Err(format!("{worker} runs one builder twice"));
        }
    }
    Ok(())
}

/// Who asks is answered exactly once, and nobody else is.
pub(crate) fn one_answer_each(input: &Input, actions: &[Action]) -> Result<(), String> {
    let answered: Vec<Token> = actions.iter().filter_map(Action::answers).collect();
    let asked: Vec<Token> = input.asking().map(|asking| asking.token).into_iter().collect();
    if asked == answered {
        Ok(())
    } else {
        Err(format!("{asked:?} asked, {answered:?} are answered"))
    }
}

/// At the end, when all is quiet: everything ended, nothing important waits, every log is exact.
pub(crate) fn at_the_end(master: &mut Master, machines: &[Machine]) -> Result<(), String> {
    master.ledger.at_the_end()?;
    master.ledger.changes.at_the_end()?;
    let kept = master.store.load().map_err(|error| error.to_string())?;
    if let Some(lost) = kept.changes.iter().find(|change| !master.ledger.changes.has(change.id)) {
        return Err(format!("change {} was never recorded", lost.id));
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
    // Also of what was fenced off: never a byte that was not written.
    for (command, log) in &master.logs {
        let wrong = truth.get(command).is_some_and(|wrote| !wrote.starts_with(&log.bytes));
        if wrong {
            return Err(format!("I6: the log of command {command} has bytes of its own"));
        }
    }
    Ok(())
}
