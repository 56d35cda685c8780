//! The things a console shows, from the core's rows and what is worked out beside them.

use linn_core::config::{self, Config, LockMode, ParameterKind, SchedulerKind};
use linn_core::lock::LockView;
use linn_core::model::{
    Build, BuildRequest, BuildState, Buildset, Cleared, Log, NOT_RUN, Notice, SinceGood, Step,
    StepState, Test, Wait, Worker,
};
use linn_core::results::Results;
use linn_core::schedule::is_enabled;
use linn_core::state::State;
use linn_core::time::Timestamp;
use linn_proto::entity as wire;

use super::words::{at, at_opt, properties, results, results_of, stamps};

/// A build, without its properties: [`properties`] adds them where they are wanted.
pub(crate) fn build(build: &Build, eta: Option<Timestamp>, usual_ms: Option<i64>) -> wire::Build {
    wire::Build {
        builder: build.builder.to_string(),
        number: build.number,
        id: build.id.0,
        request_ids: build.requests.iter().map(|request| request.0).collect(),
        worker: build.worker.to_string(),
        state: state(build.state()).into(),
        results: if build.complete_at.is_some() { results(build.results).into() } else { 0 },
        started_at_ms: at(build.started_at),
        complete_at_ms: at_opt(build.complete_at),
        eta_ms: at_opt(eta),
        reason: build.reason.clone(),
        sourcestamps: stamps(&build.stamps),
        got_revision: build.got_revision.clone().into_iter().collect(),
        blamelist: build.blame.blamelist.clone(),
        changes: build.blame.changes.iter().map(|change| change.0).collect(),
        since_good: Some(since_good(&build.blame.since_good)),
        properties: Vec::new(),
        steps: build.steps.iter().map(|one| step(build, one)).collect(),
        attempt: build.attempt,
        config: build.config.to_string(),
        text: build.text.clone(),
        buildset: build.buildset.0,
        worker_lost: build.lost_since.is_some() && build.complete_at.is_none(),
        scheduler: build.scheduler.clone(),
        usual_ms,
        new_failure: build.new_failure,
        stop_reason: build.stop.as_ref().map(|stop| stop.reason.clone()).unwrap_or_default(),
        pin: build.keeping.pin.as_ref().map(|pin| wire::Pin {
            reason: pin.reason.clone(),
            by: pin.by.clone(),
            at_ms: at(pin.at),
        }),
        logs_deleted: build.keeping.logs.as_ref().map(cleared),
        artifacts_deleted: build.keeping.artifacts.as_ref().map(cleared),
    }
}

fn cleared(cleared: &Cleared) -> wire::Cleared {
    wire::Cleared { at_ms: at(cleared.at), rule: cleared.rule.clone() }
}

fn state(state: BuildState) -> wire::BuildState {
    match state {
        BuildState::Starting => wire::BuildState::Starting,
        BuildState::Running => wire::BuildState::Running,
        BuildState::Stopping => wire::BuildState::Stopping,
        BuildState::Finished => wire::BuildState::Finished,
    }
}

fn since_good(since: &SinceGood) -> wire::SinceGood {
    wire::SinceGood {
        build: since.build.as_ref().map(ToString::to_string).unwrap_or_default(),
        changes: since.changes.iter().map(|change| change.0).collect(),
        blamelist: since.blamelist.clone(),
    }
}

