//! What is kept of a build and what was deleted: pins, the marks that a deletion leaves, and deletions themselves.

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, ConfigDigest};
use crate::time::Timestamp;

/// Somebody wants a build to stay, with all that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pin {
    /// Why, in their words.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// What is left of something that retention has deleted: when, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cleared {
    /// When.
    pub at: Timestamp,
    /// The rule as it would be written: `logs = 180d`.
    pub rule: String,
}

/// What becomes of a build after its end.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Keeping {
    /// It stays whatever the rules say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// Its logs are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Cleared>,
    /// Its artifacts are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Cleared>,
}

impl Keeping {
    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.pin.is_none() && self.logs.is_none() && self.artifacts.is_none()
    }

    /// The build's logs were deleted. State and stores call this alike, and the next one.
    pub fn clear_logs(&mut self, gone: &GoneBuild, at: Timestamp) {
        self.logs = Some(Cleared { at, rule: gone.rule.clone() });
    }

    /// Its artifacts were.
    pub fn clear_artifacts(&mut self, gone: &GoneBuild, at: Timestamp) {
        self.artifacts = Some(Cleared { at, rule: gone.rule.clone() });
    }
}

/// A build, or what belongs to one, that goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GoneBuild {
    /// Which build.
    pub id: BuildId,
    /// The same, for people.
    pub build: BuildRef,
    /// When the build ended.
    pub ended: Timestamp,
    /// The rule by which it goes.
    pub rule: String,
    /// What its files take, as they were recorded.
    #[serde(default)]
    pub bytes: u64,
}

/// What the steps of a build counted, which goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GoneStatistics {
    /// Of which build, if that is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<BuildId>,
    /// The same, for people.
    pub build: BuildRef,
    /// When that ended.
    pub ended: Timestamp,
    /// The rule by which it goes.
    pub rule: String,
}

/// A bite of history that is deleted in one commit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Deletion {
    /// When.
    pub at: Timestamp,
    /// Whole builds, with their logs and artifacts. What they counted has rules of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<GoneBuild>,
    /// The logs of builds that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<GoneBuild>,
    /// The artifacts of builds that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<GoneBuild>,
    /// What builds counted, whether they stay or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<GoneStatistics>,
    /// Buildsets with their requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buildsets: Vec<BuildsetId>,
    /// Changes. Their keys stay as long as others do, so that none is taken in anew (I2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeId>,
    /// Texts of configurations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<ConfigDigest>,
}

impl Deletion {
    /// How many things go.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.builds.len()
            + self.logs.len()
            + self.artifacts.len()
            + self.statistics.len()
            + self.buildsets.len()
            + self.changes.len()
            + self.configs.len()
    }

    /// Whether nothing goes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How much a pass has deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Builds.
    pub builds: u64,
    /// Builds whose logs alone went.
    pub logs: u64,
    /// Builds whose artifacts alone went.
    pub artifacts: u64,
    /// Builds whose numbers went.
    pub statistics: u64,
    /// Buildsets.
    pub buildsets: u64,
    /// Changes.
    pub changes: u64,
    /// Texts of configurations.
    pub configs: u64,
    /// Of logs and artifacts, as they were recorded.
    pub bytes: u64,
}

impl Totals {
    /// Counts a bite.
    pub fn count(&mut self, deletion: &Deletion) {
        self.builds += deletion.builds.len() as u64;
        self.logs += deletion.logs.len() as u64;
        self.artifacts += deletion.artifacts.len() as u64;
        self.statistics += deletion.statistics.len() as u64;
        self.buildsets += deletion.buildsets.len() as u64;
        self.changes += deletion.changes.len() as u64;
        self.configs += deletion.configs.len() as u64;
        let files = deletion.builds.iter().chain(&deletion.logs).chain(&deletion.artifacts);
        self.bytes += files.map(|gone| gone.bytes).sum::<u64>();
    }
}

/// The name of a builder's build, without its id.
#[must_use]
pub fn build_ref(builder: &BuilderName, number: u32) -> BuildRef {
    BuildRef { builder: builder.clone(), number }
}
