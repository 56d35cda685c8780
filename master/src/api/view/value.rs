//! One thing as it is now, from the state and the configuration.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{self, SourceKind};
use linn_core::eta::Usual;
use linn_core::id::{BuilderName, WorkerName};
use linn_core::master::Master;
use linn_core::model::{Build, BuildRequest, Buildset, Worker};
use linn_core::state::{State, TAIL_BUILDS};
use linn_core::time::{Span, Timestamp};
use linn_core::{eta, explain, schedule, timers};
use linn_proto::entity as wire;

use super::super::convert::{self, Asked, BuilderFacts, WorkerFacts};
use crate::source::without_passwords;

/// The most people named for one request.
const MAX_OWNERS: usize = 50;

/// A build with what is expected of it, without its properties.
pub(crate) fn build_entity(build: &Build, usual: &Usual, now: Timestamp) -> wire::Build {
    let ends_at = eta::build_eta(build, usual, now);
    let mut entity = convert::build(build, ends_at, usual.build.map(Span::millis));
    if build.complete_at.is_none() {
        for (step, told) in build.steps.iter().zip(&mut entity.steps) {
            told.eta_ms = convert::at_opt(eta::step_eta(step, usual, now));
            told.usual_ms = usual.steps.get(&step.name).copied().map(Span::millis);
        }
    }
    entity
}

/// A request with what its buildset says.
pub(crate) fn request_entity(
    request: &BuildRequest,
    state: &State,
    waits: Vec<wire::Wait>,
) -> wire::BuildRequest {
    let asked = state.buildset(request.buildset).map(|buildset| asked(buildset, state));
    convert::request(request, waits, asked.unwrap_or_default())
}

/// What a buildset says about its requests.
pub(crate) fn asked(buildset: &Buildset, state: &State) -> Asked {
    let changes = buildset.stamps.iter().flat_map(|stamp| &stamp.changes);
    let people = changes.filter_map(|change| state.change(*change)).map(|change| &change.author);
    let mut owners: BTreeSet<&str> =
        people.filter(|author| !author.is_empty()).map(String::as_str).collect();
    owners.extend(buildset.properties.text("owner").filter(|owner| !owner.is_empty()));
    Asked {
        reason: buildset.reason.clone(),
        stamps: convert::stamps(&buildset.stamps),
        owners: owners.into_iter().take(MAX_OWNERS).map(ToOwned::to_owned).collect(),
    }
}

/// A builder with its newest builds.
pub(super) fn builder(
    builder: &config::Builder,
    master: &Master,
    usual: &Usual,
    now: Timestamp,
) -> wire::Builder {
    let state = master.state();
    let config = master.config();
    let name = &builder.name;
    let running = state.running_of(name).count();
    let newest = state.running_of(name).next_back();
    let facts = BuilderFacts {
        state: builder_state(builder, state, running),
        pending: state.pending(name),
        running,
        recent: state.recent_of(name).take(TAIL_BUILDS).map(convert::summary).collect(),
        eta: newest.and_then(|build| eta::build_eta(build, usual, now)),
        usual_ms: usual.build.map(Span::millis),
        never_start: explain::can_never_start(state, config, builder),
        forms: convert::forms(builder, config, state),
    };
    convert::builder(builder, config, facts)
}

/// A builder that is no longer declared, while something unfinished is its own: as its newest running build knows it, else
/// by its name alone. Its history is found by name for ever (RC-3).
pub(super) fn removed<'a>(name: &BuilderName, master: &Master) -> Option<Cow<'a, config::Builder>> {
    let state = master.state();
    let (waiting, running) = (state.pending(name), state.running_of(name).next_back());
    if waiting == 0 && running.is_none() {
        return None;
    }
    let known = running.and_then(|build| master.config_of(build.id)?.builders.get(name).cloned());
    let mut builder = known.unwrap_or_else(|| config::Builder {
        name: name.clone(),
        description: String::new(),
        tags: Vec::new(),
        project: String::new(),
        workers: Vec::new(),
        factory: Vec::new(),
        workdir: config::TemplateValue::empty(),
        folder: None,
        env: Vec::new(),
        properties: BTreeMap::new(),
        defaults: BTreeMap::new(),
        locks: config::Locks::default(),
        policy: config::BuilderPolicy::default(),
    });
    "no longer configured; what it has begun goes on, what waits is held"
        .clone_into(&mut builder.description);
    Some(Cow::Owned(builder))
}

