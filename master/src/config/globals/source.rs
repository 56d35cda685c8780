//! `git_poller`: where changes come from.

use linn_core::config::{GitHistory, GitOnly, GitPoller, Source, SourceKind, Vcs};
use linn_core::id::{CodebaseName, SourceName};
use linn_core::time::Span;

use super::site::{branch_patterns, by, mentioned, polled};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "git_poller",
    group: Group::Sources,
    doc: "Looks at a git repository from time to time and tells of new commits. The first look only remembers the tips. A commit whose message has `[ci skip]` or `[skip ci]` is left out.",
    positional: 1,
    parameters: &[POLLER],
    open: false,
    example: "git_poller(\"zork\", repository = \"https://git.example/zork.git\", branches = [\"main\", \"release/*\"], interval = \"30s\")",
    call: git_poller,
}];

static POLLER: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("repository", Type::Text, "", "A URL or an absolute path."),
    param(
        "branches",
        Type::Picked,
        "the repository's default branch",
        "Which branches: names and globs, `\"*\"`: all; `[]` with `tags`: tags alone. Or a function of a ref's full name, as `refs/heads/main`, or `refs/tags/v1` with `tags`. While it fails, so does the poll.",
    ),
    param("interval", Type::Duration, "\"60s\"", "Between two looks; at least one second."),
    param("codebase", Type::Text, "found by the repository", "What its changes belong to."),
    param("project", Type::Text, "\"\"", "Of its changes."),
    param("category", Type::Text, "\"\"", "Of its changes."),
    param(
        "build_pushes_with_no_commits",
        Type::Flag,
        "False",
        "One change for the tip of a new branch whose commits are all known.",
    ),
    param(
        "build_first_tip",
        Type::Flag,
        "False",
        "One change for the tip of each branch at the very first look.",
    ),
    param(
        "tags",
        Type::Flag,
        "False",
        "New and moved tags are changes, too, on the branch `refs/tags/NAME`.",
    ),
    param(
        "history",
        Type::Text,
        "\"first_parent\"",
        "Which new commits are changes: those on the line of first parents, or `\"full\"`: what was merged, too.",
    ),
];

/// Between two looks, unless the file says otherwise.
const DEFAULT_INTERVAL: Span = Span::seconds(60);

fn git_poller(call: &mut Call<'_, '_>) -> Outcome {
    let only = only(call);
    let kind = SourceKind::Git(GitPoller {
        repository: polled(call, Vcs::Git),
        branches: if only.is_some() { Vec::new() } else { branch_patterns(call, "branches") },
        only,
        interval: interval(call),
        build_pushes_with_no_commits: call.flag("build_pushes_with_no_commits", false),
        build_first_tip: call.flag("build_first_tip", false),
        tags: call.flag("tags", false),
        history: call.choice("history", &GitHistory::ALL).unwrap_or_default(),
    });
    declare(call, kind)
}

/// GP-4: what is looked at where no branches are named.
fn only(call: &Call<'_, '_>) -> Option<GitOnly> {
    if let Some(hook) = call.hook_or_none("branches", "ref") {
        return Some(GitOnly::Picked(hook));
    }
    // Without tags either, an empty list says no more than none: files that `linn init` wrote have one.
    (call.is_bare("branches") && call.flag("tags", false)).then_some(GitOnly::Tags)
}

/// How often a source looks.
pub(super) fn interval(call: &Call<'_, '_>) -> Span {
    match call.duration("interval") {
        Some(Some(span)) if span >= Span::seconds(1) => span,
        Some(Some(span)) => {
            let message = format!("an interval of {span} is too short");
            call.problem("interval", message, "at least \"1s\"");
            DEFAULT_INTERVAL
        }
        _ => DEFAULT_INTERVAL,
    }
}

/// Declares a source with what all sources are given: its name, and what its changes belong to.
pub(super) fn declare(call: &mut Call<'_, '_>, kind: SourceKind) -> Outcome {
    let by = by(call);
    let codebase = mentioned(call, "codebase", Kind::Codebase, &by);
    let project = mentioned(call, "project", Kind::Project, &by).unwrap_or_default();
    let category = call.text("category").unwrap_or_default();
    let Some(name) = call.name(Kind::Source) else { return Outcome::Mistake };
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Source, &name, &here) {
        let name = SourceName::from(name.as_str());
        let codebase = codebase.map(CodebaseName::from);
        let source = Source { name: name.clone(), codebase, project, category, kind };
        draft.config.sources.insert(name, source);
    }
    Outcome::Text(name)
}
