//! `codebase_param`, `patch_param`, `group_param`: parameters that are several fields, each under a flat name (FO-1,
//! contract.md F40).

use linn_core::config::{Fills, ForceParameter, ParameterKind, PatchPart, StampPart};
use linn_core::id::CodebaseName;
use linn_core::patch::MAX_PATCH_BYTES;
use serde_json::{Value as Json, json};

use super::parameter::{check_name, field, fields};
use super::{Function, Outcome, Parameter, Type, param};
use crate::config::call::{Call, Given};
use crate::config::draft::Kind;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[
    field(
        "codebase_param",
        "What is built of one codebase. Its fields are `CODEBASE_branch`, `CODEBASE_revision`, `CODEBASE_repository` and `CODEBASE_project`; of the codebase without a name `branch`, `revision` and so on. Each is a text, its default; or a parameter, which is asked in its place; or `None`: it is not asked. What is left empty is the codebase's own.",
        &[CODEBASE],
        "codebase_param(\"zork\", branch = choice_param(\"branch\", choices = [\"main\", \"next\"]), repository = None, project = None)",
        codebase,
    ),
    field(
        "patch_param",
        "A diff that is laid over what is checked out. Its fields are `NAME_body`, the unified diff; `NAME_level`, as `patch -p`; `NAME_author`, `NAME_comment` and `NAME_subdir`. Without a body there is no patch.",
        &[PATCH],
        "patch_param(codebase = \"zork\")",
        patch,
    ),
    field(
        "group_param",
        "Fields that belong together. Each is called `GROUP_FIELD`, and so is its property.",
        &[GROUP],
        "group_param(\"build\", fields = [int_param(\"jobs\", default = 4), bool_param(\"clean\")])",
        group,
    ),
];

static CODEBASE: &[Parameter] = &[
    param("codebase", Type::Text, "", "Which codebase."),
    param("label", Type::Text, "the codebase", "Shown before its fields."),
    param("branch", Type::Field, "\"\"", "Its branch; empty: the default branch."),
    param("revision", Type::Field, "\"\"", "Its revision; empty: the newest of the branch."),
    param("repository", Type::Field, "\"\"", "Where it lives; empty: as declared."),
    param("project", Type::Field, "\"\"", "Its project; empty: as declared."),
    param("patch", Type::Field, "None", "A `patch_param()`, as `CODEBASE_patch_body` and so on."),
];

static PATCH: &[Parameter] = &[
    param("name", Type::Text, "\"patch\"", "What its fields begin with."),
    param("label", Type::Text, "the name", "Shown before its fields."),
    param("codebase", Type::Text, "the builder's only one", "Over what it is laid."),
    param("level", Type::Int, "1", "The default of the level."),
];

static GROUP: &[Parameter] = &[
    param("name", Type::Text, "", "What its fields begin with."),
    param("label", Type::Text, "the name", "Shown before its fields."),
    param("fields", Type::Parameters, "", "What is in it."),
];

/// `OUTER_INNER`; what has no name adds none.
fn flat(outer: &str, inner: &str) -> String {
    if outer.is_empty() { inner.to_owned() } else { format!("{outer}_{inner}") }
}

/// What is shown beside a field of something that has a label.
fn label(outer: &str, inner: &str) -> String {
    if outer.is_empty() { String::new() } else { format!("{outer}: {inner}") }
}

fn one_line() -> ParameterKind {
    ParameterKind::Text { regex: None, max_size: 4 * 1024, multiline: false }
}

