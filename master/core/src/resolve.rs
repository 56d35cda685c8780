//! Which revisions a buildset builds, where no source of changes has seen them: its repositories are asked once, and
//! until they have answered nothing of it starts, so that all its builds get the same tree (SS-3).
//!
//! People are answered at the door, which asks before it hands over what they want; this is for schedulers and for
//! steps that trigger. A repository that does not say holds nobody up: each build takes the tip that it finds then, as
//! it would without this, and the journal tells why. Asked is once a buildset, not once a build at its start, for then
//! the builders of one buildset would build what each of them found.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::change::SourceStamp;
use crate::config::Config;
use crate::ctx::Ctx;
use crate::id::{BuilderName, BuildsetId, CodebaseName};
use crate::input::Resolution;
use crate::intake::is_same_repository;
use crate::model::Buildset;
use crate::record::Record;
use crate::state::State;

/// The stamps of which a repository could say more than is known, as far as one of these builders checks them out.
pub(crate) fn open<'a>(
    config: &Config,
    builders: impl Iterator<Item = &'a BuilderName>,
    stamps: &'a [SourceStamp],
) -> Vec<&'a SourceStamp> {
    let open = stamps.iter().filter(|stamp| stamp.revision.is_none());
    let mut open: Vec<_> = open.filter(|stamp| is_named(config, &stamp.repository)).collect();
    // Most buildsets are pinned already: their builders, which may be many, need not be gone through.
    if open.is_empty() {
        return open;
    }
    let used: BTreeSet<_> = builders
        .filter_map(|name| config.builders.get(name))
        .flat_map(|builder| config.codebases_of(builder))
        .collect();
    open.retain(|stamp| used.contains(&stamp.codebase));
    open
}

/// Whether the configuration itself names a repository. One that only a change speaks of, as of a fork, is not one that this
/// master should run after: whoever may send a change could have it talk to anybody.
fn is_named(config: &Config, repository: &str) -> bool {
    config.repositories().any(|named| is_same_repository(named, repository))
}

/// The same of a buildset.
fn open_of<'a>(state: &'a State, config: &Config, buildset: &'a Buildset) -> Vec<&'a SourceStamp> {
    let requests = buildset.requests.iter().filter_map(|id| state.request(*id));
    open(config, requests.map(|request| &request.builder), &buildset.stamps)
}

/// Has the repositories of a buildset asked.
pub(crate) fn ask(ctx: &mut Ctx<'_>, id: BuildsetId) {
    let config = ctx.config();
    let Some(buildset) = ctx.state().buildset(id) else { return };
    let stamps = open_of(ctx.state(), &config, buildset).into_iter().cloned().collect();
    ctx.order(Action::Resolve { buildset: id, stamps });
}

/// A master that has begun anew asks again what it has no answer to.
pub(crate) fn ask_again(ctx: &mut Ctx<'_>) {
    let asked = ctx.state().buildsets().filter(|buildset| buildset.resolving);
    for id in asked.map(|buildset| buildset.id).collect::<Vec<_>>() {
        ask(ctx, id);
    }
}

/// Repositories have answered. An answer that nobody waits for any more is none.
pub(crate) fn answered(
    ctx: &mut Ctx<'_>,
    id: BuildsetId,
    answers: Vec<(CodebaseName, Result<Resolution, String>)>,
) {
    let Some(buildset) = ctx.state().buildset(id).filter(|buildset| buildset.resolving) else {
        return;
    };
    let mut stamps = buildset.stamps.clone();
    let mut unknown = Vec::new();
    for (codebase, answer) in answers {
        let mut open = stamps.iter_mut().filter(|stamp| stamp.revision.is_none());
        let Some(stamp) = open.find(|stamp| stamp.codebase == codebase) else { continue };
        match answer {
            Ok(resolution) => {
                stamp.revision = Some(resolution.revision);
                stamp.branch = stamp.branch.take().or(resolution.branch);
            }
            Err(why) => unknown.push((codebase, why)),
        }
    }
    ctx.record(Record::BuildsetResolved { buildset: id, stamps, unknown });
}

/// What a request of such a buildset waits for, for people.
pub(crate) fn awaited(state: &State, config: &Config, buildset: &Buildset) -> String {
    let open = open_of(state, config, buildset);
    let of = match open.as_slice() {
        [only] if !only.codebase.as_str().is_empty() => format!(" of {}", only.codebase),
        [_, _, ..] => format!(" of {} codebases", open.len()),
        _ => String::new(),
    };
    format!("the repository is being asked for the revision{of}")
}
