//! What a command told besides its exit code (F17, F19 to F21), and what is asked of it beforehand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Url;

/// All of it, told with the command's end. The edge has bounded it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The beginning of its standard error, when the output was asked for and the two were kept apart.
    pub captured_err: Vec<u8>,
    /// Lines of its logs that count as warnings.
    pub warnings: u64,
    /// Links, those that were told before too.
    pub urls: Vec<Url>,
    /// Numbers by name.
    pub statistics: BTreeMap<String, f64>,
    /// Tests; `None`: there were none, and none were asked for.
    pub tests: Option<TestResults>,
    /// Lines that it reported and that say nothing.
    pub mistakes: u64,
    /// Where the first of them is, and what is wrong with it.
    pub first_mistake: String,
}

// A number in it is never NaN: the edge takes finite ones only, so equality is total.
impl Eq for Said {}

/// What came of a step's tests (F20).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TestResults {
    /// All of them.
    pub total: u64,
    /// Those that are well.
    pub passed: u64,
    /// Those that are not.
    pub failed: u64,
    /// Those that did not run.
    pub skipped: u64,
    /// Those that failed, as far as there is room.
    pub failures: Vec<Test>,
    /// Why there are no results, or not all of them: a clause. Empty: there are.
    pub trouble: String,
}

impl Eq for TestResults {}

/// One test.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Test {
    /// As its program calls it.
    pub name: String,
    /// How it went.
    pub result: TestResult,
    /// How long it took, in seconds; `None`: nobody said. Never NaN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
}

impl Eq for Test {}

/// How a test went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestResult {
    /// Well.
    Passed,
    /// Not.
    Failed,
    /// It did not run.
    Skipped,
}

impl TestResult {
    /// The word of F21.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a worker looks for in what a program writes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Lines that match are warnings (F19).
    pub warning_pattern: Option<String>,
    /// But not these.
    pub suppressions: Vec<Suppression>,
    /// Counted warnings are copied to the log of this name.
    pub warning_log: Option<String>,
    /// Test results are looked for (F20).
    pub report: Option<TestReport>,
}

/// Warnings that do not count: whatever is given must fit (F19).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Suppression {
    /// An expression; it matches from the start of the file's name.
    pub file: Option<String>,
    /// An expression; it matches anywhere in the warning's text.
    pub text: Option<String>,
    /// From this line of the file on.
    pub first: Option<u64>,
    /// Up to this line.
    pub last: Option<u64>,
}

/// Where test results are, and how they are written (F20).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TestReport {
    /// `junit tap libtest subunit`.
    pub format: String,
    /// Below the step's work folder; `*` stands for any file. `None`: standard output.
    pub path: Option<String>,
}
