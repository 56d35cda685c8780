//! What people who come from Buildbot write, and what it is called here.

/// Names of arguments there and here.
const ARGUMENTS: &[(&str, &str)] = &[
    ("workername", "workers"),
    ("workernames", "workers"),
    ("worker_names", "workers"),
    ("slavename", "workers"),
    ("slavenames", "workers"),
    ("buildernames", "builders"),
    ("builder_names", "builders"),
    ("initial_stdin", "stdin"),
    ("initialstdin", "stdin"),
    ("filter_fn", "fn"),
    ("branch_fn", "fn"),
    ("project_fn", "fn"),
    ("category_fn", "fn"),
    ("repository_fn", "fn"),
    ("codebase_fn", "fn"),
    ("when", "do_step_if"),
    ("description_suffix", "description_done"),
    ("repourl", "repository"),
    ("repo_url", "repository"),
    ("workersrc", "source"),
    ("worker_src", "source"),
    ("workerdest", "dest"),
    ("worker_dest", "dest"),
    ("mastersrc", "source"),
    ("master_src", "source"),
    ("masterdest", "dest"),
    ("master_dest", "dest"),
    ("scheduler_names", "schedulers"),
    ("poll_interval", "interval"),
    ("period_build_timer", "interval"),
    ("periodic_build_timer", "interval"),
    ("warning_extractor", "warning_pattern"),
    ("property_name", "property"),
    ("can_be_exclusive", "locks"),
    ("max_count_for_slave", "max_count_for_worker"),
];

/// Names that stand before a dot there.
const MODULES: &[&str] =
    &["steps", "util", "schedulers", "worker", "changes", "reporters", "plugins"];

/// The argument that is meant by a name that a function does not have: by another name of it, or by one in capitals inside
/// (`haltOnFailure`), or with `_eq` at its end as Buildbot's filters have it.
pub(super) fn argument(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let snake = snake(name);
    let plain = match snake.strip_suffix("_eq") {
        Some(before) => before.to_owned(),
        None => snake,
    };
    let meant = ARGUMENTS.iter().find(|(theirs, _)| *theirs == plain).map(|(_, ours)| *ours);
    let fits = |wanted: &str| known.iter().copied().find(|known| *known == wanted);
    fits(&plain).or_else(|| meant.and_then(fits))
}

/// What to write for a name that is not defined, where it is one of Buildbot's.
pub(super) fn module(name: &str) -> Option<&'static str> {
    match name {
        "c" | "BuildmasterConfig" => {
            Some("each thing is declared by a call: builder(...), worker(...)")
        }
        _ if MODULES.contains(&name) => {
            Some("functions have no module before them here: git(...), not steps.Git(...)")
        }
        _ => None,
    }
}

/// `haltOnFailure` as `halt_on_failure`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buildbot_are_understood() {
        let known = ["workers", "builders", "halt_on_failure", "branch", "branch_not", "fn"];
        for (theirs, ours) in [
            ("workernames", "workers"),
            ("builderNames", "builders"),
            ("haltOnFailure", "halt_on_failure"),
            ("branch_eq", "branch"),
            ("branch_not_eq", "branch_not"),
            ("branch_fn", "fn"),
            ("filter_fn", "fn"),
        ] {
            assert_eq!(argument(theirs, &known), Some(ours), "{theirs}");
        }
        assert_eq!(argument("filter_fn", &["workers"]), None);
    }
}
