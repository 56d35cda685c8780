//! A worker as the master knows it.

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, BuildRef, WorkerName};
use crate::results::Results;
use crate::time::{Span, Timestamp};

/// What is known of a worker, declared or once seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Worker {
    /// Its name.
    pub name: WorkerName,
    /// Which folder it runs from: a name belongs to one at a time (architecture.md 7).
    pub instance: String,
    /// What it said of itself.
    pub info: WorkerInfo,
    /// When its present session began; `None`: it has none.
    pub connected_at: Option<Timestamp>,
    /// When its last session ended.
    pub lost_at: Option<Timestamp>,
    /// Takes no new build (LW-7, C27).
    pub hold: Option<Hold>,
    /// Builds went wrong on it, and none has ended well since (LW-5).
    pub quarantine: Option<Quarantine>,
    /// When its last build ended: the longest idle is taken first.
    pub idle_since: Option<Timestamp>,
}

impl Worker {
    /// One that was never connected.
    #[must_use]
    pub fn new(name: WorkerName) -> Self {
        Self {
            name,
            instance: String::new(),
            info: WorkerInfo::default(),
            connected_at: None,
            lost_at: None,
            hold: None,
            quarantine: None,
            idle_since: None,
        }
    }

    /// Whether it was ever connected. One that was not is known because somebody paused it beforehand (C27).
    #[must_use]
    pub const fn was_seen(&self) -> bool {
        self.connected_at.is_some() || self.lost_at.is_some()
    }

    /// Until when it takes no new build because builds went wrong on it (LW-5); `None`: it may take one.
    #[must_use]
    pub fn rests_until(&self) -> Option<Timestamp> {
        self.quarantine.as_ref()?.until
    }

    /// A build ended: what was wrong with it before is over if it ended as builds do, well or not (LW-5). One that was
    /// stopped, or that ran nothing, says nothing of its worker.
    pub fn build_ended(&mut self, results: Results, at: Timestamp) {
        self.idle_since = Some(at);
        if matches!(results, Results::Success | Results::Warnings | Results::Failure) {
            self.quarantine = None;
        }
    }
}

/// Builds in a row that went wrong on a worker, and the pause that it takes (LW-5). Kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quarantine {
    /// How many.
    pub builds: u32,
    /// The last of them.
    pub last: BuildRef,
    /// What went wrong with it.
    pub why: String,
    /// When it did.
    pub at: Timestamp,
    /// The newest build of all that had begun by then: those up to it share this trouble.
    pub newest: BuildId,
    /// It takes no new build until then. `None`: it may take one, but none has ended well since.
    pub until: Option<Timestamp>,
}

/// So many make the first pause longer than the longest.
const MAX_DOUBLINGS: u32 = 9;

impl Quarantine {
    /// The pause after the first build.
    const FIRST: Span = Span::seconds(10);
    /// The longest pause.
    pub const LONGEST: Span = Span::minutes(60);

    /// One more build went wrong: the pause is twice as long as after the one before. The first that is to be tried again
    /// counts, but is tried again at once (LW-1).
    #[must_use]
    pub fn after(
        before: Option<&Self>,
        last: BuildRef,
        results: Results,
        why: String,
        (at, newest): (Timestamp, BuildId),
    ) -> Self {
        let builds = before.map_or(1, |before| before.builds.saturating_add(1));
        let pause = Span(Self::FIRST.0 << (builds - 1).min(MAX_DOUBLINGS)).min(Self::LONGEST);
        let rests = builds > 1 || results == Results::Exception;
        Self { builds, last, why, at, newest, until: rests.then(|| at + pause) }
    }

    /// For how long it takes no new build, if so, and why; for people.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { builds, last, why, at, until, .. } = self;
        let pause = until.map(|until| format!("rests for {}: ", until - *at)).unwrap_or_default();
        match builds {
            1 => format!("{pause}{last} went wrong on it: {why}"),
            _ => format!(
                "{pause}{builds} builds in a row went wrong on it, the last was {last}: {why}"
            ),
        }
    }
}

/// Why a worker takes no new build. Kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// In somebody's words; may be empty.
    pub reason: String,
    /// Asked for as a drain: shown as `draining` while it still builds, then as `paused`.
    pub draining: bool,
    /// When.
    pub at: Timestamp,
}

/// What a worker says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerInfo {
    /// Of linn.
    pub version: String,
    /// `linux-x86_64` ...
    pub platform: String,
    /// Who looks after it.
    pub admin: String,
    /// Its host name.
    pub host: String,
    /// Changes with each start of the machine.
    pub boot_id: String,
    /// Processors.
    pub cpus: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Where it lives on its machine; empty: it does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
}
