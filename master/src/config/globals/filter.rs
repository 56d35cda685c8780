//! `change_filter`: which changes a scheduler takes (CF-*, contract.md F6).

use linn_core::config::{BranchPattern, ChangeFilter};

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "change_filter",
    group: Group::Sources,
    doc: "Which changes are meant; all that is given must hold. A text with `*`, `?` or `[` is a glob over the whole value, \
          `_re` is an expression that matches from the start, `_not` turns it round. `branch` left out means any branch; \
          the default branch is `DEFAULT_BRANCH`.",
    positional: 0,
    parameters: &[FILTER],
    open: false,
    example: "change_filter(branch = [\"main\", \"release/*\"], files_not = \"doc/*\", property_not = {\"draft\": True})",
    call: change_filter,
}];

/// The attributes besides branch and files; core knows them by these names.
const ATTRIBUTES: [[&str; 4]; 8] = [
    ["project", "project_not", "project_re", "project_not_re"],
    ["repository", "repository_not", "repository_re", "repository_not_re"],
    ["category", "category_not", "category_re", "category_not_re"],
    ["codebase", "codebase_not", "codebase_re", "codebase_not_re"],
    ["author", "author_not", "author_re", "author_not_re"],
    ["committer", "committer_not", "committer_re", "committer_not_re"],
    ["comments", "comments_not", "comments_re", "comments_not_re"],
    ["revision", "revision_not", "revision_re", "revision_not_re"],
];

static FILTER: &[Parameter] = &[
    param("branch", Type::Patterns, "any", "One of these."),
    param("branch_not", Type::Patterns, "none", "None of these."),
    param("branch_re", Type::Regex, "None", "Matches."),
    param("branch_not_re", Type::Regex, "None", "Does not match."),
    param("project", Type::Patterns, "any", "As `branch`."),
    param("project_not", Type::Patterns, "none", "As `branch_not`."),
    param("project_re", Type::Regex, "None", "As `branch_re`."),
    param("project_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("repository", Type::Patterns, "any", "As `branch`."),
    param("repository_not", Type::Patterns, "none", "As `branch_not`."),
    param("repository_re", Type::Regex, "None", "As `branch_re`."),
    param("repository_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("category", Type::Patterns, "any", "As `branch`."),
    param("category_not", Type::Patterns, "none", "As `branch_not`."),
    param("category_re", Type::Regex, "None", "As `branch_re`."),
    param("category_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("codebase", Type::Patterns, "any", "As `branch`."),
    param("codebase_not", Type::Patterns, "none", "As `branch_not`."),
    param("codebase_re", Type::Regex, "None", "As `branch_re`."),
    param("codebase_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("author", Type::Patterns, "any", "As `branch`."),
    param("author_not", Type::Patterns, "none", "As `branch_not`."),
    param("author_re", Type::Regex, "None", "As `branch_re`."),
    param("author_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("committer", Type::Patterns, "any", "As `branch`."),
    param("committer_not", Type::Patterns, "none", "As `branch_not`."),
    param("committer_re", Type::Regex, "None", "As `branch_re`."),
    param("committer_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("comments", Type::Patterns, "any", "As `branch`."),
    param("comments_not", Type::Patterns, "none", "As `branch_not`."),
    param("comments_re", Type::Regex, "None", "As `branch_re`."),
    param("comments_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("revision", Type::Patterns, "any", "As `branch`."),
    param("revision_not", Type::Patterns, "none", "As `branch_not`."),
    param("revision_re", Type::Regex, "None", "As `branch_re`."),
    param("revision_not_re", Type::Regex, "None", "As `branch_not_re`."),
    param("files", Type::Patterns, "any", "Some file is one of these."),
    param("files_not", Type::Patterns, "none", "No file is any of these."),
    param("files_re", Type::Regex, "None", "Some file matches."),
    param("files_not_re", Type::Regex, "None", "No file matches."),
    param(
        "property",
        Type::Dict,
        "{}",
        "Names of properties, each with a value or glob, or a list of them: one of these.",
    ),
    param("property_not", Type::Dict, "{}", "None of these."),
    param(
        "property_re",
        Type::Dict,
        "{}",
        "Names of properties, each with an expression: matches.",
    ),
    param("property_not_re", Type::Dict, "{}", "Does not match."),
    param("fn", Type::Function, "None", "Called with the change; true takes it."),
];

fn change_filter(call: &mut Call<'_, '_>) -> Outcome {
    let mut filter = ChangeFilter {
        branch: branches(call, "branch"),
        branch_not: branches(call, "branch_not"),
        branch_re: call.regex("branch_re"),
        branch_not_re: call.regex("branch_not_re"),
        files: call.patterns("files"),
        files_not: call.patterns("files_not"),
        files_re: call.regex("files_re"),
        files_not_re: call.regex("files_not_re"),
        property: call.patterns_by_name("property"),
        property_not: call.patterns_by_name("property_not"),
        property_re: call.regexes_by_name("property_re"),
        property_not_re: call.regexes_by_name("property_not_re"),
        hook: call.hook("fn", "change"),
        ..ChangeFilter::default()
    };
    for [is, is_not, matches, matches_not] in ATTRIBUTES {
        let patterns = call.patterns(is);
        if !patterns.is_empty() {
            filter.is.insert(is.to_owned(), patterns);
        }
        let patterns = call.patterns(is_not);
        if !patterns.is_empty() {
            filter.is_not.insert(is.to_owned(), patterns);
        }
        if let Some(expression) = call.regex(matches) {
            filter.matches.insert(is.to_owned(), expression);
        }
        if let Some(expression) = call.regex(matches_not) {
            filter.matches_not.insert(is.to_owned(), expression);
        }
    }
    Outcome::Product(Product::Filter(Box::new(filter)))
}

fn branches(call: &Call<'_, '_>, parameter: &str) -> Vec<BranchPattern> {
    let mut branches = Vec::new();
    for (name, place) in call.branches(parameter) {
        match name {
            None => branches.push(BranchPattern::Default),
            Some(text) => {
                branches.extend(call.pattern(&text, &place).map(BranchPattern::Named));
            }
        }
    }
    branches
}
