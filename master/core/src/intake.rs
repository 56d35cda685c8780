//! Changes come in: known again by their key (I2), given a codebase (CH-2) and a number (CH-6), and shown to every
//! scheduler in the same commit (CH-9).

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Answer, Refusal};
use crate::change::{Change, Commit, NewChange, is_skipped};
use crate::config::{Codebase, Config, Source};
use crate::ctx::Ctx;
use crate::filter::{Matcher, any};
use crate::id::{ChangeId, CodebaseName, SourceName};
use crate::input::Asking;
use crate::record::{Record, Subject};
use crate::schedule;
use crate::state::{Line, State};
use crate::time::Timestamp;

/// A hook or a person submits changes, oldest first.
pub(crate) fn submitted(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    changes: Vec<NewChange>,
    commits: Vec<(String, Vec<Commit>)>,
) {
    for (repository, commits) in commits {
        learn(ctx, repository, commits);
    }
    let ids: Vec<_> = changes.into_iter().map(|change| add(ctx, change)).collect();
    let made: Vec<_> = ids.iter().map(|id| Subject::Change(*id)).collect();
    ctx.remember(asking, &made);
    ctx.order(Action::Reply { token: asking.token, answer: Answer::Changes(ids) });
}

/// A source has looked. Its changes and its cursor become durable together (GP-6).
pub(crate) fn polled(
    ctx: &mut Ctx<'_>,
    name: SourceName,
    asking: Option<&Asking>,
    changes: Vec<NewChange>,
    tips: BTreeMap<String, String>,
    commits: (String, Vec<Commit>),
) {
    learn(ctx, commits.0, commits.1);
    let config = ctx.config();
    let mut made = vec![Subject::Source(name.clone())];
    for mut change in changes {
        if let Some(source) = config.sources.get(&name) {
            complete(&mut change, source);
        }
        // One rule for what is pushed, however it is told of. A look does not see which commits were pushed together, so each
        // speaks for itself; the cursor passes it all the same.
        if is_skipped(&change.comments) {
            continue;
        }
        made.push(Subject::Change(add(ctx, change)));
    }
    let cursor = ctx.state().source(&name);
    if cursor.is_some_and(|cursor| cursor.error.is_some()) {
        ctx.record(Record::SourceRecovered { source: name.clone() });
    }
    let cursor = ctx.state().source(&name);
    if cursor.is_none_or(|cursor| !cursor.looked || cursor.tips != tips) {
        ctx.record(Record::SourceAdvanced { source: name, tips });
    }
    if let Some(asking) = asking {
        ctx.accept(asking, made);
    }
}

/// What a source's declaration says of its changes, where they do not say it themselves.
fn complete(change: &mut NewChange, source: &Source) {
    if change.codebase.is_none() {
        change.codebase.clone_from(&source.codebase);
    }
    if change.project.is_empty() {
        change.project.clone_from(&source.project);
    }
    if change.category.is_empty() {
        change.category.clone_from(&source.category);
    }
}

/// A source could not look: told once, until it fails otherwise or recovers.
pub(crate) fn failed(
    ctx: &mut Ctx<'_>,
    source: &SourceName,
    asking: Option<&Asking>,
    error: String,
) {
    let known = ctx.state().source(source).and_then(|cursor| cursor.error.as_deref());
    if known != Some(error.as_str()) {
        ctx.record(Record::SourceFailed { source: source.clone(), error: error.clone() });
    }
    if let Some(asking) = asking {
        let refusal = Refusal::not_now(format!("the source `{source}` could not look"));
        ctx.refuse(asking, "poll", source, refusal.because(error));
    }
}

/// Keeps what is new of a repository's graph.
pub(crate) fn learn(ctx: &mut Ctx<'_>, repository: String, commits: Vec<Commit>) {
    let mut seen = BTreeSet::new();
    let new: Vec<_> = commits
        .into_iter()
        .filter(|commit| !ctx.state().knows_commit(&repository, &commit.revision))
        .filter(|commit| seen.insert(commit.revision.clone()))
        .collect();
    if !new.is_empty() {
        ctx.record(Record::CommitsLearned { repository, commits: new });
    }
}

/// What a change is whose key is known.
enum Back {
    /// It was told before, as this change if that is remembered.
    Told(Option<ChangeId>),
    /// Its branch was somewhere else since, at this change, and is back.
    From(ChangeId),
}

/// Whether a branch that is at a commit it had before came back there, or is told of twice.
fn come_back(state: &State, new: &NewChange) -> Back {
    let newest_at = |revision: &str| {
        let here = state.changes_at(&new.repository, revision);
        here.filter(|change| change.branch == new.branch).map(|change| change.id).last()
    };
    let newest = new.revision.as_deref().and_then(newest_at);
    let elsewhere = new.moved_from.as_deref().and_then(newest_at);
    match (newest, elsewhere) {
        (Some(newest), Some(elsewhere)) if elsewhere > newest => Back::From(elsewhere),
        _ => Back::Told(newest),
    }
}

