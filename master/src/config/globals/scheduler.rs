//! `single_branch_scheduler`, `any_branch_scheduler`, `force_scheduler`: when to build (TS-*, FO-*).

use linn_core::config::{
    BranchTimer, ChangeFilter, ForceScheduler, Importance, Scheduler, SchedulerKind,
};
use linn_core::id::{BuilderName, CodebaseName, SchedulerName};
use linn_core::time::Span;

use super::parameter;
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "single_branch_scheduler",
        group: Group::Schedulers,
        doc: "Builds the changes that its filter takes, with one timer for all of them.",
        positional: 1,
        parameters: &[COMMON, CHOICE, BRANCH],
        open: false,
        example: "single_branch_scheduler(\"main\", builders = [\"linux\"], change_filter = change_filter(branch = \"main\"), tree_stable_timer = \"30s\", max_wait = \"10m\")",
        call: |call| branch(call, SchedulerKind::SingleBranch),
    },
    Function {
        name: "any_branch_scheduler",
        group: Group::Schedulers,
        doc: "Builds the changes that its filter takes, with a timer for each branch.",
        positional: 1,
        parameters: &[COMMON, CHOICE, BRANCH],
        open: false,
        example: "any_branch_scheduler(\"commits\", builders = builders(), unimportant_files = [\"doc/*\", \"*.md\"])",
        call: |call| branch(call, SchedulerKind::AnyBranch),
    },
    Function {
        name: "triggerable_scheduler",
        group: Group::Schedulers,
        doc: "Builds what a `trigger` step of another build asks for.",
        positional: 1,
        parameters: &[COMMON, CHOICE],
        open: false,
        example: "triggerable_scheduler(\"packages\", builders = [\"linux\"], properties = {\"package\": True})",
        call: |call| declare(call, SchedulerKind::Triggerable),
    },
    Function {
        name: "force_scheduler",
        group: Group::Schedulers,
        doc: "Lets people start builds. The first one declared that has all the builders asked for is used. Without `parameters` any property may be given.",
        positional: 1,
        parameters: &[COMMON, FORCE],
        open: false,
        example: "force_scheduler(\"force\", builders = [\"linux\"], parameters = [choice_param(\"profile\", choices = [\"debug\", \"release\"])])",
        call: force,
    },
    Function {
        name: "try_scheduler",
        group: Group::Schedulers,
        doc: "Lets people build what they have not published: `linn try` sends it as a patch. The first one declared that has all the builders asked for is used; without builders, all of its own.",
        positional: 1,
        parameters: &[COMMON],
        open: false,
        example: "try_scheduler(\"try\", builders = builders(tags = [\"linux\"]))",
        call: |call| declare(call, SchedulerKind::Try),
    },
];

/// What every scheduler takes (contract.md F9).
pub(super) static COMMON: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("builders", Type::Texts, "", "What it asks for."),
    param("codebases", Type::Texts, "all declared", "Restricts it to these."),
    param("properties", Type::Dict, "{}", "Properties of its builds."),
    param("reason", Type::Text, "made from the kind", "Why, for people."),
    param(
        "priority",
        Type::Priority,
        "0",
        "Of its requests; higher is sooner. A function is called with the names of the builders and the list of changes.",
    ),
    param(
        "enabled",
        Type::Flag,
        "True",
        "Whether it acts; `linn scheduler enable` and `disable` switch it at run time.",
    ),
];

/// What every scheduler takes of which nobody has chosen the builders before.
pub(super) static CHOICE: &[Parameter] = &[param(
    "choose_builders",
    Type::Function,
    "all of them",
    "Called with what is to be built, which has `builders`, `changes`, `files`, `sources`, `properties`, `reason` and `scheduler`; returns the names of those of `builders` that are asked. With an empty list nothing is built.",
)];

static BRANCH: &[Parameter] = &[
    FILTER,
    param(
        "tree_stable_timer",
        Type::Duration,
        "None",
        "So long after the last important change; `None`: each important change at once.",
    ),
    param(
        "max_wait",
        Type::Duration,
        "None",
        "The longest from the first important change, however busy the branch is.",
    ),
    IMPORTANT,
    param(
        "only_important",
        Type::Flag,
        "False",
        "Unimportant changes are dropped rather than built along.",
    ),
    IMPORTANT_FILES,
    UNIMPORTANT_FILES,
];

pub(super) const FILTER: Parameter =
    param("change_filter", Type::Filter, "any change", "Which changes.");
pub(super) const IMPORTANT: Parameter = param(
    "file_is_important",
    Type::Function,
    "None",
    "Called with the change; false makes it unimportant.",
);
pub(super) const IMPORTANT_FILES: Parameter = param(
    "important_files",
    Type::Patterns,
    "any",
    "A change is important when some file is one of these.",
);
pub(super) const UNIMPORTANT_FILES: Parameter = param(
    "unimportant_files",
    Type::Patterns,
    "none",
    "A change is important when some file is none of these.",
);

