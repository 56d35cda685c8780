//! The functions of config.md that later versions bring: known by name, so that using one is told from a slip of the pen.

use super::{Function, Group, Outcome};

const fn promised(name: &'static str) -> Function {
    Function {
        name,
        group: Group::Site,
        doc: "",
        positional: 0,
        parameters: &[],
        open: true,
        example: "",
        call: |_| Outcome::Mistake,
    }
}

pub(super) static FUNCTIONS: &[Function] = &[
    promised("worker_pool"),
    promised("interested_users"),
    promised("email_lookup"),
    promised("role"),
    promised("allow"),
    promised("auth"),
    promised("mail_reporter"),
    promised("irc_reporter"),
    promised("webhook_reporter"),
    promised("github_status"),
    promised("gitlab_status"),
    promised("gitea_status"),
    promised("command_reporter"),
];
