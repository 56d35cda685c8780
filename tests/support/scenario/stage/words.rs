//! The words of an event: changes, commits, source stamps, numbers and names.

use std::str::FromStr;

use linn_core::change::{Change, Commit, NewChange, Patch, SourceStamp};
use linn_core::id::{BuildRef, BuildsetId, ChangeId, CodebaseName};
use linn_core::input::{Input, Resolution};

use super::BEGIN;
use crate::scenario::Event;

/// `change BRANCH REVISION by=.. files=a,b ...`
pub(super) fn change(event: &Event) -> Result<NewChange, String> {
    Ok(NewChange {
        key: event.get("key").map(str::to_owned),
        author: event.get("by").unwrap_or("ana <ana@example.org>").to_owned(),
        comments: event.text_of("comments"),
        files: event.list("files"),
        branch: known(event.word(event.words.len().saturating_sub(2))?),
        revision: known(event.word(event.words.len().saturating_sub(1))?),
        parents: event.list("parents"),
        repository: event.text_of("repository"),
        codebase: event.get("codebase").map(CodebaseName::from),
        project: event.text_of("project"),
        category: event.text_of("category"),
        properties: event.properties().map(|(name, value)| (name.into(), value.into())).collect(),
        ..NewChange::default()
    })
}

/// The change that `change BRANCH REVISION ...` would make, for those who only ask.
pub(in crate::scenario) fn hypothetical(event: &Event) -> Result<Change, String> {
    let new = change(event)?;
    Ok(Change {
        id: ChangeId(0),
        key: None,
        author: new.author,
        committer: new.committer,
        comments: new.comments,
        files: new.files,
        branch: new.branch,
        revision: new.revision,
        parents: new.parents,
        repository: new.repository,
        codebase: new.codebase.unwrap_or_else(|| CodebaseName::from("")),
        project: new.project,
        category: new.category,
        revlink: new.revlink,
        when: BEGIN,
        received_at: BEGIN,
        properties: new.properties,
        vcs: new.vcs,
    })
}

/// `poll SOURCE branch=main rev=r1 repository=..`
pub(super) fn polled(event: &Event) -> NewChange {
    NewChange {
        key: event.get("key").map(str::to_owned),
        author: event.get("by").unwrap_or("ana <ana@example.org>").to_owned(),
        comments: event.text_of("comments"),
        files: event.list("files"),
        branch: event.get("branch").map(str::to_owned),
        revision: event.get("rev").map(str::to_owned),
        parents: event.list("parents"),
        repository: event.text_of("repository"),
        codebase: event.get("codebase").map(CodebaseName::from),
        vcs: "git".into(),
        ..NewChange::default()
    }
}

/// `graph=r1,r2<r1,r3<r1+r2` of `repository=..`: commits and their parents.
pub(super) fn commits(event: &Event) -> Vec<(String, Vec<Commit>)> {
    let commits: Vec<_> = event
        .list("graph")
        .iter()
        .map(|commit| {
            let (revision, parents) = commit.split_once('<').unwrap_or((commit, ""));
            let parents =
                parents.split('+').filter(|parent| !parent.is_empty()).map(str::to_owned).collect();
            Commit { revision: revision.to_owned(), parents }
        })
        .collect();
    if commits.is_empty() { Vec::new() } else { vec![(event.text_of("repository"), commits)] }
}

/// `patch=PATH` is a diff that changes a file; a stamp of the default branch where there is none.
pub(super) fn patched(event: &Event, mut stamps: Vec<SourceStamp>) -> Vec<SourceStamp> {
    let Some(path) = event.get("patch") else { return stamps };
    if stamps.is_empty() {
        stamps.push(SourceStamp {
            codebase: event.text_of("codebase").as_str().into(),
            repository: String::new(),
            project: String::new(),
            branch: None,
            revision: None,
            requested: None,
            patch: None,
            changes: Vec::new(),
        });
    }
    for stamp in &mut stamps {
        stamp.patch = Some(Patch {
            level: 1,
            diff: format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old\n+new\n"),
            author: "somebody else".to_owned(),
            comment: event.text_of("comment"),
            subdir: String::new(),
        });
    }
    stamps
}

/// `branch=main revision=r1 [codebase=app] [repository=..]`, or `stamp:app=main@r1` once for each codebase.
pub(super) fn stamps(event: &Event) -> Vec<SourceStamp> {
    let stamp = |codebase: &str, branch: Option<String>, revision: Option<String>| SourceStamp {
        codebase: codebase.into(),
        repository: event.text_of("repository"),
        project: event.text_of("project"),
        branch,
        revision,
        requested: None,
        patch: None,
        changes: Vec::new(),
    };
    let mut stamps: Vec<_> = event
        .with_prefix("stamp:")
        .map(|(codebase, tree)| {
            let (branch, revision) =
                tree.split_once('@').map_or((tree, None), |(b, r)| (b, Some(r)));
            stamp(codebase, known(branch), revision.and_then(known))
        })
        .collect();
    if event.get("branch").is_some() || event.get("revision").is_some() {
        let (branch, revision) = (event.get("branch"), event.get("revision"));
        stamps.push(stamp(
            &event.text_of("codebase"),
            branch.and_then(known),
            revision.and_then(known),
        ));
    }
    stamps
}

/// `resolved 3 lib@r9 app!gone`: what the repositories of a buildset answered.
pub(super) fn resolved(event: &Event) -> Result<Input, String> {
    let answer = |word: &String| {
        if let Some((codebase, revision)) = word.split_once('@') {
            let answer = Resolution { branch: None, revision: revision.to_owned() };
            return Ok((CodebaseName::from(codebase), Ok(answer)));
        }
        let (codebase, why) =
            word.split_once('!').ok_or("an answer is NAME@REVISION or NAME!WHY")?;
        Ok((CodebaseName::from(codebase), Err(why.to_owned())))
    };
    let answers = event.words.iter().skip(1).map(answer).collect::<Result<_, String>>()?;
    let buildset = BuildsetId(number(event.word(0)?)?);
    Ok(Input::StampsResolved { buildset, answers, commits: Vec::new() })
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number here"))
}

pub(super) fn reference(text: &str) -> Result<BuildRef, String> {
    let (builder, number) = text.split_once('#').ok_or_else(|| format!("`{text}` is no build"))?;
    let number = number.parse().map_err(|_| format!("`{text}` is no build"))?;
    Ok(BuildRef { builder: builder.into(), number })
}

/// `-` stands for what is not known.
fn known(text: &str) -> Option<String> {
    (text != "-").then(|| text.to_owned())
}
