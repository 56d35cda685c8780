//! What is now true: facts in the past tense, durable before anything happens because of them.
//!
//! A record is applied to the state by `State::apply` and to the tables by the store's commit, by the same rule, so that
//! `load(tables) == state`. Records are also the journal's events: [`Record::kind`] and [`Record::subject`] are the words
//! of contract.md C15. They are never replayed, so only the latest version of each must be readable.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Change, Commit, SourceStamp};
use crate::config::StepSpec;
use crate::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, CodebaseName, CommandId, ConfigDigest,
    RequestId, SchedulerName, SourceName, StepNumber, WorkerName,
};
use crate::model::{
    Artifact, Blame, Build, BuildRequest, Buildset, Child, CommandSpec, Deletion, Hold, LockShare,
    Log, Notice, Pin, Quarantine, Stop, Test, Totals, Url, WorkerInfo,
};
use crate::properties::Origin;
use crate::results::Results;
use crate::time::Timestamp;

/// A thing that a record is about, or that a command made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A change.
    Change(ChangeId),
    /// A buildset.
    Buildset(BuildsetId),
    /// A request.
    Request(RequestId),
    /// A build.
    Build(BuildRef),
    /// A step, by name.
    Step(BuildRef, String),
    /// A builder.
    Builder(BuilderName),
    /// A worker.
    Worker(WorkerName),
    /// A scheduler.
    Scheduler(SchedulerName),
    /// A change source.
    Source(SourceName),
    /// The master itself.
    Master,
}

impl fmt::Display for Subject {
    /// The reference of cli.md.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(id) => id.fmt(f),
            Self::Buildset(id) => id.fmt(f),
            Self::Request(id) => id.fmt(f),
            Self::Build(build) => build.fmt(f),
            Self::Step(build, step) => write!(f, "{build}/{step}"),
            Self::Builder(name) => name.fmt(f),
            Self::Worker(name) => name.fmt(f),
            Self::Scheduler(name) => name.fmt(f),
            Self::Source(name) => name.fmt(f),
            Self::Master => f.write_str("master"),
        }
    }
}

