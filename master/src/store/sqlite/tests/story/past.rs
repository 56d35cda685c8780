//! What becomes of history: pins, and deletions of what nothing needs.

use std::collections::BTreeSet;

use linn_core::id::{BuildId, BuildRef, BuildsetId, ChangeId};
use linn_core::model::{Deletion, GoneBuild, GoneStatistics, Pin, Totals};
use linn_core::record::Record;
use linn_core::time::Timestamp;

use super::Story;

/// What is over and not deleted.
#[derive(Default)]
pub(super) struct Past {
    pub(super) builds: Vec<(BuildId, BuildRef)>,
    pub(super) buildsets: Vec<BuildsetId>,
    pins: BTreeSet<BuildId>,
    changes: BTreeSet<ChangeId>,
}

impl Story {
    /// Somebody pins something, or something old goes.
    pub(in super::super) fn forget(&mut self, dice: u32) -> Vec<Record> {
        let at = Timestamp(self.now);
        match dice % 8 {
            0 => vec![Record::RetentionTimed { rules: format!("logs = {}d", dice % 9), at }],
            1 => {
                let totals = Totals { builds: u64::from(dice), ..Totals::default() };
                vec![Record::RetentionApplied { at, by: "kim".to_owned(), totals }]
            }
            2 | 3 => self.pin(dice, at),
            _ => vec![Record::HistoryDeleted(Box::new(self.delete(dice, at)))],
        }
    }

    fn pin(&mut self, dice: u32, at: Timestamp) -> Vec<Record> {
        let Some((id, build)) = self.past.builds.get(dice as usize % 40).cloned() else {
            return Vec::new();
        };
        if self.past.pins.remove(&id) {
            return vec![Record::BuildUnpinned { id, build, by: "kim".to_owned(), at }];
        }
        self.past.pins.insert(id);
        let pin = Pin { reason: "shipped".to_owned(), by: "kim".to_owned(), at };
        vec![Record::BuildPinned { id, build, pin }]
    }

    fn delete(&mut self, dice: u32, at: Timestamp) -> Deletion {
        let gone = |(id, build): &(BuildId, BuildRef)| GoneBuild {
            id: *id,
            build: build.clone(),
            ended: Timestamp(i64::from(build.number)),
            rule: "builds = 1d".to_owned(),
            bytes: 7,
        };
        let mut deletion = Deletion { at, ..Deletion::default() };
        let pick = |nth: usize| dice.rotate_left(u32::try_from(nth).unwrap() % 32) % 3;
        let files: Vec<_> = self.past.builds.iter().take(dice as usize % 30).map(gone).collect();
        let some = |sort| files.iter().enumerate().filter(move |(nth, _)| pick(*nth) == sort);
        deletion.logs = some(1).map(|(_, gone)| gone.clone()).collect();
        deletion.artifacts = some(2).map(|(_, gone)| gone.clone()).collect();
        for (nth, (id, build)) in std::mem::take(&mut self.past.builds).into_iter().enumerate() {
            let newest = self.numbers[build.builder.as_str()] == build.number;
            let needed = newest || id.0 == self.builds || self.past.pins.contains(&id);
            if needed || pick(nth) == 0 || nth > 60 {
                self.past.builds.push((id, build));
            } else {
                deletion.builds.push(gone(&(id, build)));
            }
        }
        deletion.statistics = deletion
            .builds
            .iter()
            .map(|gone| GoneStatistics {
                id: Some(gone.id),
                build: gone.build.clone(),
                ended: gone.ended,
                rule: gone.rule.clone(),
            })
            .collect();
        let newest = BuildsetId(self.buildsets);
        let (stay, go): (Vec<_>, Vec<_>) =
            self.past.buildsets.drain(..).partition(|id| *id == newest || id.0 % 3 == 0);
        self.past.buildsets = stay;
        deletion.buildsets = go;
        let stamps = self.stamps.values().map(|(stamps, _)| stamps);
        let stamps = stamps.chain(self.running.iter().map(|(build, _)| &build.stamps));
        let mut named: BTreeSet<ChangeId> =
            stamps.flatten().flat_map(|stamp| stamp.changes.iter().copied()).collect();
        named.extend(self.waiting.iter().copied());
        let old = (1..self.changes).map(ChangeId);
        let old = old.filter(|id| id.0 % 2 == 1 && !named.contains(id));
        let old = old.filter(|id| !self.past.changes.contains(id)).take(dice as usize % 9);
        deletion.changes = old.collect();
        self.past.changes.extend(deletion.changes.iter().copied());
        deletion
    }
}