/// A step.
fn step(build: &Build, step: &Step) -> wire::Step {
    let left_out = build.left_out(step);
    let state = match step.state() {
        StepState::Pending if left_out => wire::StepState::Finished,
        StepState::Pending => wire::StepState::Pending,
        StepState::Waiting => wire::StepState::Waiting,
        StepState::Running => wire::StepState::Running,
        StepState::Finished => wire::StepState::Finished,
    };
    wire::Step {
        number: step.number.0,
        name: step.name.clone(),
        state: state.into(),
        results: results_of(if left_out { Some(Results::Skipped) } else { step.results }),
        started_at_ms: at_opt(step.started_at),
        complete_at_ms: at_opt(step.complete_at),
        eta_ms: None,
        text: match step.state() {
            StepState::Pending if left_out => NOT_RUN.to_owned(),
            StepState::Waiting => waits_for(step),
            _ => step.text.clone(),
        },
        logs: step.logs.iter().map(log).collect(),
        urls: step
            .urls
            .iter()
            .map(|url| wire::Url { name: url.name.clone(), url: url.url.clone() })
            .collect(),
        statistics: step.statistics.clone().into_iter().collect(),
        hidden: step.hidden,
        command: step.shown.clone(),
        usual_ms: None,
        progress: None,
        tests: Vec::new(),
    }
}

/// How far the running step of a build is; a build that nothing is known of stays as it is.
pub(crate) fn set_progress(build: &mut wire::Build, share: Option<f64>) {
    let running = |step: &&mut wire::Step| step.state() == wire::StepState::Running;
    if let Some(step) = build.steps.iter_mut().find(running) {
        step.progress = share;
    }
}

/// The tests of a build's steps that failed, added where they are wanted, as properties are.
pub(crate) fn set_tests(wire: &mut wire::Build, build: &Build) {
    for (out, step) in wire.steps.iter_mut().zip(&build.steps) {
        let test = |test: &Test| wire::Test {
            name: test.name.clone(),
            result: test.result.word().to_owned(),
            seconds: test.duration,
        };
        out.tests = step.tests.iter().map(test).collect();
    }
}

/// `waits for the lock db`.
fn waits_for(step: &Step) -> String {
    let keys: Vec<_> = step.locks.iter().map(|share| share.key.to_string()).collect();
    match keys.as_slice() {
        [only] => format!("waits for the lock {only}"),
        _ => format!("waits for the locks {}", keys.join(", ")),
    }
}

/// A lock.
pub(crate) fn lock(lock: &LockView) -> wire::Lock {
    let shares = |shares: &[(String, LockMode)]| {
        let share = |(who, mode): &(String, LockMode)| wire::LockShare {
            who: who.clone(),
            count: match mode {
                LockMode::Counting(count) => Some(*count),
                LockMode::Exclusive => None,
            },
        };
        shares.iter().map(share).collect()
    };
    wire::Lock {
        name: lock.key.lock.to_string(),
        scope: lock.scope.word().to_owned(),
        worker: lock.key.worker.as_ref().map(ToString::to_string).unwrap_or_default(),
        capacity: lock.capacity,
        holders: shares(&lock.holders),
        waiters: shares(&lock.waiters),
    }
}

fn log(log: &Log) -> wire::Log {
    wire::Log {
        name: log.name.clone(),
        bytes: log.bytes,
        lines: log.lines,
        complete: log.complete,
        id: log.id.0,
        truncated: log.dropped > 0,
    }
}

/// A build in a row of its builder's.
pub(crate) fn summary(build: &Build) -> wire::BuildSummary {
    wire::BuildSummary {
        number: build.number,
        results: if build.complete_at.is_some() { results(build.results).into() } else { 0 },
        state: state(build.state()).into(),
        started_at_ms: at(build.started_at),
        complete_at_ms: at_opt(build.complete_at),
    }
}

/// What a request's buildset tells about it.
#[derive(Default)]
pub(crate) struct Asked {
    /// The buildset's.
    pub reason: String,
    /// The buildset's.
    pub stamps: Vec<linn_proto::common::SourceStamp>,
    /// People of its changes, or who forced it.
    pub owners: Vec<String>,
}

