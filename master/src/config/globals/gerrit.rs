//! `gerrit_source`: changes that a Gerrit server tells of over ssh.

use linn_core::config::{GerritStream, SourceKind};

use super::source::declare;
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "gerrit_source",
    group: Group::Sources,
    doc: "Listens to `gerrit stream-events` of a Gerrit server over ssh, and connects again when that ends. A new patch set is \
          a change on the branch `refs/changes/NN/NUMBER/PATCHSET` with the property `basename`, its target; what is \
          submitted or pushed is one on its branch. What happens while nobody listens is not told; a `git_poller` beside it \
          finds what was submitted, and what both see is one change.",
    positional: 2,
    parameters: &[GERRIT],
    open: false,
    example: "gerrit_source(\"gerrit\", \"gerrit.example\", user = \"linn\", identity_file = \"/etc/linn/gerrit-key\", projects = [\"zork\"])",
    call: gerrit_source,
}];

static GERRIT: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("server", Type::Text, "", "Its host name."),
    param("user", Type::Text, "", "Who linn is there; needs the right to stream events."),
    param("port", Type::Int, "29418", "Of its ssh door."),
    param("identity_file", Type::Text, "what ssh finds", "The private key: an absolute path."),
    param("projects", Type::Patterns, "all", "Which projects are listened to."),
    param("codebase", Type::Text, "found by the repository", "What its changes belong to."),
    param(
        "project",
        Type::Text,
        "\"\"",
        "Of its changes; Gerrit's own name for it is the property `gerrit_project`.",
    ),
    param("category", Type::Text, "\"\"", "Of its changes; else the kind of event."),
];

/// Gerrit's own.
const PORT: u16 = 29418;

fn gerrit_source(call: &mut Call<'_, '_>) -> Outcome {
    let server = word(call, "server", ".-_:[]");
    let user = word(call, "user", "._-+@");
    let port = call.int("port", 1, i64::from(u16::MAX)).and_then(|port| u16::try_from(port).ok());
    let identity_file = call.text("identity_file").filter(|path| !path.is_empty());
    if let Some(path) = &identity_file
        && (!path.starts_with('/') || path.contains('\0'))
    {
        call.problem(
            "identity_file",
            format!("{} is no absolute path", quote(path)),
            "write it from the root on",
        );
    }
    let kind = SourceKind::Gerrit(GerritStream {
        server,
        port: port.unwrap_or(PORT),
        user,
        identity_file,
        projects: call.patterns("projects"),
    });
    declare(call, kind)
}

/// A name that ssh gets to see: nothing in it may be an option or a program to run.
fn word(call: &Call<'_, '_>, parameter: &str, also: &str) -> String {
    let Some(text) = call.required_text(parameter) else { return String::new() };
    let fits = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    if text.starts_with('-') || !text.chars().all(fits) {
        call.problem(
            parameter,
            format!("{} is no name that ssh takes", quote(&text)),
            format!("letters, digits and any of `{also}`, but no `-` first"),
        );
    }
    text
}
