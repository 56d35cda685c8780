//! `webhook`: changes that a forge tells of over HTTP (F13, F15, GP-7).

use linn_core::config::{Dialect, SourceKind, Webhook};

use super::source::declare;
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "webhook",
    group: Group::Sources,
    doc: "Takes changes over HTTP, as `POST /hook/NAME` at the address of `linn master --listen-http`. The dialects are \
          `generic`, `github`, `gitlab`, `gitea`, `bitbucket` and `gerrit`; the body's signature (of GitLab: the token) must \
          be made with the secret. A push tells of each of its commits, a pull or merge request of its newest one, on the \
          branch `refs/pull/N/head` (GitLab: `refs/merge-requests/N/head`) with the property `basename`, its target. \
          `[ci skip]` or `[skip ci]` in the newest message or in the title leaves the whole of it out.",
    positional: 1,
    parameters: &[WEBHOOK],
    open: false,
    example: "webhook(\"forge\", dialect = \"gitea\", secret = secret(\"forge-hook\"), tags = True)",
    call: webhook,
}];

static WEBHOOK: &[Parameter] = &[
    param("name", Type::Text, "", "Its name, the last part of its address."),
    param("dialect", Type::Text, "\"generic\"", "How the forge tells."),
    param(
        "secret",
        Type::Secret,
        "None",
        "What it signs with; `None`, written out or not: anybody may tell, and where it is not, a note says so.",
    ),
    param("codebase", Type::Text, "found by the repository", "What its changes belong to."),
    param("project", Type::Text, "\"\"", "Of its changes."),
    param(
        "category",
        Type::Text,
        "\"\"",
        "Of its changes; else requests have `pull`, and tags have `tag`.",
    ),
    param("pull_requests", Type::Flag, "True", "Pull and merge requests are changes, too."),
    param(
        "tags",
        Type::Flag,
        "False",
        "Pushed tags are changes, too, on the branch `refs/tags/NAME`.",
    ),
    param(
        "build_pushes_with_no_commits",
        Type::Flag,
        "False",
        "One change for the tip of a new branch whose commits are all known.",
    ),
];

fn webhook(call: &mut Call<'_, '_>) -> Outcome {
    let secret = call.secret("secret");
    // Who writes `secret = None` has thought of it.
    if !call.is_given("secret") {
        let here = call.here();
        let name = call.text("name").unwrap_or_default();
        let text = format!(
            "webhook {} has no secret, so whoever reaches its address can send changes",
            quote(&name)
        );
        call.draft().note(&here, text);
    }
    let kind = SourceKind::Webhook(Webhook {
        dialect: call.choice("dialect", &Dialect::ALL).unwrap_or(Dialect::Generic),
        secret,
        pull_requests: call.flag("pull_requests", true),
        tags: call.flag("tags", false),
        build_pushes_with_no_commits: call.flag("build_pushes_with_no_commits", false),
    });
    declare(call, kind)
}