/// A request.
pub(crate) fn request(
    request: &BuildRequest,
    waits: Vec<wire::Wait>,
    asked: Asked,
) -> wire::BuildRequest {
    wire::BuildRequest {
        id: request.id.0,
        builder: request.builder.to_string(),
        buildset: request.buildset.0,
        priority: request.priority,
        submitted_at_ms: at(request.submitted_at),
        claimed_at_ms: at_opt(request.claimed_at),
        complete_at_ms: at_opt(request.complete_at),
        results: results_of(request.results),
        builds: request
            .builds
            .iter()
            .map(|(_, number)| format!("{}#{number}", request.builder))
            .collect(),
        merged_into: request.merged_into.map(|id| id.0),
        waits,
        reason: asked.reason,
        sourcestamps: asked.stamps,
        owners: asked.owners,
    }
}

/// Why a request does not run.
pub(crate) fn waits(waits: &[Wait]) -> Vec<wire::Wait> {
    waits
        .iter()
        .map(|wait| wire::Wait {
            kind: wait.kind.word().to_owned(),
            detail: wait.detail.clone(),
            until_ms: at_opt(wait.until),
        })
        .collect()
}

/// A buildset.
pub(crate) fn buildset(buildset: &Buildset) -> wire::Buildset {
    wire::Buildset {
        id: buildset.id.0,
        reason: buildset.reason.clone(),
        scheduler: buildset.scheduler.clone(),
        submitted_at_ms: at(buildset.submitted_at),
        complete_at_ms: at_opt(buildset.complete_at),
        results: results_of(buildset.results),
        sourcestamps: stamps(&buildset.stamps),
        requests: buildset.requests.iter().map(|request| request.0).collect(),
        external_id: buildset.external_id.clone(),
        properties: properties(&buildset.properties),
        rebuild_of: buildset.rebuild_of.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// What is worked out about a builder.
pub(crate) struct BuilderFacts {
    /// `idle building offline paused`.
    pub state: &'static str,
    /// Requests that wait.
    pub pending: usize,
    /// Builds that run.
    pub running: usize,
    /// Newest first.
    pub recent: Vec<wire::BuildSummary>,
    /// When the running build is expected to end.
    pub eta: Option<Timestamp>,
    /// How long successful ones take.
    pub usual_ms: Option<i64>,
    /// No worker that exists could ever run it.
    pub never_start: bool,
    /// Its force forms.
    pub forms: Vec<wire::ForceForm>,
}

/// A builder.
pub(crate) fn builder(
    builder: &config::Builder,
    config: &Config,
    facts: BuilderFacts,
) -> wire::Builder {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    wire::Builder {
        name: builder.name.to_string(),
        description: builder.description.clone(),
        tags: builder.tags.clone(),
        project: builder.project.clone(),
        workers: builder.workers.iter().map(ToString::to_string).collect(),
        state: facts.state.to_owned(),
        pending: count(facts.pending),
        running: count(facts.running),
        recent: facts.recent,
        eta_ms: at_opt(facts.eta),
        usual_ms: facts.usual_ms,
        forms: facts.forms,
        never_start: facts.never_start,
        codebases: config.codebases_of(builder).iter().map(ToString::to_string).collect(),
    }
}

/// The force forms that serve a builder, in the order declared (C21).
pub(crate) fn forms(
    builder: &config::Builder,
    config: &Config,
    state: &State,
) -> Vec<wire::ForceForm> {
    config
        .schedulers
        .iter()
        .filter(|scheduler| {
            is_enabled(state, scheduler) && scheduler.builders.contains(&builder.name)
        })
        .filter_map(|scheduler| match &scheduler.kind {
            SchedulerKind::Force(force) => Some(wire::ForceForm {
                scheduler: scheduler.name.to_string(),
                parameters: {
                    let fields = force.parameters.iter().flatten();
                    fields.map(|field| parameter(field, builder)).collect()
                },
            }),
            _ => None,
        })
        .collect()
}

fn parameter(
    parameter: &config::ForceParameter,
    builder: &config::Builder,
) -> wire::ForceParameter {
    let mut out = wire::ForceParameter {
        name: parameter.name.clone(),
        label: if parameter.label.is_empty() {
            parameter.name.clone()
        } else {
            parameter.label.clone()
        },
        kind: parameter.kind.word().to_owned(),
        default_json: parameter.default.to_string(),
        required: parameter.required,
        codebase: parameter.fills.codebase().map(ToString::to_string),
        ..wire::ForceParameter::default()
    };
    match &parameter.kind {
        ParameterKind::Text { regex, max_size, .. } => {
            out.regex = regex.clone().unwrap_or_default();
            out.max_size = *max_size;
        }
        ParameterKind::Choice { choices, multiple } => {
            out.choices.clone_from(choices);
            out.multiple = *multiple;
        }
        ParameterKind::Worker => {
            out.choices = builder.workers.iter().map(ToString::to_string).collect();
        }
        ParameterKind::Int
        | ParameterKind::Bool
        | ParameterKind::Username { .. }
        | ParameterKind::Fixed
        | ParameterKind::AnyProperty => {}
    }
    out
}

/// What is worked out about a worker.
pub(crate) struct WorkerFacts {
    /// `online offline paused draining missing`.
    pub state: &'static str,
    /// Builds it runs, as references.
    pub running: Vec<String>,
    /// Builders that may use it.
    pub builders: Vec<String>,
    /// When it was last heard of.
    pub last_seen: Option<Timestamp>,
}

impl WorkerFacts {
    /// The worker: as declared, as known, or both.
    pub(crate) fn entity(
        self,
        name: &str,
        declared: Option<&config::Worker>,
        known: Option<&Worker>,
    ) -> wire::Worker {
        let info = known.map(|worker| worker.info.clone()).unwrap_or_default();
        let own = declared.into_iter().flat_map(|worker| &worker.properties);
        wire::Worker {
            name: name.to_owned(),
            state: self.state.to_owned(),
            version: info.version,
            platform: info.platform,
            admin: info.admin,
            connected_at_ms: known.and_then(|worker| at_opt(worker.connected_at)),
            last_seen_at_ms: at_opt(self.last_seen),
            running: self.running,
            max_builds: declared.and_then(|worker| worker.max_builds),
            builders: self.builders,
            properties: own
                .map(|(name, value)| {
                    super::property(name, value, linn_core::properties::Origin::Worker)
                })
                .collect(),
            paused_reason: known.map(paused_reason).unwrap_or_default(),
        }
    }
}

/// Why a worker takes no new build: because somebody says so, or because builds went wrong on it (LW-5).
fn paused_reason(worker: &Worker) -> String {
    match (&worker.hold, &worker.quarantine) {
        (Some(hold), _) => hold.reason.clone(),
        (None, Some(rest)) if rest.until.is_some() => rest.words(),
        (None, _) => String::new(),
    }
}

/// A scheduler.
pub(crate) fn scheduler(
    scheduler: &config::Scheduler,
    enabled: bool,
    next_fire: Option<Timestamp>,
    waiting: Vec<u64>,
) -> wire::Scheduler {
    wire::Scheduler {
        name: scheduler.name.to_string(),
        kind: scheduler.kind.word().to_owned(),
        enabled,
        builders: scheduler.builders.iter().map(ToString::to_string).collect(),
        next_fire_at_ms: at_opt(next_fire),
        waiting_changes: waiting,
    }
}

/// Something notable; `log` is the reference of the failing step's log, or empty.
pub(crate) fn notice(notice: &Notice, seq: u64, moment: Timestamp) -> wire::Notice {
    let build = notice.build.as_ref().map(ToString::to_string).unwrap_or_default();
    let log = match (&notice.build, notice.step.as_str()) {
        (Some(build), step) if !step.is_empty() => format!("{build}/{step}/stdio"),
        _ => String::new(),
    };
    wire::Notice {
        seq,
        at_ms: at(moment),
        kind: notice.kind.word().to_owned(),
        subject: notice.subject.clone(),
        text: notice.text.clone(),
        key: notice.key.clone(),
        people: notice.people.clone(),
        build,
        step: notice.step.clone(),
        log,
    }
}
