//! What following another configuration would change, in words: one difference a line (C30, RC-6 better).
//!
//! The plan is a pure function of both configurations and the unfinished work, so what is shown before is what is done after. It says
//! what happens to what runs and waits. Things are the same by what they say, not by where their text stands: a function
//! that moved or was commented is no difference (`shape`).

mod builder;
mod scheduler;
mod shape;
mod site;
#[cfg(test)]
mod tests;
mod work;

use std::fmt;

use crate::config::Config;
use shape::Shapes;
pub use work::Work;

/// What becomes of a thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sign {
    /// It is new.
    Add,
    /// It is another than before.
    Change,
    /// It is no more.
    Remove,
}

impl Sign {
    /// The sign of C30.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Remove => "-",
        }
    }
}

/// One difference: a line of C30.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What becomes of it.
    pub sign: Sign,
    /// The sort of thing: `master property project codebase source lock worker builder scheduler canceller secret`.
    pub kind: &'static str,
    /// Its name; of the master, which setting.
    pub name: String,
    /// What differs, and what happens to what runs and waits. A clause each.
    pub details: Vec<String>,
}

impl fmt::Display for Difference {
    /// `~ worker w3: max_builds 1 -> 2; builders +linux`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.sign.sign(), self.kind, self.name)?;
        if !self.details.is_empty() {
            write!(f, ": {}", self.details.join("; "))?;
        }
        Ok(())
    }
}

/// What would change if `new` were followed instead of `old`, site first, then kind by kind, each in the order of names.
#[must_use]
pub fn plan(old: &Config, new: &Config, work: &Work) -> Vec<Difference> {
    let shapes = Shapes { old, new };
    let mut differences = Vec::new();
    site::master(&shapes, &mut differences);
    site::properties(&shapes, &mut differences);
    site::projects(&shapes, &mut differences);
    site::codebases(&shapes, &mut differences);
    site::sources(&shapes, &mut differences);
    site::locks(&shapes, &mut differences);
    site::workers(&shapes, work, &mut differences);
    builder::builders(&shapes, work, &mut differences);
    scheduler::schedulers(&shapes, work, &mut differences);
    site::cancellers(&shapes, &mut differences);
    site::retention(&shapes, &mut differences);
    site::secrets(&shapes, &mut differences);
    differences
}

/// `1 running build`, `2 running builds`.
fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
