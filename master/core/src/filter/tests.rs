//! Every form of a condition, against one change that has everything and one that has nothing (CF-1 to CF-5, F6).

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::hooks::NoHooks;
use crate::id::{ChangeId, CodebaseName};
use crate::time::Timestamp;

fn bare() -> Change {
    Change {
        id: ChangeId(1),
        key: None,
        author: String::new(),
        committer: String::new(),
        comments: String::new(),
        files: Vec::new(),
        branch: None,
        revision: None,
        parents: Vec::new(),
        repository: String::new(),
        codebase: CodebaseName::new(""),
        project: String::new(),
        category: String::new(),
        revlink: String::new(),
        when: Timestamp(0),
        received_at: Timestamp(0),
        properties: BTreeMap::new(),
        vcs: String::new(),
    }
}

fn full() -> Change {
    let properties = [("level", json!("gold")), ("jobs", json!(8)), ("nightly", json!(true))];
    Change {
        author: "Ana <ana@x>".to_owned(),
        committer: "Bob <bob@x>".to_owned(),
        comments: "fix: the tap\n\nIt dripped.".to_owned(),
        files: vec!["src/tap.c".to_owned(), "doc/tap.md".to_owned()],
        branch: Some("release/2".to_owned()),
        revision: Some("abc123".to_owned()),
        repository: "git://app".to_owned(),
        codebase: CodebaseName::new("app"),
        project: "Frobozz".to_owned(),
        category: "tree".to_owned(),
        properties: properties.map(|(name, value)| (name.to_owned(), value)).into(),
        ..bare()
    }
}

/// Which argument is against a change.
fn against(filter: &ChangeFilter, change: &Change) -> Option<String> {
    CompiledFilter::new(filter).judge(change, &NoHooks).against.map(|(rule, _)| rule)
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern((*text).to_owned())).collect()
}

/// Attribute, a value that the full change has, a glob of it, the beginning of it, its middle.
const ATTRIBUTES: [[&str; 5]; 8] = [
    ["project", "Frobozz", "Frob*", "Frob", "bozz"],
    ["repository", "git://app", "git://*", "git", "app"],
    ["category", "tree", "t??e", "tr", "ree"],
    ["codebase", "app", "[ab]pp", "a", "pp"],
    ["author", "Ana <ana@x>", "*@x>", "Ana", "@x"],
    ["committer", "Bob <bob@x>", "Bob*", "Bob <", "bob"],
    ["comments", "fix: the tap\n\nIt dripped.", "*dripped.", "fix: ", "dripped"],
    ["revision", "abc123", "abc*", "[a-c]+1", "123"],
];

#[test]
fn every_attribute_in_every_form() {
    for [name, value, glob, start, middle] in ATTRIBUTES {
        let list = |texts: &[&str]| BTreeMap::from([(name.to_owned(), patterns(texts))]);
        let expression = |text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let is = |texts: &[&str]| ChangeFilter { is: list(texts), ..ChangeFilter::default() };
        let is_not =
            |texts: &[&str]| ChangeFilter { is_not: list(texts), ..ChangeFilter::default() };
        let re = |text| ChangeFilter { matches: expression(text), ..ChangeFilter::default() };
        let not_re =
            |text| ChangeFilter { matches_not: expression(text), ..ChangeFilter::default() };
        let rule = |form: &str| Some(format!("{name}{form}"));
        let (full, bare) = (full(), bare());
        for (filter, of_full, of_bare) in [
            (is(&[value]), None, rule("")),
            (is(&["other", glob]), None, rule("")),
            (is(&["other", middle]), rule(""), rule("")),
            (is_not(&[value]), rule("_not"), None),
            (is_not(&["other", glob]), rule("_not"), None),
            (is_not(&["other"]), None, None),
            (re(start), None, rule("_re")),
            (re(middle), rule("_re"), rule("_re")),
            (not_re(start), rule("_not_re"), None),
            (not_re(middle), None, None),
        ] {
            assert_eq!(against(&filter, &full), of_full, "{name}: {filter:?}");
            assert_eq!(against(&filter, &bare), of_bare, "{name}, bare: {filter:?}");
        }
    }
}

/// CF-2: nothing is not the empty text.
#[test]
fn a_change_without_a_revision_matches_no_expression() {
    let every = || BTreeMap::from([("revision".to_owned(), ".*".to_owned())]);
    let re = ChangeFilter { matches: every(), ..ChangeFilter::default() };
    assert_eq!(against(&re, &bare()).as_deref(), Some("revision_re"));
    let not = ChangeFilter { matches_not: every(), ..ChangeFilter::default() };
    assert_eq!(against(&not, &bare()), None);
}

