//! A configuration while it is being put together: what was declared so far, what was mentioned, what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{BuilderPolicy, Collapse, Config, LockAccess};
use linn_core::hooks::HookId;
use linn_core::id::ConfigDigest;
use linn_core::time::Span;

use super::calls::Calls;
use super::problem::{Place, Problem, quote};

/// What a name is the name of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Project,
    Codebase,
    Source,
    Worker,
    Lock,
    Builder,
    Scheduler,
}

impl Kind {
    /// The word for people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Codebase => "codebase",
            Self::Source => "change source",
            Self::Worker => "worker",
            Self::Lock => "lock",
            Self::Builder => "builder",
            Self::Scheduler => "scheduler",
        }
    }

    /// The function that declares one.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Codebase => "codebase",
            Self::Source => "git_poller",
            Self::Worker => "worker",
            Self::Lock => "lock",
            Self::Builder => "builder",
            Self::Scheduler => "any_branch_scheduler",
        }
    }

    /// Such names become folders, and some disks do not tell `A` from `a`.
    const fn is_folder(self) -> bool {
        matches!(self, Self::Worker | Self::Builder)
    }
}

/// A name used before anybody can know whether it is declared.
#[derive(Debug)]
pub(super) struct Mention {
    pub kind: Kind,
    pub name: String,
    pub place: Place,
    /// Who mentions it: "builder `linux`".
    pub by: String,
    /// Whether it is a slip only where others of the kind are declared.
    pub if_any: bool,
}

/// A builder's policy as far as it was given; the rest is the site's (contract.md F1).
#[derive(Clone, Debug, Default)]
pub(super) struct PolicyGiven {
    pub lost_after: Option<Option<Span>>,
    pub max_retries: Option<u32>,
    pub collapse: Option<Collapse>,
    pub next_build: Option<HookId>,
    pub next_worker: Option<HookId>,
    pub can_start_build: Option<HookId>,
    pub max_time: Option<Option<Span>>,
}

impl PolicyGiven {
    /// What this says, else what the other says, else linn's own default.
    pub(super) fn or(&self, site: &Self) -> BuilderPolicy {
        let own = BuilderPolicy::default();
        BuilderPolicy {
            lost_after: self.lost_after.or(site.lost_after).unwrap_or(own.lost_after),
            max_retries: self.max_retries.or(site.max_retries).unwrap_or(own.max_retries),
            collapse: either(&self.collapse, &site.collapse).unwrap_or(own.collapse),
            next_build: either(&self.next_build, &site.next_build),
            next_worker: either(&self.next_worker, &site.next_worker),
            can_start_build: either(&self.can_start_build, &site.can_start_build),
            max_time: self.max_time.or(site.max_time).unwrap_or(own.max_time),
        }
    }
}

/// The first that was given.
fn either<T: Clone>(one: &Option<T>, other: &Option<T>) -> Option<T> {
    one.as_ref().or(other.as_ref()).cloned()
}

/// At most so many problems are kept, lest a mistake in a loop fill the screen.
const MAX_PROBLEMS: usize = 1000;

/// What is being put together.
#[derive(Debug)]
pub(super) struct Draft {
    pub config: Config,
    pub problems: Vec<Problem>,
    pub notes: Vec<Problem>,
    pub calls: Calls,
    pub hooks: Vec<HookId>,
    pub declared: BTreeMap<(Kind, String), Place>,
    /// The declared names that become folders, by their spelling in small letters.
    folders: BTreeMap<(Kind, String), String>,
    pub mentions: Vec<Mention>,
    /// Names given to functions that are not there: whether they would be declared is unknown, so nobody who mentions them
    /// is blamed.
    pub phantoms: BTreeSet<String>,
    /// Builders whose history has rules of its own, by name, and where.
    pub kept_builders: Vec<(String, Place)>,
    /// Every way in which a lock is taken, and where.
    pub takings: Vec<(LockAccess, Place)>,
    /// Some of the text was not evaluated, so nobody knows what else it would have declared.
    pub unsure: bool,
    pub master: Option<Place>,
    pub site_policy: PolicyGiven,
    pub policies: BTreeMap<String, PolicyGiven>,
    /// Where the steps of each builder were made.
    pub factories: BTreeMap<String, Vec<Place>>,
    /// What trigger steps name.
    pub triggered: Vec<(String, Place)>,
}

