//! Schedulers: when to build what (semantics.md 2 and 3).

use std::collections::BTreeMap;

use serde_json::Value;

use super::Clock;
pub use super::source::TextPattern as Pattern;
use crate::hooks::HookId;
use crate::id::{BuilderName, CodebaseName, SchedulerName};
use crate::time::Span;

/// A scheduler.
#[derive(Clone, PartialEq, Debug)]
pub struct Scheduler {
    /// Its name.
    pub name: SchedulerName,
    /// What it asks for.
    pub builders: Vec<BuilderName>,
    /// A function that picks some of them for what is wanted (TS-11); one that errs leaves them all.
    pub choice: Option<HookId>,
    /// `None`: all declared ones (F7).
    pub codebases: Option<Vec<CodebaseName>>,
    /// Laid over the arguments, under the changes' (TS-11).
    pub properties: BTreeMap<String, Value>,
    /// Of its requests (TS-12).
    pub priority: i32,
    /// A function of the builders' names and the changes that gives the priority instead (F25); one that errs leaves it as
    /// it is.
    pub priority_hook: Option<HookId>,
    /// The buildset's reason; empty: made from the kind.
    pub reason: String,
    /// Whether it acts (CH-12).
    pub enabled: bool,
    /// When it fires.
    pub kind: SchedulerKind,
}

/// What makes a scheduler fire.
#[derive(Clone, PartialEq, Debug)]
pub enum SchedulerKind {
    /// Changes of one branch; one timer for the scheduler (TS-5).
    SingleBranch(BranchTimer),
    /// Changes of any branch; one timer for each (codebase, project, repository, branch) (TS-5).
    AnyBranch(BranchTimer),
    /// The clock, so long after the last time (PN-1).
    Periodic(Clock),
    /// The clock, at times of day (PN-2).
    Nightly(Clock),
    /// Another scheduler's buildset that ended well (DP-1).
    Dependent(Dependent),
    /// People.
    Force(ForceScheduler),
    /// A trigger step of another build (TR-1).
    Triggerable,
    /// People, with a patch of their own (TY-1).
    Try,
}

impl SchedulerKind {
    /// The word for people and JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SingleBranch(_) => "single_branch",
            Self::AnyBranch(_) => "any_branch",
            Self::Periodic(_) => "periodic",
            Self::Nightly(_) => "nightly",
            Self::Dependent(_) => "dependent",
            Self::Force(_) => "force",
            Self::Triggerable => "triggerable",
            Self::Try => "try",
        }
    }
}

/// What both branch schedulers share.
#[derive(Clone, PartialEq, Debug)]
pub struct BranchTimer {
    /// Which changes (CF-*).
    pub filter: ChangeFilter,
    /// `None`: each important change at once (TS-1).
    pub tree_stable_timer: Option<Span>,
    /// From the first important change; then it fires however busy the branch is (TS-6 better).
    pub max_wait: Option<Span>,
    /// Which changes are worth a build.
    pub importance: Importance,
    /// Unimportant changes are dropped rather than built along (CH-11).
    pub only_important: bool,
}

/// What builds on top of what another scheduler built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependent {
    /// The other scheduler.
    pub upstream: SchedulerName,
}

/// Which changes are worth a build. All that is given must agree.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Importance {
    /// A function of the change; one that errs says yes (F43).
    pub hook: Option<HookId>,
    /// Some file must match; empty: any (F8).
    pub important_files: Vec<Pattern>,
    /// Some file must match none of these; empty: any (F8).
    pub unimportant_files: Vec<Pattern>,
}

/// A branch in a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BranchPattern {
    /// The default branch: a change without one (CF-5 better, F6).
    Default,
    /// By value or glob.
    Named(Pattern),
}

