//! `maildir_source`: changes that come as mails (F47).

use linn_core::config::{MailDialect, Maildir, SourceKind};

use super::source::{declare, interval};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "maildir_source",
    group: Group::Sources,
    doc: "Reads the mails in the folder `new` of a maildir from time to time, and moves them to `cur` when their changes are \
          stored. The dialects are `cvs` (the mails of a loginfo script), `svn` (those of commit-email.pl and mailer.py) and \
          `generic`: the sender is the author and the text the comments, or the text is a change object as `linn change \
          send` makes it, or a list of them, in JSON. A mail that cannot be understood is moved, too, with the flag `F`, and \
          told of.",
    positional: 2,
    parameters: &[MAILDIR],
    open: false,
    example: "maildir_source(\"mails\", \"/var/mail/commits\", dialect = \"svn\", interval = \"10s\")",
    call: maildir_source,
}];

static MAILDIR: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("path", Type::Text, "", "The maildir: an absolute path."),
    param("dialect", Type::Text, "", "Who writes the mails."),
    param("interval", Type::Duration, "\"60s\"", "Between two looks; at least one second."),
    param("codebase", Type::Text, "found by the repository", "What its changes belong to."),
    param("project", Type::Text, "\"\"", "Of its changes."),
    param("category", Type::Text, "\"\"", "Of its changes."),
];

fn maildir_source(call: &mut Call<'_, '_>) -> Outcome {
    let path = call.required_text("path").unwrap_or_default();
    if !path.is_empty() && (!path.starts_with('/') || path.contains('\0')) {
        call.problem(
            "path",
            format!("{} is no absolute path", quote(&path)),
            "write it from the root on",
        );
    }
    if !call.is_written("dialect") {
        call.missing("dialect");
    }
    let kind = SourceKind::Maildir(Maildir {
        path,
        dialect: call.choice("dialect", &MailDialect::ALL).unwrap_or(MailDialect::Generic),
        interval: interval(call),
    });
    declare(call, kind)
}