/// A fact. Those about a build carry its id for the store and its reference for people.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A change was taken in (CH-6).
    ChangeAdded(Box<Change>),
    /// More of a repository's graph is known.
    CommitsLearned {
        /// Whose.
        repository: String,
        /// What.
        commits: Vec<Commit>,
    },
    /// A scheduler with a timer keeps a change for its next firing (TS-3).
    ChangeClassified {
        /// Which scheduler.
        scheduler: SchedulerName,
        /// Which change.
        change: ChangeId,
        /// Whether it is worth a build.
        important: bool,
    },
    /// A scheduler fired: these kept changes are used up (TS-3).
    SchedulerFired {
        /// Which.
        scheduler: SchedulerName,
        /// What it used up.
        changes: Vec<ChangeId>,
        /// When.
        at: Timestamp,
    },
    /// Somebody enabled or disabled a scheduler (CH-12).
    SchedulerSwitched {
        /// Which.
        scheduler: SchedulerName,
        /// Whether it acts from now on.
        enabled: bool,
        /// Whether its configuration says otherwise; if not, it does again as it is configured.
        against_config: bool,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A scheduler goes by other slots from now on, or by none, or watches for changes elsewhere (PN-1, PN-7).
    SchedulerTimed {
        /// Which.
        scheduler: SchedulerName,
        /// The slots, in words; empty: none.
        schedule: String,
        /// Where it looks for changes, in words; empty: nowhere.
        watches: String,
        /// When.
        at: Timestamp,
    },
    /// A source has looked, and something was new: the cursor as it now is (GP-6).
    SourceAdvanced {
        /// Which.
        source: SourceName,
        /// Branch → tip; replaces what was.
        tips: BTreeMap<String, String>,
    },
    /// A source cannot look (told once, until it recovers or fails otherwise).
    SourceFailed {
        /// Which.
        source: SourceName,
        /// A sentence.
        error: String,
    },
    /// A source that failed looks again.
    SourceRecovered {
        /// Which.
        source: SourceName,
    },
    /// Something is to be built (BS-1). Its requests follow in the same commit.
    BuildsetAdded(Box<Buildset>),
    /// By one builder.
    RequestAdded(BuildRequest),
    /// A request's priority was changed (CA-6).
    RequestPrioritised {
        /// Which.
        request: RequestId,
        /// To what.
        priority: i32,
    },
    /// The stamps of a buildset are what its repositories say, once for all its builds (SS-3).
    BuildsetResolved {
        /// Which.
        buildset: BuildsetId,
        /// All of its stamps, as they are now.
        stamps: Vec<SourceStamp>,
        /// Codebases whose repository did not say, and why: each of its builds takes the tip that it finds.
        unknown: Vec<(CodebaseName, String)>,
    },
    /// A request went back to the queue after a lost worker, with its id and age (LW-1).
    RequestReturned {
        /// Which.
        request: RequestId,
    },
    /// A request is over.
    RequestFinished {
        /// Which.
        request: RequestId,
        /// How.
        results: Results,
        /// When.
        at: Timestamp,
        /// Who ended it while it waited (CA-1); empty: its build did, and says more.
        #[serde(default)]
        by: String,
        /// Why, in their words.
        #[serde(default)]
        why: String,
    },
    /// The first member that makes a buildset's failure certain (BS-3).
    BuildsetFirstFailure {
        /// Which.
        buildset: BuildsetId,
        /// Which member.
        request: RequestId,
    },
    /// A buildset is over (BS-2).
    BuildsetFinished {
        /// Which.
        buildset: BuildsetId,
        /// How.
        results: Results,
        /// When.
        at: Timestamp,
    },
    /// A build began; its requests are claimed by it, all its steps are planned.
    BuildStarted(Box<Build>),
    /// A build's blame was worked out anew, as it obtained another revision than was asked for (SS-3).
    BuildBlamed {
        /// Which.
        id: BuildId,
        /// Which, for people.
        build: BuildRef,
        /// Who.
        blame: Blame,
    },
    /// A function made steps: what all the steps of the build do from now on (F39).
    StepsAdded {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// The place of the one that stood for them.
        step: StepNumber,
        /// Of all its steps.
        recipe: Vec<StepSpec>,
    },
    /// A step's turn has come, and it waits for its locks (LK-2).
    StepWaiting {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Which.
        step: StepNumber,
        /// Its name.
        name: String,
        /// Since when.
        at: Timestamp,
        /// What for.
        locks: Vec<LockShare>,
    },
    /// A step began, and its command may run from now on.
    StepStarted {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Which.
        step: StepNumber,
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// What is run, as shown to people.
        shown: String,
        /// What its recipe says of it while it runs; may be empty.
        #[serde(default)]
        text: String,
        /// Its command, if it has one on a worker.
        spec: Option<Box<CommandSpec>>,
        /// Its logs so far.
        logs: Vec<Log>,
        /// What it holds from now on.
        locks: Vec<LockShare>,
    },
    /// A step has asked other schedulers for builds (TR-1).
    StepTriggered {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Which.
        step: StepNumber,
        /// Its name.
        name: String,
        /// What its build is for: each of them knows the children.
        requests: Vec<RequestId>,
        /// What is new.
        children: Vec<Child>,
        /// What the step waits for, what an earlier try has triggered included.
        waits_for: Vec<BuildsetId>,
    },
    /// A buildset that a step triggered is over.
    ChildFinished {
        /// What the step's build is for.
        request: RequestId,
        /// Which.
        buildset: BuildsetId,
        /// How.
        results: Results,
    },
    /// A running step told a link (F21).
    StepLinked {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Which.
        step: StepNumber,
        /// Its name.
        name: String,
        /// What it linked to.
        url: Url,
    },
    /// A step is over, skipped ones too.
    StepFinished {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Which.
        step: StepNumber,
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// How.
        results: Results,
        /// In words.
        text: String,
        /// All its logs, complete.
        logs: Vec<Log>,
        /// What it linked to.
        urls: Vec<Url>,
        /// What it counted.
        statistics: BTreeMap<String, f64>,
        /// Its tests that failed.
        #[serde(default)]
        tests: Vec<Test>,
        /// Whether it is hidden.
        hidden: bool,
        /// The build's results with this step's (BL-2).
        build_results: Results,
        /// Whether only always-run steps follow (BL-4).
        ending: bool,
    },
    /// A step kept a file on the master; one of the same name in the same build is replaced. Only the store knows it: nothing
    /// is decided by it.
    ArtifactAdded {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// The step's name.
        step: String,
        /// Which file.
        artifact: Artifact,
    },
    /// A running build has a property anew. `got_revision` is the map of C9.
    PropertySet {
        /// Of which build.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
        /// Who set it.
        source: Origin,
    },
    /// Somebody wants a build to end (CA-2).
    BuildStopping {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Why and how.
        stop: Stop,
    },
    /// A build's worker is gone; it is waited for (F3).
    BuildOrphaned {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Since when.
        at: Timestamp,
    },
    /// A build's worker is back, and the build goes on.
    BuildResumed {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
    },
    /// A build is over.
    BuildFinished {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// How.
        results: Results,
        /// In words (BL-11).
        text: String,
        /// When.
        at: Timestamp,
        /// Red, and its predecessor was not.
        new_failure: bool,
    },
    /// A worker dialled in and was taken.
    WorkerConnected {
        /// Which.
        worker: WorkerName,
        /// Of its folder.
        instance: String,
        /// What it says of itself.
        info: WorkerInfo,
        /// When.
        at: Timestamp,
    },
    /// A worker's session ended.
    WorkerLost {
        /// Which.
        worker: WorkerName,
        /// When.
        at: Timestamp,
    },
    /// A worker takes no new build.
    WorkerPaused {
        /// Which.
        worker: WorkerName,
        /// Why and how.
        hold: Hold,
    },
    /// Somebody lets a worker take builds again.
    WorkerResumed {
        /// Which.
        worker: WorkerName,
    },
    /// A build went wrong on a worker, which may take no new one for a while (LW-5).
    WorkerTroubled {
        /// Which.
        worker: WorkerName,
        /// How many in a row, why, and until when it rests.
        quarantine: Quarantine,
    },
    /// It has rested for long enough.
    WorkerReleased {
        /// Which.
        worker: WorkerName,
    },
    /// Another configuration is followed.
    ConfigApplied {
        /// Which.
        digest: ConfigDigest,
        /// When.
        at: Timestamp,
    },
    /// Somebody wants a build to stay, or gives another reason.
    BuildPinned {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Why and by whom.
        pin: Pin,
    },
    /// A build goes by the rules again.
    BuildUnpinned {
        /// Which.
        id: BuildId,
        /// The same, for people.
        build: BuildRef,
        /// Who says so.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Retention goes by other rules from now on, or by none.
    RetentionTimed {
        /// In words; empty: none.
        rules: String,
        /// When.
        at: Timestamp,
    },
    /// A bite of history is no more. Ids and numbers are never given again.
    HistoryDeleted(Box<Deletion>),
    /// Retention went through all history.
    RetentionApplied {
        /// When it was through.
        at: Timestamp,
        /// Who asked for it; empty: the rules themselves.
        by: String,
        /// What it deleted.
        totals: Totals,
    },
    /// People should be told.
    NoticeRaised(Box<Notice>),
    /// An asking with an id was answered so; the same id again gets this answer.
    AskingAnswered {
        /// Its id.
        request_id: String,
        /// What it made or changed.
        made: Vec<Subject>,
        /// When.
        at: Timestamp,
    },
    /// An asking was refused.
    InputRefused {
        /// Which verb.
        verb: String,
        /// What it was to be done to, by its reference.
        about: String,
        /// Who asked.
        who: String,
        /// Why.
        what: String,
    },
    /// A command that nobody waits for any more ended; its bytes are kept, its result is not taken (I4).
    StaleResultRefused {
        /// Which.
        command: CommandId,
        /// Of which worker.
        worker: WorkerName,
    },
}

impl Record {
    /// The event's kind: the record's name in snake_case (contract.md C15).
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ChangeAdded(_) => "change_added",
            Self::CommitsLearned { .. } => "commits_learned",
            Self::ChangeClassified { .. } => "change_classified",
            Self::SchedulerFired { .. } => "scheduler_fired",
            Self::SchedulerSwitched { .. } => "scheduler_switched",
            Self::SchedulerTimed { .. } => "scheduler_timed",
            Self::SourceAdvanced { .. } => "source_advanced",
            Self::SourceFailed { .. } => "source_failed",
            Self::SourceRecovered { .. } => "source_recovered",
            Self::BuildsetAdded(_) => "buildset_added",
            Self::RequestAdded(_) => "request_added",
            Self::RequestPrioritised { .. } => "request_prioritised",
            Self::BuildsetResolved { .. } => "buildset_resolved",
            Self::RequestReturned { .. } => "request_returned",
            Self::RequestFinished { .. } => "request_finished",
            Self::BuildsetFirstFailure { .. } => "buildset_first_failure",
            Self::BuildsetFinished { .. } => "buildset_finished",
            Self::BuildStarted(_) => "build_started",
            Self::BuildBlamed { .. } => "build_blamed",
            Self::StepsAdded { .. } => "steps_added",
            Self::StepWaiting { .. } => "step_waiting",
            Self::StepStarted { .. } => "step_started",
            Self::StepTriggered { .. } => "step_triggered",
            Self::ChildFinished { .. } => "child_finished",
            Self::StepLinked { .. } => "step_linked",
            Self::StepFinished { .. } => "step_finished",
            Self::ArtifactAdded { .. } => "artifact_added",
            Self::PropertySet { .. } => "property_set",
            Self::BuildStopping { .. } => "build_stopping",
            Self::BuildOrphaned { .. } => "build_orphaned",
            Self::BuildResumed { .. } => "build_resumed",
            Self::BuildFinished { .. } => "build_finished",
            Self::WorkerConnected { .. } => "worker_connected",
            Self::WorkerLost { .. } => "worker_lost",
            Self::WorkerPaused { .. } => "worker_paused",
            Self::WorkerResumed { .. } => "worker_resumed",
            Self::WorkerTroubled { .. } => "worker_troubled",
            Self::WorkerReleased { .. } => "worker_released",
            Self::ConfigApplied { .. } => "config_applied",
            Self::BuildPinned { .. } => "build_pinned",
            Self::BuildUnpinned { .. } => "build_unpinned",
            Self::RetentionTimed { .. } => "retention_timed",
            Self::HistoryDeleted(_) => "history_deleted",
            Self::RetentionApplied { .. } => "retention_applied",
            Self::NoticeRaised(_) => "notice_raised",
            Self::AskingAnswered { .. } => "asking_answered",
            Self::InputRefused { .. } => "input_refused",
            Self::StaleResultRefused { .. } => "stale_result_refused",
        }
    }

    /// All of those words.
    pub const KINDS: [&'static str; 48] = [
        "change_added",
        "commits_learned",
        "change_classified",
        "scheduler_fired",
        "scheduler_switched",
        "scheduler_timed",
        "source_advanced",
        "source_failed",
        "source_recovered",
        "buildset_added",
        "request_added",
        "request_prioritised",
        "buildset_resolved",
        "request_returned",
        "request_finished",
        "buildset_first_failure",
        "buildset_finished",
        "build_started",
        "build_blamed",
        "steps_added",
        "step_waiting",
        "step_started",
        "step_triggered",
        "child_finished",
        "step_linked",
        "step_finished",
        "artifact_added",
        "property_set",
        "build_stopping",
        "build_orphaned",
        "build_resumed",
        "build_finished",
        "worker_connected",
        "worker_lost",
        "worker_paused",
        "worker_resumed",
        "worker_troubled",
        "worker_released",
        "config_applied",
        "build_pinned",
        "build_unpinned",
        "retention_timed",
        "history_deleted",
        "retention_applied",
        "notice_raised",
        "asking_answered",
        "input_refused",
        "stale_result_refused",
    ];

    /// What it is about, by the reference of cli.md (contract.md C15).
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::ChangeAdded(change) => change.id.to_string(),
            Self::CommitsLearned { repository, .. } => repository.clone(),
            Self::ChangeClassified { scheduler, .. }
            | Self::SchedulerFired { scheduler, .. }
            | Self::SchedulerSwitched { scheduler, .. }
            | Self::SchedulerTimed { scheduler, .. } => scheduler.to_string(),
            Self::SourceAdvanced { source, .. }
            | Self::SourceFailed { source, .. }
            | Self::SourceRecovered { source } => source.to_string(),
            Self::BuildsetAdded(buildset) => buildset.id.to_string(),
            Self::RequestAdded(request) => request.id.to_string(),
            Self::RequestPrioritised { request, .. }
            | Self::RequestReturned { request }
            | Self::ChildFinished { request, .. }
            | Self::RequestFinished { request, .. } => request.to_string(),
            Self::BuildsetResolved { buildset, .. }
            | Self::BuildsetFirstFailure { buildset, .. }
            | Self::BuildsetFinished { buildset, .. } => buildset.to_string(),
            Self::BuildStarted(build) => build.reference().to_string(),
            Self::StepWaiting { build, name, .. }
            | Self::StepStarted { build, name, .. }
            | Self::StepTriggered { build, name, .. }
            | Self::StepLinked { build, name, .. }
            | Self::StepFinished { build, name, .. }
            | Self::ArtifactAdded { build, step: name, .. } => {
                format!("{build}/{name}")
            }
            Self::BuildBlamed { build, .. }
            | Self::StepsAdded { build, .. }
            | Self::PropertySet { build, .. }
            | Self::BuildStopping { build, .. }
            | Self::BuildOrphaned { build, .. }
            | Self::BuildResumed { build, .. }
            | Self::BuildPinned { build, .. }
            | Self::BuildUnpinned { build, .. }
            | Self::BuildFinished { build, .. } => build.to_string(),
            Self::WorkerConnected { worker, .. }
            | Self::WorkerLost { worker, .. }
            | Self::WorkerPaused { worker, .. }
            | Self::WorkerResumed { worker }
            | Self::WorkerTroubled { worker, .. }
            | Self::WorkerReleased { worker }
            | Self::StaleResultRefused { worker, .. } => worker.to_string(),
            Self::ConfigApplied { digest, .. } => digest.to_string(),
            Self::RetentionTimed { .. }
            | Self::HistoryDeleted(_)
            | Self::RetentionApplied { .. } => Subject::Master.to_string(),
            Self::NoticeRaised(notice) => notice.subject.clone(),
            Self::AskingAnswered { request_id, .. } => request_id.clone(),
            Self::InputRefused { about, .. } => about.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that is not among them could not be asked for.
    #[test]
    fn all_kinds_are_listed() {
        let source = include_str!("record.rs");
        let kinds = source.split("fn kind(").nth(1).unwrap().split("fn subject(").next().unwrap();
        let words: Vec<&str> = kinds
            .lines()
            .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
            .collect();
        assert_eq!(words, Record::KINDS);
    }
}
