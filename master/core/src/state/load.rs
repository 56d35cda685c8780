//! From a store's rows to a state and back: `State::from_tables(state.tables()) == state`.

use super::{State, Tables};

impl State {
    /// Takes up what a store kept. The rows follow the bounds that [`Tables`] names.
    #[must_use]
    pub fn from_tables(tables: Tables) -> Self {
        let mut state = Self {
            standings: tables.standings,
            sources: tables.sources,
            pins: tables.pins.into_iter().collect(),
            retained: tables.retained,
            last: tables.last,
            numbers: tables.numbers,
            config: tables.config,
            ..Self::default()
        };
        for change in tables.changes {
            state.changes.restore(change);
        }
        for (key, id) in tables.keys {
            state.changes.add_key(key, id);
        }
        for (repository, commit) in tables.commits {
            state.graph.learn(&repository, &commit);
        }
        for (scheduler, id, important) in tables.waiting {
            if let Some(change) = state.changes.get(id) {
                state.waiting.insert(&scheduler, change, important);
                state.changes.need(id);
            }
        }
        for buildset in tables.buildsets {
            state.pin_stamps(&buildset.stamps);
            state.buildsets.insert(buildset.id, buildset);
        }
        for request in tables.requests {
            let buildset = state.buildsets.get(&request.buildset);
            let held = buildset.is_some_and(|buildset| buildset.resolving);
            state.requests.add(request, held);
        }
        for build in tables.builds {
            if build.complete_at.is_none() {
                state.pin_stamps(&build.stamps);
            }
            state.locks.add(&build);
            state.requests.serve(&build.builder, build.id);
            state.builds.add(build);
        }
        for built in tables.built {
            state.builds.add_built(built);
        }
        for (builder, number) in tables.deleted {
            state.builds.add_deleted(builder, number);
        }
        for worker in tables.workers {
            state.workers.insert(worker.name.clone(), worker);
        }
        for (request_id, made, at) in tables.answers {
            state.answers.insert(request_id, made, at);
        }
        state
    }

    /// The rows that a store would hand over for this state.
    #[must_use]
    pub fn tables(&self) -> Tables {
        let mut built: Vec<_> = self.builds.built().cloned().collect();
        built.sort_by_key(|built| built.id);
        let waiting = self.waiting.schedulers().flat_map(|scheduler| {
            let kept = self.waiting.of(scheduler);
            kept.map(|(change, important)| (scheduler.clone(), change, important))
        });
        Tables {
            changes: self.changes.iter().cloned().collect(),
            keys: self.changes.keys().map(|(key, id)| (key.to_owned(), id)).collect(),
            commits: self.graph.iter().collect(),
            buildsets: self.buildsets.values().cloned().collect(),
            requests: self.requests.iter().cloned().collect(),
            builds: self.builds.iter().cloned().collect(),
            built,
            workers: self.workers.values().cloned().collect(),
            waiting: waiting.collect(),
            standings: self.standings.clone(),
            sources: self.sources.clone(),
            answers: self
                .answers
                .iter()
                .map(|(id, made, at)| (id.to_owned(), made.to_vec(), at))
                .collect(),
            deleted: self.builds.deleted().collect(),
            pins: self.pins.iter().copied().collect(),
            retained: self.retained.clone(),
            last: self.last,
            numbers: self.numbers.clone(),
            config: self.config.clone(),
        }
    }
}
