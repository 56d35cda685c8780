//! Changes as the records tell of them: kept once (I1, I2), and seen by every scheduler in the same commit (CH-9), where
//! they wait until they have fired (TS-3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linn_core::change::Change;
use linn_core::config::{Config, Scheduler, SchedulerKind};
use linn_core::hooks::NoHooks;
use linn_core::id::{BuildsetId, ChangeId, SchedulerName};
use linn_core::model::Buildset;
use linn_core::record::Record;
use linn_core::results::Results;
use linn_core::schedule;
use linn_core::state::State;

/// All changes, and which schedulers keep them.
#[derive(Default)]
pub(crate) struct Changes {
    last: u64,
    keys: BTreeMap<String, ChangeId>,
    /// Kept for a firing, and whether important.
    kept: BTreeMap<(SchedulerName, ChangeId), bool>,
    /// Buildsets that some scheduler depends on.
    upstream: BTreeMap<BuildsetId, String>,
    /// Where the source was when it looked first.
    first_tips: Option<BTreeMap<String, String>>,
}

impl Changes {
    /// Reads the records of one commit.
    pub(crate) fn follow(
        &mut self,
        config: &Arc<Config>,
        records: &[Record],
    ) -> Result<(), String> {
        let mut ended = Vec::new();
        for record in records {
            match record {
                Record::ChangeAdded(change) => {
                    self.last += 1;
                    if change.id.0 != self.last {
                        return Err(format!("CH-6: change {} is not {}", change.id, self.last));
                    }
                    if let Some(key) = change.key.clone()
                        && self.keys.insert(key.clone(), change.id).is_some()
                    {
                        return Err(format!("I2: the change `{key}` is there twice"));
                    }
                    seen_by_all(config, change, records)?;
                }
                Record::ChangeClassified { scheduler, change, important } => {
                    let key = (scheduler.clone(), *change);
                    if self.kept.insert(key, *important).is_some() {
                        return Err(format!("TS-3: {scheduler} keeps change {change} twice"));
                    }
                }
                Record::SchedulerFired { scheduler, changes, .. } => {
                    self.fired(config, scheduler, changes, records)?;
                }
                Record::BuildsetAdded(set) => {
                    self.upstream.insert(set.id, set.scheduler.clone());
                }
                Record::BuildsetFinished { buildset, results, .. } => {
                    let upstream = self.upstream.remove(buildset);
                    let ended_well = matches!(results, Results::Success | Results::Warnings);
                    ended.extend(upstream.filter(|_| ended_well));
                }
                Record::SourceAdvanced { tips, .. } => {
                    self.first_tips.get_or_insert_with(|| tips.clone());
                }
                _ => {}
            }
        }
        dependents_fired(config, &ended, records)
    }

    fn fired(
        &mut self,
        config: &Config,
        scheduler: &SchedulerName,
        changes: &[ChangeId],
        records: &[Record],
    ) -> Result<(), String> {
        let mut important = false;
        for change in changes {
            let Some(kept) = self.kept.remove(&(scheduler.clone(), *change)) else {
                return Err(format!("TS-3: {scheduler} fires change {change}, which it has not"));
            };
            important |= kept;
        }
        let made = sets(records, scheduler).any(|set| {
            let named = named(set);
            changes.iter().all(|change| named.contains(change))
        });
        // PN-7: a slot uses up what it builds, important or not, and is dealt with too when it is left out.
        let by_the_clock = config.scheduler(scheduler).is_some_and(goes_by_the_clock);
        if made && important || by_the_clock && (made || changes.is_empty()) {
            return Ok(());
        }
        Err(format!("TS-3: {scheduler} fired {changes:?} for nothing"))
    }

    /// Whether a change is there.
    pub(crate) const fn has(&self, id: ChangeId) -> bool {
        id.0 >= 1 && id.0 <= self.last
    }

    /// Whether the change of that key is there.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Where the source was when it looked first; `None`: it never looked.
    pub(crate) fn first_tips(&self) -> Option<&BTreeMap<String, String>> {
        self.first_tips.as_ref()
    }

    /// What waits for a firing, as a store has it.
    pub(crate) fn waiting(&self) -> Vec<(SchedulerName, ChangeId, bool)> {
        let rows = self.kept.iter();
        rows.map(|((scheduler, change), important)| (scheduler.clone(), *change, *important))
            .collect()
    }

    /// TS-3: when all is quiet, only unimportant ones wait.
    pub(crate) fn at_the_end(&self) -> Result<(), String> {
        match self.kept.iter().find(|(_, important)| **important) {
            Some(((scheduler, change), _)) => {
                Err(format!("TS-3: {scheduler} never fired change {change}"))
            }
            None => Ok(()),
        }
    }
}

/// CH-9: every scheduler that takes a change has kept it or built it in the commit that brought it.
fn seen_by_all(config: &Arc<Config>, change: &Change, records: &[Record]) -> Result<(), String> {
    for judged in schedule::explain(&State::default(), config, change, &NoHooks) {
        if !judged.takes {
            continue;
        }
        let keeps = config.scheduler(&judged.scheduler).is_some_and(|it| match &it.kind {
            SchedulerKind::SingleBranch(timer) | SchedulerKind::AnyBranch(timer) => {
                timer.tree_stable_timer.is_some()
            }
            _ => goes_by_the_clock(it),
        });
        let seen = if keeps {
            records.iter().any(|record| {
                matches!(record, Record::ChangeClassified { scheduler, change: kept, important }
                    if *scheduler == judged.scheduler && *kept == change.id && *important == judged.important)
            })
        } else {
            sets(records, &judged.scheduler).any(|set| named(set).contains(&change.id))
        };
        if !seen {
            return Err(format!("CH-9: {} has not seen change {}", judged.scheduler, change.id));
        }
    }
    Ok(())
}

/// DP-1, DP-3: who depends on buildsets that ended well has asked for its own in the commit that ended them. `ended`: who had
/// asked for those.
fn dependents_fired(config: &Config, ended: &[String], records: &[Record]) -> Result<(), String> {
    for scheduler in &config.schedulers {
        let SchedulerKind::Dependent(dependent) = &scheduler.kind else { continue };
        let wanted = ended.iter().filter(|name| *name == dependent.upstream.as_str()).count();
        let fired = sets(records, &scheduler.name).count();
        if fired != wanted {
            let name = &scheduler.name;
            return Err(format!("DP-1: {name} fired {fired} times, {wanted} were to be built on"));
        }
    }
    Ok(())
}

const fn goes_by_the_clock(scheduler: &Scheduler) -> bool {
    matches!(scheduler.kind, SchedulerKind::Periodic(_) | SchedulerKind::Nightly(_))
}

/// The buildsets that a scheduler opened.
fn sets<'a>(
    records: &'a [Record],
    scheduler: &'a SchedulerName,
) -> impl Iterator<Item = &'a Buildset> {
    records.iter().filter_map(|record| match record {
        Record::BuildsetAdded(set) if set.scheduler == scheduler.as_str() => Some(&**set),
        _ => None,
    })
}

fn named(set: &Buildset) -> BTreeSet<ChangeId> {
    set.stamps.iter().flat_map(|stamp| stamp.changes.iter().copied()).collect()
}