static FORCE: &[Parameter] =
    &[param("parameters", Type::Parameters, "any property", "What people fill in.")];

/// Declares a scheduler of the kind.
pub(super) fn declare(call: &Call<'_, '_>, kind: SchedulerKind) -> Outcome {
    declare_of(call, kind, None)
}

/// The same; `only`: the one codebase that it speaks of, however that was said.
pub(super) fn declare_of(
    call: &Call<'_, '_>,
    kind: SchedulerKind,
    only: Option<CodebaseName>,
) -> Outcome {
    let name = call.name(Kind::Scheduler);
    let by = name
        .as_ref()
        .map_or_else(|| "a scheduler".to_owned(), |name| format!("scheduler {}", quote(name)));
    let mut builders: Vec<BuilderName> = Vec::new();
    let named = call.texts("builders");
    for (builder, place) in named.iter().flatten() {
        call.draft().mention(Kind::Builder, builder, place, &by);
        let builder = BuilderName::from(builder.as_str());
        if !builders.contains(&builder) {
            builders.push(builder);
        }
    }
    if !call.is_written("builders") {
        call.missing("builders");
    } else if call.is_bare("builders") && call.draft().phantoms.is_empty() {
        call.problem(
            "builders",
            format!("{by} has no builder"),
            "name one; builders(...) selects those declared above",
        );
    }
    let codebases = call.texts("codebases").map(|named| {
        let mention = |(codebase, place): (String, _)| {
            call.draft().mention(Kind::Codebase, &codebase, &place, &by);
            CodebaseName::from(codebase)
        };
        named.into_iter().map(mention).collect()
    });
    if call.is_bare("codebases") {
        let message = format!("{by} has no codebase, so it takes nothing");
        call.problem("codebases", message, "name one, or leave it out for all");
    }
    // People choose for themselves.
    let of_people = matches!(kind, SchedulerKind::Force(_) | SchedulerKind::Try);
    let choice = if of_people { None } else { call.hook("choose_builders", "wanted") };
    let priority_hook = call.hook_or_none("priority", "builders, changes");
    let priority = match priority_hook {
        Some(_) => 0,
        None => call.int("priority", -1_000_000, 1_000_000).unwrap_or(0),
    };
    let scheduler = Scheduler {
        name: SchedulerName::from(name.clone().unwrap_or_default()),
        builders,
        choice,
        codebases: only.map(|only| vec![only]).or(codebases),
        properties: call.properties("properties"),
        priority: i32::try_from(priority).unwrap_or(0),
        priority_hook,
        reason: call.line("reason"),
        enabled: call.flag("enabled", true),
        kind,
    };
    let Some(name) = name else { return Outcome::Mistake };
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Scheduler, &name, &here) {
        draft.config.schedulers.push(scheduler);
    }
    Outcome::Text(name)
}

/// The one filter that was given, if one was.
pub(super) fn filter(call: &Call<'_, '_>) -> ChangeFilter {
    let pick = |product: &Product| match product {
        Product::Filter(filter) => Some(filter.as_ref().clone()),
        _ => None,
    };
    let filters =
        call.products("change_filter", "one change_filter(...)", pick).unwrap_or_default();
    if filters.len() > 1 {
        call.problem("change_filter", "there is more than one filter", "make one of them all");
    }
    filters.into_iter().next().map(|(filter, _)| filter).unwrap_or_default()
}

/// Which changes are worth a build (contract.md F8).
pub(super) fn importance(call: &Call<'_, '_>) -> Importance {
    Importance {
        hook: call.hook("file_is_important", "change"),
        important_files: call.patterns("important_files"),
        unimportant_files: call.patterns("unimportant_files"),
    }
}

fn branch(call: &mut Call<'_, '_>, kind: fn(BranchTimer) -> SchedulerKind) -> Outcome {
    let timer = BranchTimer {
        filter: filter(call),
        tree_stable_timer: call
            .duration("tree_stable_timer")
            .flatten()
            .filter(|span| *span > Span::ZERO),
        max_wait: call.duration("max_wait").flatten(),
        importance: importance(call),
        only_important: call.flag("only_important", false),
    };
    if let (Some(wait), Some(quiet)) = (timer.max_wait, timer.tree_stable_timer)
        && wait < quiet
    {
        let message =
            format!("max_wait of {wait} is shorter than the tree_stable_timer of {quiet}");
        call.problem("max_wait", message, "make it longer, or leave it out");
    }
    if timer.max_wait.is_some() && !call.is_written("tree_stable_timer") {
        call.problem(
            "max_wait",
            "`max_wait` has no meaning without `tree_stable_timer`",
            "leave it out, or write `tree_stable_timer = \"30s\"`",
        );
    }
    declare(call, kind(timer))
}

fn force(call: &mut Call<'_, '_>) -> Outcome {
    let parameters = parameter::fields(call, "parameters");
    declare(call, SchedulerKind::Force(ForceScheduler { parameters }))
}
