//! Which changes a scheduler takes (CF-*). Patterns and expressions are compiled once for each configuration.
//!
//! Globs are over the whole value and `*` crosses `/`; expressions match from the start (F6, CF-1). A change without a
//! branch satisfies every negative condition and no positive expression (CF-2); so does one without a revision, or without
//! the property that is asked for (CF-4).

mod held;
mod value;

#[cfg(test)]
mod tests;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use crate::change::Change;
use crate::config::{BranchPattern, ChangeFilter, Pattern};
use crate::hooks::{Argument, HookError, HookId, Hooks};
use crate::view::{change_view, truthy};
pub(crate) use held::Held;
use value::Values;

/// A value or a glob.
#[derive(Debug)]
pub(crate) enum Matcher {
    Exact(String),
    Glob(Box<GlobMatcher>),
}

impl Matcher {
    /// Text with `*`, `?` or `[` is a glob, other text is itself; a glob that does not compile too, though the
    /// configuration's check refuses it first.
    pub(crate) fn new(pattern: &Pattern) -> Self {
        let text = &pattern.0;
        if !text.contains(['*', '?', '[']) {
            return Self::Exact(text.clone());
        }
        match GlobBuilder::new(text).literal_separator(false).build() {
            Ok(glob) => Self::Glob(Box::new(glob.compile_matcher())),
            Err(_) => Self::Exact(text.clone()),
        }
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Exact(value) => value == text,
            Self::Glob(glob) => glob.is_match(text),
        }
    }

    pub(crate) fn all(patterns: &[Pattern]) -> Vec<Self> {
        patterns.iter().map(Self::new).collect()
    }
}

pub(crate) fn any(matchers: &[Matcher], text: &str) -> bool {
    matchers.iter().any(|matcher| matcher.is_match(text))
}

/// An expression that matches from the start. One that does not compile matches nothing; the check refuses it first.
#[derive(Debug)]
struct Prefix(Option<Regex>);

impl Prefix {
    fn new(text: &str) -> Self {
        Self(Regex::new(text).ok())
    }

    fn is_match(&self, text: &str) -> bool {
        let found = self.0.as_ref().and_then(|regex| regex.find(text));
        found.is_some_and(|found| found.start() == 0)
    }
}

#[derive(Debug)]
enum Branch {
    Default,
    Named(Matcher),
}

impl Branch {
    fn is_match(&self, branch: Option<&str>) -> bool {
        match (self, branch) {
            (Self::Default, None) => true,
            (Self::Named(matcher), Some(branch)) => matcher.is_match(branch),
            _ => false,
        }
    }
}

/// A [`ChangeFilter`], ready to be asked.
#[derive(Debug)]
pub(crate) struct CompiledFilter {
    branch: Vec<Branch>,
    branch_not: Vec<Branch>,
    branch_re: Option<Prefix>,
    branch_not_re: Option<Prefix>,
    attributes: Values,
    properties: Values,
    files: Vec<Matcher>,
    files_not: Vec<Matcher>,
    files_re: Option<Prefix>,
    files_not_re: Option<Prefix>,
    hook: Option<HookId>,
}

/// What a filter says.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The condition that does not hold, as `(rule, detail)`, where the rule is the name of the argument in `master.star`;
    /// `None`: all hold.
    pub(crate) against: Option<(String, String)>,
    /// A function that erred: it was taken as a yes.
    pub(crate) error: Option<(HookId, HookError)>,
}

impl CompiledFilter {
    pub(crate) fn new(filter: &ChangeFilter) -> Self {
        let branches = |patterns: &[BranchPattern]| {
            let branch = |pattern: &BranchPattern| match pattern {
                BranchPattern::Default => Branch::Default,
                BranchPattern::Named(pattern) => Branch::Named(Matcher::new(pattern)),
            };
            patterns.iter().map(branch).collect()
        };
        Self {
            branch: branches(&filter.branch),
            branch_not: branches(&filter.branch_not),
            branch_re: filter.branch_re.as_deref().map(Prefix::new),
            branch_not_re: filter.branch_not_re.as_deref().map(Prefix::new),
            attributes: Values::new(
                &filter.is,
                &filter.is_not,
                &filter.matches,
                &filter.matches_not,
            ),
            properties: Values::new(
                &filter.property,
                &filter.property_not,
                &filter.property_re,
                &filter.property_not_re,
            ),
            files: Matcher::all(&filter.files),
            files_not: Matcher::all(&filter.files_not),
            files_re: filter.files_re.as_deref().map(Prefix::new),
            files_not_re: filter.files_not_re.as_deref().map(Prefix::new),
            hook: filter.hook.clone(),
        }
    }

    /// Whether every condition holds (CF-1); the function is asked last.
    pub(crate) fn judge(&self, change: &Change, hooks: &dyn Hooks) -> Verdict {
        let against =
            self.branch_against(change).or_else(|| self.attributes.against_attribute(change));
        let against = against.or_else(|| self.files_against(change));
        let against = against.or_else(|| self.properties.against_property(change));
        let (None, Some(hook)) = (&against, &self.hook) else {
            return Verdict { against, error: None };
        };
        match hooks.call(hook, &[Argument::Object(change_view(change))]) {
            Ok(value) if truthy(&value) => Verdict { against: None, error: None },
            Ok(_) => {
                let against = Some(("fn".to_owned(), format!("{} says no", hook.label)));
                Verdict { against, error: None }
            }
            Err(error) => Verdict { against: None, error: Some((hook.clone(), error)) },
        }
    }

    fn branch_against(&self, change: &Change) -> Option<(String, String)> {
        let branch = change.branch.as_deref();
        let against = |rule: &str, detail| Some((rule.to_owned(), detail));
        let shown = || branch.map_or("the default branch".to_owned(), |name| format!("`{name}`"));
        if !self.branch.is_empty() && !self.branch.iter().any(|it| it.is_match(branch)) {
            return against("branch", format!("{} is none of its branches", shown()));
        }
        if self.branch_not.iter().any(|it| it.is_match(branch)) {
            return against("branch_not", format!("{} is left out", shown()));
        }
        if let Some(expression) = &self.branch_re
            && !branch.is_some_and(|branch| expression.is_match(branch))
        {
            return against("branch_re", format!("{} does not match", shown()));
        }
        if let Some(expression) = &self.branch_not_re
            && branch.is_some_and(|branch| expression.is_match(branch))
        {
            return against("branch_not_re", format!("{} matches", shown()));
        }
        None
    }

    fn files_against(&self, change: &Change) -> Option<(String, String)> {
        let files = &change.files;
        let against = |rule: &str, detail: String| Some((rule.to_owned(), detail));
        let none = || "none of its files matches".to_owned();
        let left_out = |file: &String| format!("`{file}` is left out");
        if !self.files.is_empty() && !files.iter().any(|file| any(&self.files, file)) {
            return against("files", none());
        }
        if let Some(file) = files.iter().find(|file| any(&self.files_not, file)) {
            return against("files_not", left_out(file));
        }
        if let Some(expression) = &self.files_re
            && !files.iter().any(|file| expression.is_match(file))
        {
            return against("files_re", none());
        }
        let expression = self.files_not_re.as_ref()?;
        let file = files.iter().find(|file| expression.is_match(file))?;
        against("files_not_re", left_out(file))
    }
}