impl Draft {
    /// Nothing yet.
    pub(super) fn new(digest: ConfigDigest, calls: Calls, problems: Vec<Problem>) -> Self {
        Self {
            config: Config::empty(digest),
            problems,
            notes: Vec::new(),
            calls,
            hooks: Vec::new(),
            declared: BTreeMap::new(),
            folders: BTreeMap::new(),
            mentions: Vec::new(),
            phantoms: BTreeSet::new(),
            kept_builders: Vec::new(),
            takings: Vec::new(),
            unsure: false,
            master: None,
            site_policy: PolicyGiven::default(),
            policies: BTreeMap::new(),
            factories: BTreeMap::new(),
            triggered: Vec::new(),
        }
    }

    /// Something is wrong. The same thing at the same place is wrong once, however often a loop comes by.
    pub(super) fn problem(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let problem = Problem::at(place, message, hint);
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Something is worth saying.
    pub(super) fn note(&mut self, place: &Place, message: impl Into<String>) {
        let note = Problem::at(place, message, "");
        if self.notes.len() < MAX_PROBLEMS && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Declares a name; false when it was declared before, which is a problem (F28: both places are named).
    pub(super) fn declare(&mut self, kind: Kind, name: &str, place: &Place) -> bool {
        let folded = (kind, name.to_lowercase());
        let clash = self.declared.get_key_value(&(kind, name.to_owned())).or_else(|| {
            let other = self.folders.get(&folded)?;
            self.declared.get_key_value(&(kind, other.clone()))
        });
        let Some(((_, other), first)) = clash else {
            if kind.is_folder() {
                self.folders.insert(folded, name.to_owned());
            }
            self.declared.insert((kind, name.to_owned()), place.clone());
            return true;
        };
        let message = if other == name {
            format!("{} {} is declared twice; the first is at {first}", kind.word(), quote(name))
        } else {
            format!(
                "{} {} differs from {} at {first} only by case",
                kind.word(),
                quote(name),
                quote(other)
            )
        };
        self.problem(place, message, "give one of them another name");
        false
    }

    /// A name is used; whether it is declared is looked at in the end, since the order of the text does not matter.
    pub(super) fn mention(&mut self, kind: Kind, name: &str, place: &Place, by: &str) {
        self.push_mention(kind, name, place, by, false);
    }

    /// The same of a name that nobody need declare, unless others of its kind are.
    pub(super) fn mention_if_any(&mut self, kind: Kind, name: &str, place: &Place, by: &str) {
        self.push_mention(kind, name, place, by, true);
    }

    fn push_mention(&mut self, kind: Kind, name: &str, place: &Place, by: &str, if_any: bool) {
        let (name, place, by) = (name.to_owned(), place.clone(), by.to_owned());
        self.mentions.push(Mention { kind, name, place, by, if_any });
    }

    /// Where a step of a builder was made.
    pub(super) fn step_place(&self, builder: &str, step: usize) -> Place {
        let made = self.factories.get(builder).and_then(|places| places.get(step));
        made.cloned().unwrap_or_else(|| self.declared_at(Kind::Builder, builder))
    }

    /// Where a thing is declared.
    pub(super) fn declared_at(&self, kind: Kind, name: &str) -> Place {
        self.declared.get(&(kind, name.to_owned())).cloned().unwrap_or_default()
    }

    /// All names declared of a kind, in order.
    pub(super) fn names(&self, kind: Kind) -> Vec<&str> {
        let named = self.declared.keys().filter(|(other, _)| *other == kind);
        named.map(|(_, name)| name.as_str()).collect()
    }
}
