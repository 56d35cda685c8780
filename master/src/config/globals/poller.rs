//! `hg_poller` and `svn_poller`: repositories that are no git (F48).

use linn_core::config::{HgPoller, SourceKind, SvnLayout, SvnPoller, Vcs};

use super::site::{branch_patterns, polled};
use super::source::{declare, interval};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "hg_poller",
        group: Group::Sources,
        doc: "Looks at a Mercurial repository from time to time and tells of new changesets, each on its named branch. The \
              first look only remembers the tips. Over ssh, `~/.ssh/config` says how; hg's own `ui.ssh` is not used.",
        positional: 1,
        parameters: &[HG, REST],
        open: false,
        example: "hg_poller(\"zork\", repository = \"https://hg.example/zork\", branches = [\"default\", \"stable-*\"])",
        call: hg_poller,
    },
    Function {
        name: "svn_poller",
        group: Group::Sources,
        doc: "Looks at a Subversion repository, or at a project in one, from time to time and tells of new revisions. In the \
              standard layout the trunk is the default branch, and `branches/NAME` is the branch of that name; a revision \
              that touches two of them is a change of each. With `layout = \"none\"` all of it is the default branch. The \
              first look only remembers.",
        positional: 1,
        parameters: &[SVN, REST],
        open: false,
        example: "svn_poller(\"zork\", repository = \"https://svn.example/repos/zork\", branches = [\"trunk\", \"branches/release-*\"])",
        call: svn_poller,
    },
];

static HG: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("repository", Type::Text, "", "A URL or an absolute path."),
    param("branches", Type::Patterns, "\"default\"", "Which named branches; `\"*\"`: all."),
];

static SVN: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("repository", Type::Text, "", "A URL or an absolute path: what has `trunk` in it."),
    param("branches", Type::Patterns, "all", "Which, as `trunk` and `branches/NAME`."),
    param("layout", Type::Text, "\"standard\"", "Where branches are."),
    param("tags", Type::Flag, "False", "New tags are changes, too, on the branch `tags/NAME`."),
];

static REST: &[Parameter] = &[
    param("interval", Type::Duration, "\"60s\"", "Between two looks; at least one second."),
    param("codebase", Type::Text, "found by the repository", "What its changes belong to."),
    param("project", Type::Text, "\"\"", "Of its changes."),
    param("category", Type::Text, "\"\"", "Of its changes."),
    param(
        "build_pushes_with_no_commits",
        Type::Flag,
        "False",
        "One change for a new branch without anything new on it.",
    ),
    param(
        "build_first_tip",
        Type::Flag,
        "False",
        "One change for the tip of each branch at the very first look.",
    ),
];

fn hg_poller(call: &mut Call<'_, '_>) -> Outcome {
    let kind = SourceKind::Hg(HgPoller {
        repository: polled(call, Vcs::Hg),
        branches: branch_patterns(call, "branches"),
        interval: interval(call),
        build_pushes_with_no_commits: call.flag("build_pushes_with_no_commits", false),
        build_first_tip: call.flag("build_first_tip", false),
    });
    declare(call, kind)
}

fn svn_poller(call: &mut Call<'_, '_>) -> Outcome {
    let kind = SourceKind::Svn(SvnPoller {
        repository: polled(call, Vcs::Svn),
        branches: branch_patterns(call, "branches"),
        layout: call.choice("layout", &SvnLayout::ALL).unwrap_or_default(),
        tags: call.flag("tags", false),
        interval: interval(call),
        build_pushes_with_no_commits: call.flag("build_pushes_with_no_commits", false),
        build_first_tip: call.flag("build_first_tip", false),
    });
    declare(call, kind)
}
