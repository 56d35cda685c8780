//! The last word on buildsets and requests that the state has already forgotten: what was shown of them before, or the
//! record that made them, changed by the records of this batch.

use std::collections::BTreeMap;

use linn_core::id::{BuildRef, RequestId};
use linn_core::model::{BuildRequest, Buildset};
use linn_core::record::Record;
use linn_core::results::Results;
use linn_core::time::Timestamp;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{self as wire, Entity};

use super::super::convert::{self, Asked};
use super::super::hub::Hub;
use super::super::key::Key;

/// What a batch of records says about buildsets and requests.
#[derive(Default)]
pub(super) struct Fold<'a> {
    buildsets: BTreeMap<u64, &'a Buildset>,
    requests: BTreeMap<u64, &'a BuildRequest>,
    builds: BTreeMap<u64, Vec<(BuildRef, Timestamp)>>,
    ends: BTreeMap<Key, (Results, Timestamp)>,
}

impl<'a> Fold<'a> {
    /// Takes in one record.
    pub(super) fn take(&mut self, record: &'a Record) {
        match record {
            Record::BuildsetAdded(buildset) => {
                self.buildsets.insert(buildset.id.0, buildset);
            }
            Record::RequestAdded(request) => {
                self.requests.insert(request.id.0, request);
            }
            Record::BuildStarted(build) => {
                for RequestId(request) in &build.requests {
                    let made = (build.reference(), build.started_at);
                    self.builds.entry(*request).or_default().push(made);
                }
            }
            Record::RequestFinished { request, results, at, .. } => {
                self.ends.insert(Key::Request(request.0), (*results, *at));
            }
            Record::BuildsetFinished { buildset, results, at } => {
                self.ends.insert(Key::Buildset(buildset.0), (*results, *at));
            }
            _ => {}
        }
    }

    /// A buildset or request as it ended; `None`: it is neither, or was never known.
    pub(super) fn last_word(&self, key: &Key, hub: &Hub) -> Option<Entity> {
        let told = hub.get(key).and_then(|entity| entity.of.clone());
        let of = match key {
            Key::Buildset(id) => Of::Buildset(self.buildset(*id, key, told)?),
            Key::Request(id) => Of::Request(self.request(*id, key, told, hub)?),
            _ => return None,
        };
        Some(Entity { of: Some(of) })
    }

    fn buildset(&self, id: u64, key: &Key, told: Option<Of>) -> Option<wire::Buildset> {
        let mut buildset = match told {
            Some(Of::Buildset(told)) => told,
            _ => self.made(id)?,
        };
        if let Some((results, at)) = self.ends.get(key) {
            buildset.results = convert::results(*results).into();
            buildset.complete_at_ms = Some(convert::at(*at));
        }
        Some(buildset)
    }

    fn request(
        &self,
        id: u64,
        key: &Key,
        told: Option<Of>,
        hub: &Hub,
    ) -> Option<wire::BuildRequest> {
        let mut request = match told {
            Some(Of::Request(told)) => told,
            _ => {
                let made = self.requests.get(&id)?;
                let buildset = Key::Buildset(made.buildset.0);
                let told = hub.get(&buildset).and_then(|entity| entity.of.clone());
                let asked = self.buildset(made.buildset.0, &buildset, told).map_or_else(
                    Asked::default,
                    |buildset| Asked {
                        reason: buildset.reason,
                        stamps: buildset.sourcestamps,
                        owners: Vec::new(),
                    },
                );
                convert::request(made, Vec::new(), asked)
            }
        };
        request.waits.clear();
        for (build, at) in self.builds.get(&id).into_iter().flatten() {
            request.claimed_at_ms = Some(convert::at(*at));
            request.builds.push(build.to_string());
        }
        if let Some((results, at)) = self.ends.get(key) {
            request.results = convert::results(*results).into();
            request.complete_at_ms = Some(convert::at(*at));
        }
        Some(request)
    }

    fn made(&self, id: u64) -> Option<wire::Buildset> {
        let mut buildset = convert::buildset(self.buildsets.get(&id)?);
        let of = |request: &&&BuildRequest| request.buildset.0 == id;
        for request in self.requests.values().filter(of) {
            if !buildset.requests.contains(&request.id.0) {
                buildset.requests.push(request.id.0);
            }
        }
        Some(buildset)
    }
}
