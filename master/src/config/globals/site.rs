//! `master`, `project`, `codebase`, `note`: the site and what it is about.

use linn_core::config::{Codebase, Project, Revlink, TextPattern, Vcs};
use linn_core::id::CodebaseName;

use super::builder::{POLICY, policy};
use super::{Function, Group, Outcome, Parameter, Type, param, retention};
use crate::config::call::Call;
use crate::config::draft::Kind;
use crate::config::problem::quote;
use crate::config::source::{
    branch_pattern_problem, branch_problem, has_password, repository_problem,
};
use crate::source::address_problem;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "master",
        group: Group::Site,
        doc: "The site as a whole; at most once. The policies are the defaults of every builder.",
        positional: 0,
        parameters: &[MASTER, POLICY],
        open: false,
        example: "master(title = \"Frobozz\", url = \"https://ci.frobozz.example\", max_time = \"4h\")",
        call: master,
    },
    Function {
        name: "project",
        group: Group::Site,
        doc: "A project that builders and codebases belong to.",
        positional: 1,
        parameters: &[PROJECT],
        open: false,
        example: "project(\"zork\", description = \"The compiler\", url = \"https://zork.example\")",
        call: project,
    },
    Function {
        name: "codebase",
        group: Group::Site,
        doc: "A body of source that builds use. A configuration of a single codebase need not declare any.",
        positional: 1,
        parameters: &[CODEBASE],
        open: false,
        example: "codebase(\"zork\", repository = \"https://git.example/zork.git\", branch = \"main\", revlink = \"https://git.example/zork/commit/%(revision)s\")",
        call: codebase,
    },
    Function {
        name: "note",
        group: Group::Site,
        doc: "A remark that is shown when the configuration is loaded or checked.",
        positional: 1,
        parameters: &[NOTE],
        open: false,
        example: "note(\"the windows builders are being moved\")",
        call: note,
    },
];

static MASTER: &[Parameter] = &[
    param("title", Type::Text, "\"\"", "The site's name, for people."),
    param("url", Type::Text, "\"\"", "Where people find it."),
    param("properties", Type::Dict, "{}", "Properties of every build, lowest in rank."),
    param(
        "log_retention",
        Type::Duration,
        "None",
        "The same as `retention(logs = ...)`: how long logs are kept.",
    ),
];

static PROJECT: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("description", Type::Text, "\"\"", "One line for people."),
    param("url", Type::Text, "\"\"", "A link for people."),
];

static CODEBASE: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("repository", Type::Text, "\"\"", "A URL or an absolute path."),
    param(
        "also",
        Type::Patterns,
        "none",
        "Forks and mirrors: changes of these repositories are of this codebase too.",
    ),
    param("project", Type::Text, "\"\"", "What it belongs to."),
    param(
        "revlink",
        Type::Text,
        "\"\"",
        "Where people see a change whose source does not say: an address in which `%(revision)s` and `%(branch)s` are filled in.",
    ),
    param("branch", Type::Text, "None", "What `DEFAULT_BRANCH` is; `None`: the repository's own."),
];

static NOTE: &[Parameter] = &[param("text", Type::Text, "", "The remark.")];

fn master(call: &mut Call<'_, '_>) -> Outcome {
    let here = call.here();
    let first = call.draft().master.replace(here);
    if let Some(first) = first {
        call.problem_here(
            format!("`master` is called twice; the first is at {first}"),
            "put all into one call",
        );
    }
    let (title, url) = (call.line("title"), call.line("url"));
    let properties = call.properties("properties");
    let policy = policy(call);
    let logs = retention::of_site(call);
    let mut draft = call.draft();
    draft.config.title = title;
    draft.config.url = url;
    draft.config.properties = properties;
    draft.site_policy = policy;
    // Other calls have the say over it, wherever they stand.
    draft.config.retention.splice(0..0, logs);
    Outcome::Nothing
}

fn project(call: &mut Call<'_, '_>) -> Outcome {
    let described = Project { description: call.line("description"), url: call.line("url") };
    let Some(name) = call.name(Kind::Project) else { return Outcome::Mistake };
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Project, &name, &here) {
        draft.config.projects.insert(name.clone(), described);
    }
    Outcome::Text(name)
}