/// Which changes a scheduler takes; empty lists take any. All that is given must hold (CF-1).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChangeFilter {
    /// Any of these branches.
    pub branch: Vec<BranchPattern>,
    /// None of these branches.
    pub branch_not: Vec<BranchPattern>,
    /// Matches from the start of the branch (F6); a change without one does not.
    pub branch_re: Option<String>,
    /// Must not match so.
    pub branch_not_re: Option<String>,
    /// By the name of the attribute, `project repository category codebase author committer comments revision`: any of
    /// these. A change without a revision has none of these, and matches nothing.
    pub is: BTreeMap<String, Vec<Pattern>>,
    /// None of these.
    pub is_not: BTreeMap<String, Vec<Pattern>>,
    /// Matches from the start.
    pub matches: BTreeMap<String, String>,
    /// Must not match so.
    pub matches_not: BTreeMap<String, String>,
    /// Some file matches one of these.
    pub files: Vec<Pattern>,
    /// No file matches any of these.
    pub files_not: Vec<Pattern>,
    /// Some file matches from its start.
    pub files_re: Option<String>,
    /// No file matches so.
    pub files_not_re: Option<String>,
    /// By the name of a property: any of these. A change without that property has none of them (CF-4).
    pub property: BTreeMap<String, Vec<Pattern>>,
    /// None of these.
    pub property_not: BTreeMap<String, Vec<Pattern>>,
    /// Matches from the start; a change without that property does not (CF-4).
    pub property_re: BTreeMap<String, String>,
    /// Must not match so.
    pub property_not_re: BTreeMap<String, String>,
    /// A function of the change; one that errs takes it.
    pub hook: Option<HookId>,
}

/// What people fill in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ForceScheduler {
    /// `None`: any property is taken as text (C20).
    pub parameters: Option<Vec<ForceParameter>>,
}

/// One field (FO-1).
#[derive(Clone, PartialEq, Debug)]
pub struct ForceParameter {
    /// The property it fills; `reason` fills the reason (C21).
    pub name: String,
    /// For people; empty: the name.
    pub label: String,
    /// When nothing is given.
    pub default: Value,
    /// An empty or blank value is a mistake (FO-3).
    pub required: bool,
    /// What it takes.
    pub kind: ParameterKind,
    /// What its value becomes.
    pub fills: Fills,
}

/// What the value of a field becomes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Fills {
    /// The property of the field's name.
    #[default]
    Property,
    /// A part of a codebase's source stamp; no property.
    Stamp {
        /// Of which codebase.
        codebase: CodebaseName,
        /// Which part.
        part: StampPart,
    },
    /// A part of the patch that is laid over a codebase; no property.
    Patch {
        /// Over which codebase; `None`: the only one of the builders.
        codebase: Option<CodebaseName>,
        /// Which part.
        part: PatchPart,
    },
}

impl Fills {
    /// The codebase of whose source stamp it is a part, if it is one.
    #[must_use]
    pub const fn codebase(&self) -> Option<&CodebaseName> {
        match self {
            Self::Stamp { codebase, .. } => Some(codebase),
            Self::Property | Self::Patch { .. } => None,
        }
    }
}

/// What a form asks of a codebase (FO-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StampPart {
    /// Empty: the default branch.
    Branch,
    /// Empty: the tip.
    Revision,
    /// Empty: the codebase's own.
    Repository,
    /// Empty: the codebase's own.
    Project,
}

/// What a form asks of a patch (PA-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatchPart {
    /// The diff; empty: there is no patch.
    Body,
    /// As `patch -p`.
    Level,
    /// Empty: who forces.
    Author,
    /// What for.
    Comment,
    /// Where in the tree it applies.
    Subdir,
}

/// What a field takes (config.md, F40).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParameterKind {
    /// One line; matches the expression whole, at most so many bytes.
    Text {
        /// An expression to match whole, if any.
        regex: Option<String>,
        /// In bytes.
        max_size: u64,
        /// Several lines are allowed.
        multiline: bool,
    },
    /// A whole number.
    Int,
    /// Yes or no; missing is no (FO-3).
    Bool,
    /// One of these, or several.
    Choice {
        /// What may be chosen.
        choices: Vec<String>,
        /// Several, as a list (C44).
        multiple: bool,
    },
    /// Who forces.
    Username {
        /// Must be one with a mail address; who is known without one adds it.
        need_email: bool,
    },
    /// One of the workers that all the builders have, which the builds are then for; empty: any.
    Worker,
    /// Always its default (FO-3).
    Fixed,
    /// Makes the form take any further property.
    AnyProperty,
}

impl ParameterKind {
    /// The word of the wire and the manual.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text { multiline: false, .. } => "string",
            Self::Text { multiline: true, .. } => "text",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Choice { .. } => "choice",
            Self::Username { .. } => "username",
            Self::Worker => "worker",
            Self::Fixed => "fixed",
            Self::AnyProperty => "any_property",
        }
    }
}