fn builder_state(builder: &config::Builder, state: &State, running: usize) -> &'static str {
    if running > 0 {
        return "building";
    }
    let known = builder.workers.iter().filter_map(|worker| state.worker(worker));
    let mut offline = true;
    for worker in known.filter(|worker| worker.connected_at.is_some()) {
        if worker.hold.is_none() && worker.rests_until().is_none() {
            return "idle";
        }
        offline = false;
    }
    if offline { "offline" } else { "paused" }
}

/// A worker that is declared, or was and has work still.
pub(super) fn worker(name: &WorkerName, master: &Master) -> Option<wire::Worker> {
    let state = master.state();
    let config = master.config();
    let declared = config.workers.get(name);
    let known = state.worker(name);
    let has_work = state.running_on(name).next().is_some();
    if declared.is_none() && (known.is_none() || !has_work) {
        return None;
    }
    let uses = |builder: &&config::Builder| builder.workers.contains(name);
    let builders = config.builders.values().filter(uses);
    let facts = WorkerFacts {
        state: worker_state(known, state.load_of(name)),
        running: state.running_on(name).map(|build| build.reference().to_string()).collect(),
        builders: builders.map(|builder| builder.name.to_string()).collect(),
        last_seen: known.and_then(|worker| worker.connected_at.or(worker.lost_at)),
    };
    Some(facts.entity(name.as_str(), declared, known))
}

fn worker_state(known: Option<&Worker>, running: usize) -> &'static str {
    let Some(worker) = known.filter(|worker| worker.was_seen() || worker.hold.is_some()) else {
        return "missing";
    };
    match (worker.connected_at, &worker.hold) {
        (None, Some(_)) if !worker.was_seen() => "paused",
        (None, _) => "offline",
        (Some(_), None) if worker.rests_until().is_none() => "online",
        (Some(_), Some(hold)) if hold.draining && running > 0 => "draining",
        (Some(_), _) => "paused",
    }
}

/// A scheduler with what waits for it.
pub(super) fn scheduler(scheduler: &config::Scheduler, master: &Master) -> wire::Scheduler {
    let state = master.state();
    let waiting = state.waiting_of(&scheduler.name).map(|(change, _)| change.0).collect();
    let enabled = schedule::is_enabled(state, scheduler);
    convert::scheduler(scheduler, enabled, timers::next_fire(state, scheduler), waiting)
}

/// A change source with its durable cursor; what its task does at the moment is laid over by who asks for it.
pub(super) fn source(source: &config::Source, state: &State) -> wire::Source {
    let repository = match &source.kind {
        SourceKind::Git(git) => git.repository.clone(),
        SourceKind::Hg(hg) => hg.repository.clone(),
        SourceKind::Svn(svn) => svn.repository.clone(),
        SourceKind::Maildir(maildir) => maildir.path.clone(),
        SourceKind::Gerrit(gerrit) => gerrit.repository(""),
        SourceKind::Webhook(_) => String::new(),
    };
    let cursor = state.source(&source.name);
    let error = cursor.and_then(|cursor| cursor.error.clone());
    wire::Source {
        name: source.name.to_string(),
        kind: source.kind.word().to_owned(),
        repository: without_passwords(&repository),
        codebase: source.codebase.as_ref().map(ToString::to_string).unwrap_or_default(),
        enabled: true,
        state: if error.is_some() { "failing" } else { "idle" }.to_owned(),
        last_poll_at_ms: None,
        next_poll_at_ms: None,
        last_error: error.unwrap_or_default(),
        tips: cursor.map(|cursor| cursor.tips.clone().into_iter().collect()).unwrap_or_default(),
    }
}