fn codebase(call: &mut Call<'_, '_>) -> Outcome {
    let repository = repository(call, "repository", None).unwrap_or_default();
    let project = mentioned(call, "project", Kind::Project, &by(call)).unwrap_or_default();
    let branch = branch(call, "branch");
    let also = call.patterns("also");
    let revlink = call.text("revlink").and_then(|text| match Revlink::parse(&text) {
        Ok(revlink) => Some(revlink),
        Err(why) => {
            let hint = "write an address such as \"https://git.example/zork/commit/%(revision)s\"";
            call.problem("revlink", format!("{} {why}", quote(&text)), hint);
            None
        }
    });
    let Some(name) = call.name(Kind::Codebase) else { return Outcome::Mistake };
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Codebase, &name, &here) {
        let codebase = Codebase { repository, also, project, branch, revlink };
        draft.config.codebases.insert(CodebaseName::from(name.as_str()), codebase);
    }
    Outcome::Text(name)
}

fn note(call: &mut Call<'_, '_>) -> Outcome {
    if call.required_text("text").is_some() {
        let (here, text) = (call.here(), call.line("text"));
        call.draft().note(&here, text);
    }
    Outcome::Nothing
}

/// A repository, checked; `vcs`: what will read it, where that is known.
pub(super) fn repository(call: &Call<'_, '_>, parameter: &str, vcs: Option<Vcs>) -> Option<String> {
    let text = call.text(parameter)?;
    is_repository(call, parameter, vcs, &text);
    Some(text)
}

/// Whether a text names a repository. A password in it is not repeated.
pub(super) fn is_repository(
    call: &Call<'_, '_>,
    parameter: &str,
    vcs: Option<Vcs>,
    text: &str,
) -> bool {
    if has_password(text) {
        let place = call.place(parameter);
        call.draft().note(
            &place,
            "the address of the repository has a password in it, which consoles show to everybody; \
             leave it out, and let ~/.netrc or a credential helper know it",
        );
    }
    let problem = repository_problem(vcs, text);
    if let Some((why, hint)) = problem {
        let shown = if has_password(text) { String::new() } else { format!(" {}", quote(text)) };
        call.problem(parameter, format!("repository{shown} {why}"), hint);
    }
    problem.is_none()
}

/// What a poller reads: checked as the poller itself will.
pub(super) fn polled(call: &Call<'_, '_>, vcs: Vcs) -> String {
    let parameter = "repository";
    if call.required_text(parameter).is_none() {
        return String::new();
    }
    let Some(text) = call.text(parameter) else { return String::new() };
    if is_repository(call, parameter, Some(vcs), &text)
        && let Some(why) = address_problem(vcs, &text)
    {
        let message = format!("repository {} cannot be looked at: {why}", quote(&text));
        call.problem(parameter, message, "");
    }
    text
}

/// What a branch is written like.
const A_BRANCH: &str =
    "write its name as the repository has it, such as \"main\" or \"release/1.0\"";

/// A branch, checked.
pub(super) fn branch(call: &Call<'_, '_>, parameter: &str) -> Option<String> {
    let text = call.text(parameter).filter(|text| !text.is_empty())?;
    if let Some(why) = branch_problem(&text) {
        let message = format!("{} cannot be a branch: it {why}", quote(&text));
        call.problem(parameter, message, A_BRANCH);
    }
    Some(text)
}

/// Branches, or globs of some, checked.
pub(super) fn branch_patterns(call: &Call<'_, '_>, parameter: &str) -> Vec<TextPattern> {
    for (text, place) in call.texts_of(parameter) {
        if let Some(why) = branch_pattern_problem(&text) {
            let message = format!("{} cannot be a branch: it {why}", quote(&text));
            call.draft().problem(&place, message, A_BRANCH);
        }
    }
    call.patterns(parameter)
}

/// A name that must be declared somewhere.
pub(super) fn mentioned(
    call: &Call<'_, '_>,
    parameter: &str,
    kind: Kind,
    by: &str,
) -> Option<String> {
    let name = call.text(parameter).filter(|name| !name.is_empty())?;
    let place = call.place(parameter);
    call.draft().mention(kind, &name, &place, by);
    Some(name)
}

/// Who is speaking: "builder `linux`".
pub(super) fn by(call: &Call<'_, '_>) -> String {
    let function = call.function.name;
    match call.is_written("name").then(|| call.text("name")).flatten() {
        Some(name) => format!("`{function}` {}", quote(&name)),
        None => format!("`{function}`"),
    }
}