fn codebase(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("codebase") {
        call.missing("codebase");
        return Outcome::Mistake;
    }
    let Some(name) = call.text("codebase") else { return Outcome::Mistake };
    if !name.is_empty() {
        let place = call.place("codebase");
        call.draft().mention(Kind::Codebase, &name, &place, "codebase_param");
    }
    let title = call.line("label");
    let codebase = CodebaseName::from(name.as_str());
    let mut all = Vec::new();
    for (word, part) in [
        ("branch", StampPart::Branch),
        ("revision", StampPart::Revision),
        ("repository", StampPart::Repository),
        ("project", StampPart::Project),
    ] {
        let fills = Fills::Stamp { codebase: codebase.clone(), part };
        let plain = |default: String| ForceParameter {
            name: flat(&name, word),
            label: label(&title, word),
            default: Json::String(default),
            required: false,
            kind: one_line(),
            fills: fills.clone(),
        };
        match call.field(word) {
            Given::Usual => all.push(plain(String::new())),
            Given::Hidden => {}
            Given::Text(default) => all.push(plain(default)),
            Given::Fields(given) => match <[ForceParameter; 1]>::try_from(given) {
                Ok([given]) if is_text(&given) => {
                    let label =
                        if given.label.is_empty() { label(&title, word) } else { given.label };
                    all.push(ForceParameter { name: flat(&name, word), label, fills, ..given });
                }
                _ => call.problem(
                    word,
                    format!(
                        "`{word}` of `codebase_param` must be asked by one field that gives a text"
                    ),
                    "string_param, choice_param or fixed_param",
                ),
            },
        }
    }
    match call.field("patch") {
        Given::Usual | Given::Hidden => {}
        Given::Fields(given)
            if given.iter().all(|field| matches!(field.fills, Fills::Patch { .. })) =>
        {
            all.extend(given.into_iter().map(|given| {
                let fills = match given.fills {
                    Fills::Patch { part, .. } => {
                        Fills::Patch { codebase: Some(codebase.clone()), part }
                    }
                    other => other,
                };
                ForceParameter { name: flat(&name, &given.name), fills, ..given }
            }));
        }
        Given::Text(_) | Given::Fields(_) => {
            call.problem("patch", "`patch` of `codebase_param` is no patch", "patch_param()");
        }
    }
    Outcome::Product(Product::Fields(all))
}

/// Whether a field gives one text, and a property at that.
const fn is_text(field: &ForceParameter) -> bool {
    let gives = match &field.kind {
        ParameterKind::Text { .. } | ParameterKind::Choice { multiple: false, .. } => true,
        ParameterKind::Fixed => matches!(field.default, Json::String(_)),
        _ => false,
    };
    gives && matches!(field.fills, Fills::Property)
}

fn patch(call: &mut Call<'_, '_>) -> Outcome {
    let name = if call.is_written("name") {
        let Some(name) = call.required_text("name") else { return Outcome::Mistake };
        name
    } else {
        "patch".to_owned()
    };
    check_name(call, &name);
    let codebase = call.text("codebase").map(|codebase| {
        if !codebase.is_empty() {
            let place = call.place("codebase");
            call.draft().mention(Kind::Codebase, &codebase, &place, "patch_param");
        }
        CodebaseName::from(codebase)
    });
    let title = call.line("label");
    let level = call.int("level", 0, 30).unwrap_or(1);
    let long = |max_size| ParameterKind::Text { regex: None, max_size, multiline: true };
    let part = |word: &str, part: PatchPart, kind: ParameterKind, default: Json| ForceParameter {
        name: flat(&name, word),
        label: label(&title, word),
        default,
        required: false,
        kind,
        fills: Fills::Patch { codebase: codebase.clone(), part },
    };
    Outcome::Product(Product::Fields(vec![
        part("body", PatchPart::Body, long(MAX_PATCH_BYTES as u64), json!("")),
        part("level", PatchPart::Level, ParameterKind::Int, json!(level)),
        part("author", PatchPart::Author, one_line(), json!("")),
        part("comment", PatchPart::Comment, long(64 * 1024), json!("")),
        part("subdir", PatchPart::Subdir, one_line(), json!("")),
    ]))
}

fn group(call: &mut Call<'_, '_>) -> Outcome {
    let Some(name) = call.required_text("name") else { return Outcome::Mistake };
    check_name(call, &name);
    let title = call.line("label");
    let Some(given) = fields(call, "fields") else {
        if !call.is_written("fields") {
            call.missing("fields");
        }
        return Outcome::Mistake;
    };
    let mut all = Vec::new();
    for given in given {
        if given.kind == ParameterKind::AnyProperty {
            call.problem(
                "fields",
                "`any_property_param` cannot be in a group",
                "put it beside the group",
            );
            continue;
        }
        let inner = if given.label.is_empty() { &given.name } else { &given.label };
        let label = if title.is_empty() { given.label.clone() } else { label(&title, inner) };
        let name = flat(&name, &given.name);
        if name.len() > 200 {
            let message = format!("{} is too long a name for a property", quote(&name));
            call.problem("fields", message, "at most 200 characters");
        }
        all.push(ForceParameter { name, label, ..given });
    }
    Outcome::Product(Product::Fields(all))
}