/// CF-1, CF-2, CF-3, CF-5.
#[test]
fn branches() {
    let named = |name: &str| BranchPattern::Named(Pattern(name.to_owned()));
    let default = || BranchPattern::Default;
    let is = |branch| ChangeFilter { branch, ..ChangeFilter::default() };
    let is_not = |branch_not| ChangeFilter { branch_not, ..ChangeFilter::default() };
    let re =
        |text: &str| ChangeFilter { branch_re: Some(text.to_owned()), ..ChangeFilter::default() };
    let not_re = |text: &str| ChangeFilter {
        branch_not_re: Some(text.to_owned()),
        ..ChangeFilter::default()
    };
    for (filter, of_full, of_bare) in [
        (ChangeFilter::default(), None, None),
        (is(vec![named("release/*")]), None, Some("branch")),
        (is(vec![default()]), Some("branch"), None),
        (is(vec![named("release/2"), default()]), None, None),
        (is_not(vec![named("release/2")]), Some("branch_not"), None),
        (is_not(vec![default()]), None, Some("branch_not")),
        (re("rel"), None, Some("branch_re")),
        (re("lease"), Some("branch_re"), Some("branch_re")),
        (re(".*"), None, Some("branch_re")),
        (not_re("rel"), Some("branch_not_re"), None),
        (not_re(".*"), Some("branch_not_re"), None),
    ] {
        assert_eq!(against(&filter, &full()).as_deref(), of_full, "{filter:?}");
        assert_eq!(against(&filter, &bare()).as_deref(), of_bare, "bare: {filter:?}");
    }
}

#[test]
fn files() {
    let filter = ChangeFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, of_full, of_bare) in [
        (ChangeFilter { files: patterns(&["src/*"]), ..filter() }, None, Some("files")),
        (ChangeFilter { files: patterns(&["*.rs"]), ..filter() }, Some("files"), Some("files")),
        (ChangeFilter { files_not: patterns(&["*.md"]), ..filter() }, Some("files_not"), None),
        (ChangeFilter { files_not: patterns(&["*.rs"]), ..filter() }, None, None),
        (ChangeFilter { files_re: text("doc/"), ..filter() }, None, Some("files_re")),
        (ChangeFilter { files_re: text("tap"), ..filter() }, Some("files_re"), Some("files_re")),
        (ChangeFilter { files_not_re: text("doc/"), ..filter() }, Some("files_not_re"), None),
        (ChangeFilter { files_not_re: text("tap"), ..filter() }, None, None),
    ] {
        assert_eq!(against(&filter, &full()).as_deref(), of_full, "{filter:?}");
        assert_eq!(against(&filter, &bare()).as_deref(), of_bare, "bare: {filter:?}");
    }
}

/// CF-4.
#[test]
fn properties() {
    let list = |name: &str, texts: &[&str]| BTreeMap::from([(name.to_owned(), patterns(texts))]);
    let is = |name, texts: &[&str]| ChangeFilter {
        property: list(name, texts),
        ..ChangeFilter::default()
    };
    let is_not = |name, texts: &[&str]| ChangeFilter {
        property_not: list(name, texts),
        ..ChangeFilter::default()
    };
    let one = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
    let re = |name, text| ChangeFilter { property_re: one(name, text), ..ChangeFilter::default() };
    let not_re =
        |name, text| ChangeFilter { property_not_re: one(name, text), ..ChangeFilter::default() };
    for (filter, of_full, of_bare) in [
        (is("level", &["gold"]), None, Some("property")),
        (is("level", &["silver", "g*"]), None, Some("property")),
        (is("level", &["silver"]), Some("property"), Some("property")),
        (is("jobs", &["8"]), None, Some("property")),
        (is("nightly", &["true"]), None, Some("property")),
        (is_not("level", &["gold"]), Some("property_not"), None),
        (is_not("level", &["silver"]), None, None),
        (re("level", "go"), None, Some("property_re")),
        (re("level", ".*"), None, Some("property_re")),
        (re("level", "old"), Some("property_re"), Some("property_re")),
        (not_re("level", "go"), Some("property_not_re"), None),
        (not_re("level", "old"), None, None),
    ] {
        assert_eq!(against(&filter, &full()).as_deref(), of_full, "{filter:?}");
        assert_eq!(against(&filter, &bare()).as_deref(), of_bare, "bare: {filter:?}");
    }
}

/// C29: what is said of a condition that does not hold is short, whatever the change brings.
#[test]
fn details_are_short() {
    let filter = ChangeFilter {
        is: BTreeMap::from([("comments".to_owned(), patterns(&["x"]))]),
        ..ChangeFilter::default()
    };
    let said = |comments: &str| {
        let change = Change { comments: comments.to_owned(), ..bare() };
        let verdict = CompiledFilter::new(&filter).judge(&change, &NoHooks);
        verdict.against.map(|(_, detail)| detail).expect("it does not hold")
    };
    assert_eq!(said("fix\nmore"), "its comments are `fix…`");
    assert_eq!(said(""), "the change has no comments");
    assert!(said(&"x".repeat(5_000)).len() < 200);
}