/// The most that the names of a change's files take together, in bytes: a change must fit into one message to a console.
const MAX_FILES_BYTES: usize = 1024 * 1024;

/// The first files of a change, as many as there is room for.
fn bounded(mut files: Vec<String>) -> Vec<String> {
    let mut left = MAX_FILES_BYTES;
    let fitting = files.iter().take_while(|file| {
        let fits = file.len() <= left;
        left = left.saturating_sub(file.len());
        fits
    });
    let fitting = fitting.count();
    files.truncate(fitting);
    files
}

/// A change as it is taken in: its codebase and project found, its files bounded (CH-1, CH-2).
pub(crate) fn taken(config: &Config, new: NewChange, id: ChangeId, now: Timestamp) -> Change {
    let codebase = new.codebase.unwrap_or_else(|| codebase_of(config, &new.repository));
    let declared = config.codebases.get(&codebase);
    let project = match declared {
        Some(declared) if new.project.is_empty() => declared.project.clone(),
        _ => new.project,
    };
    let revlink = match declared.and_then(|declared| declared.revlink.as_ref()) {
        Some(link) if new.revlink.is_empty() => {
            link.of(new.branch.as_deref(), new.revision.as_deref())
        }
        _ => new.revlink,
    };
    Change {
        id,
        key: new.key,
        author: new.author,
        committer: new.committer,
        comments: new.comments,
        files: bounded(new.files),
        branch: new.branch,
        revision: new.revision,
        parents: new.parents,
        repository: new.repository,
        codebase,
        project,
        category: new.category,
        revlink,
        when: new.when.unwrap_or(now),
        received_at: now,
        properties: new.properties,
        vcs: new.vcs,
    }
}

/// Takes one change in; gives back its number, or that of the same change taken in before.
fn add(ctx: &mut Ctx<'_>, mut new: NewChange) -> ChangeId {
    if let Some(key) = new.key.as_deref()
        && let Some(known) = ctx.state().change_by_key(key)
    {
        match come_back(ctx.state(), &new) {
            Back::Told(newest) => return newest.unwrap_or(known),
            Back::From(other) => new.key = Some(format!("{key} after {other}")),
        }
    }
    let id = ChangeId(ctx.state().last().change + 1);
    let mut change = taken(&ctx.config(), new, id, ctx.now);
    if change.parents.is_empty() {
        // The change before it on the same line may stand in (CH-7). It is not learnt as a commit, so that what the
        // version control says later takes its place.
        change.parents = parents_of(ctx.state(), &change);
    } else if let Some(revision) = change.revision.clone() {
        let commit = Commit { revision, parents: change.parents.clone() };
        learn(ctx, change.repository.clone(), vec![commit]);
    }
    let id = change.id;
    ctx.record(Record::ChangeAdded(Box::new(change)));
    schedule::consider(ctx, id);
    id
}

/// What a change follows, when its source does not say: what the graph knows, else the change before it on its line.
fn parents_of(state: &State, change: &Change) -> Vec<String> {
    let revision = change.revision.as_deref();
    if let Some(revision) = revision
        && state.knows_commit(&change.repository, revision)
    {
        return state.parents(&change.repository, revision).unwrap_or_default().to_vec();
    }
    let before = state.newest_of(&Line::of(change)).and_then(|before| before.revision.clone());
    before.filter(|before| Some(before.as_str()) != revision).into_iter().collect()
}

/// Whether two texts name one repository: a slash or `.git` at the end makes no difference. An empty one names none.
pub(crate) fn is_same_repository(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim_end_matches('/');
        text.strip_suffix(".git").unwrap_or(text).trim_end_matches('/').to_owned()
    };
    !one.is_empty() && plain(one) == plain(other)
}

/// The declared codebase that lives in a repository, else the first that has it among its forks, else the unnamed one (CH-2).
pub(crate) fn codebase_of(config: &Config, repository: &str) -> CodebaseName {
    let mut codebases = config.codebases.iter();
    let home = codebases.find(|(_, codebase)| is_same_repository(&codebase.repository, repository));
    let found = home.or_else(|| fork_of(config, repository));
    found.map_or_else(|| CodebaseName::new(""), |(name, _)| name.clone())
}

/// The first codebase that has a repository among its forks.
fn fork_of<'a>(config: &'a Config, repository: &str) -> Option<(&'a CodebaseName, &'a Codebase)> {
    let mut codebases = config.codebases.iter();
    codebases.find(|(_, codebase)| any(&Matcher::all(&codebase.also), repository))
}
