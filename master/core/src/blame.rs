//! Whose changes a build is about: one definition, used by everybody who shows or mails it (BM-4, contract.md C6, C7).
//!
//! For each codebase: the predecessor is the comparable finished build whose revision is the nearest ancestor of this
//! build's, and what is new lies between the two on the version-control graph. Where the graph is unknown, the order of
//! arrival stands in for it (CH-7). All walks are bounded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::change::{Change, SourceStamp};
use crate::id::{BuildRef, ChangeId};
use crate::model::{Blame, Build, SinceGood};
use crate::results::Results;
use crate::state::{Built, State};

/// The most commits looked at in one walk. When nothing built is met by then, the changes that the build was asked for
/// stand in for what is new: that one commit alone is to blame would be known to be wrong.
const MAX_WALK: usize = 2_000;
/// The newest comparable builds among which a descendant is looked for (C7: a build of an ancestor has nothing new).
const MAX_DESCENDANTS: usize = 20;

/// Works out a build's blame. The build itself need not be in the state.
pub(crate) fn of(state: &State, build: &Build) -> Blame {
    let patches: BTreeSet<String> = build
        .stamps
        .iter()
        .filter_map(|stamp| stamp.patch.as_ref())
        .map(|patch| patch.author.clone())
        .filter(|author| !author.is_empty())
        .collect();
    if build.stamps.iter().any(|stamp| stamp.patch.is_some()) {
        // A try is its submitter's alone (BM-7).
        let blamelist: Vec<_> = patches.into_iter().collect();
        let since_good = SinceGood { blamelist: blamelist.clone(), ..SinceGood::default() };
        return Blame { changes: Vec::new(), blamelist, since_good };
    }
    let comparable = comparable(state, build);
    let mut new = BTreeSet::new();
    let mut since = BTreeSet::new();
    let mut good: Option<&Built> = None;
    for stamp in &build.stamps {
        let lineage = trace(state, stamp, revision_of(build, stamp), &comparable);
        new.extend(lineage.new);
        since.extend(lineage.since);
        good = newer(good, lineage.good);
    }
    Blame {
        blamelist: people(state, &new),
        changes: new.into_iter().collect(),
        since_good: SinceGood {
            build: good
                .map(|built| BuildRef { builder: built.builder.clone(), number: built.number }),
            blamelist: people(state, &since),
            changes: since.into_iter().collect(),
        },
    }
}

/// What a build's result is measured against.
pub(crate) enum Before<'a> {
    /// The build that came before it.
    Build(&'a Built),
    /// It is the first of its kind.
    Nothing,
    /// Something newer was built already: that build speaks for the branch, and this one has no news (C7).
    Overtaken,
}

/// What a build's result is measured against. Exceptions count here: what was red then is no news when it is red again,
/// and green after it is a recovery (RM-3).
pub(crate) fn before<'a>(state: &'a State, build: &Build) -> Before<'a> {
    let comparable: Vec<_> = of_the_same_place(state, build)
        .filter(|built| built.results.is_telling() || built.results == Results::Exception)
        .collect();
    let telling: Vec<_> =
        comparable.iter().copied().filter(|built| built.results.is_telling()).collect();
    // Where the graph knows no built ancestor, as after an amended commit, the order of building stands in.
    let before = || comparable.iter().find(|built| built.number < build.number).copied();
    let mut found: Option<&Built> = None;
    let (mut overtaken, mut newest) = (false, false);
    for stamp in &build.stamps {
        let repository = &stamp.repository;
        let known = |revision: &&str| state.parents(repository, revision).is_some();
        let Some(revision) = revision_of(build, stamp).filter(known) else {
            newest = true;
            continue;
        };
        let at = built_at(stamp, &comparable);
        let walk = ancestors(state, repository, revision, &at, &comparable);
        found = newer(found, walk.nearest.map(|(_, _, built)| built));
        let at = built_at(stamp, &telling);
        if is_built_upon(state, repository, revision, &walk.seen, &at, &telling) {
            overtaken = true;
        } else {
            newest |= !matches!(walk.nearest, Some((0, ..)));
        }
    }
    if overtaken && !newest {
        return Before::Overtaken;
    }
    found.or_else(before).map_or(Before::Nothing, Before::Build)
}

/// The comparable builds by what they built of a stamp's codebase, newest first.
fn built_at<'a>(
    stamp: &SourceStamp,
    comparable: &[&'a Built],
) -> BTreeMap<&'a str, Vec<&'a Built>> {
    let mut built_at: BTreeMap<&str, Vec<&'a Built>> = BTreeMap::new();
    for built in comparable {
        let tree = built.trees.iter().find(|tree| tree.codebase == stamp.codebase.as_str());
        if let Some(at) = tree.and_then(|tree| tree.revision.as_deref()) {
            built_at.entry(at).or_default().push(built);
        }
    }
    built_at
}

/// The one with the higher number.
fn newer<'a>(one: Option<&'a Built>, other: Option<&'a Built>) -> Option<&'a Built> {
    one.into_iter().chain(other).max_by_key(|built| built.number)
}

/// What was built, or is to be.
fn revision_of<'a>(build: &'a Build, stamp: &'a SourceStamp) -> Option<&'a str> {
    let got = build.got_revision.get(stamp.codebase.as_str());
    got.or(stamp.revision.as_ref()).map(String::as_str)
}

/// The finished builds that a build can be compared with (BM-5), newest number first.
fn comparable<'a>(state: &'a State, build: &Build) -> Vec<&'a Built> {
    of_the_same_place(state, build).filter(|built| built.results.is_telling()).collect()
}

/// The finished builds of the same builder, repositories and branches, newest number first.
fn of_the_same_place<'a>(state: &'a State, build: &Build) -> impl Iterator<Item = &'a Built> {
    let same_place = move |built: &Built| {
        built.trees.len() == build.stamps.len()
            && build.stamps.iter().all(|stamp| {
                built.trees.iter().any(|tree| {
                    tree.codebase == stamp.codebase.as_str()
                        && tree.repository == stamp.repository
                        && tree.branch == stamp.branch
                })
            })
    };
    state
        .built_of(&build.builder)
        .filter(move |built| built.number != build.number && same_place(built))
}

/// What one codebase's history says of a build.
#[derive(Default)]
struct Lineage<'a> {
    good: Option<&'a Built>,
    new: BTreeSet<ChangeId>,
    since: BTreeSet<ChangeId>,
}

fn trace<'a>(
    state: &'a State,
    stamp: &SourceStamp,
    revision: Option<&str>,
    comparable: &[&'a Built],
) -> Lineage<'a> {
    let is_good = |built: &&&Built| built.results.is_good();
    let Some(revision) = revision else {
        // Nobody knows what was built: the order of arrival is all there is.
        let all: BTreeSet<_> = stamp.changes.iter().copied().collect();
        return Lineage {
            good: comparable.iter().find(is_good).copied(),
            new: all.clone(),
            since: all,
        };
    };
    let built_at = built_at(stamp, comparable);
    let repository = stamp.repository.as_str();
    let walk = ancestors(state, repository, revision, &built_at, comparable);
    let cut_off = walk.seen.len() >= MAX_WALK;
    let own = || {
        let mut own = own_change(state, stamp, revision);
        own.extend(stamp.changes.iter().filter(|_| cut_off));
        own
    };
    let between = |base: &str| changes_between(state, stamp, revision, base);
    let new = match walk.nearest {
        Some((0, ..)) => BTreeSet::new(),
        _ if is_built_upon(state, repository, revision, &walk.seen, &built_at, comparable) => {
            BTreeSet::new()
        }
        Some((_, base, _)) => between(base),
        None => own(),
    };
    let since = match (walk.nearest_good, walk.farthest) {
        (Some((0, ..)), _) => BTreeSet::new(),
        (Some((_, base, _)), _) => between(base),
        (None, Some(base)) => {
            let mut all = between(base);
            all.extend(own_change(state, stamp, base));
            all
        }
        (None, None) => own(),
    };
    Lineage { good: walk.nearest_good.map(|(_, _, built)| built), new, since }
}

/// A built ancestor: how many commits away, its revision, its newest build.
type Hit<'a, 'r> = (usize, &'r str, &'a Built);

struct Walk<'a, 'r> {
    nearest: Option<Hit<'a, 'r>>,
    nearest_good: Option<Hit<'a, 'r>>,
    farthest: Option<&'r str>,
    seen: BTreeSet<String>,
}

/// Walks back from a revision, breadth first, and notes the built ones on the way.
fn ancestors<'a, 'r>(
    state: &State,
    repository: &str,
    revision: &str,
    built_at: &BTreeMap<&'r str, Vec<&'a Built>>,
    comparable: &[&Built],
) -> Walk<'a, 'r> {
    let mut walk =
        Walk { nearest: None, nearest_good: None, farthest: None, seen: BTreeSet::new() };
    let mut queue = VecDeque::from([(0_usize, revision.to_owned())]);
    walk.seen.insert(revision.to_owned());
    let recent: BTreeSet<u32> =
        comparable.iter().take(MAX_DESCENDANTS).map(|built| built.number).collect();
    let is_recent =
        |builds: &Vec<&Built>| builds.iter().any(|built| recent.contains(&built.number));
    let mut recent_left = built_at.values().filter(|builds| is_recent(builds)).count();
    let mut left = built_at.len();
    while let Some((distance, at)) = queue.pop_front() {
        if let Some((revision, builds)) = built_at.get_key_value(at.as_str()) {
            let newest = builds.iter().max_by_key(|built| built.number);
            let good = builds.iter().filter(|built| built.results.is_good());
            let good = good.max_by_key(|built| built.number);
            nearer(&mut walk.nearest, distance, revision, newest.copied());
            nearer(&mut walk.nearest_good, distance, revision, good.copied());
            walk.farthest = Some(revision);
            left -= 1;
            recent_left -= usize::from(is_recent(builds));
        }
        // Nothing further back can matter: the nearest ones are known, and no recent one is left that might descend
        // from here.
        let known = walk.nearest.is_some() && walk.nearest_good.is_some() && recent_left == 0;
        if known || left == 0 || walk.seen.len() >= MAX_WALK {
            break;
        }
        for parent in state.parents(repository, &at).unwrap_or_default() {
            if walk.seen.insert(parent.clone()) {
                queue.push_back((distance + 1, parent.clone()));
            }
        }
    }
    walk
}

/// Keeps the nearer of two hits; at the same distance the newer build.
fn nearer<'a, 'r>(
    best: &mut Option<Hit<'a, 'r>>,
    distance: usize,
    revision: &'r str,
    built: Option<&'a Built>,
) {
    let Some(built) = built else { return };
    let better = best.is_none_or(|(known, _, other)| {
        distance < known || (distance == known && built.number > other.number)
    });
    if better {
        *best = Some((distance, revision, built));
    }
}

/// Whether something already built descends from a revision (C7). `seen` are its ancestors.
fn is_built_upon(
    state: &State,
    repository: &str,
    revision: &str,
    seen: &BTreeSet<String>,
    built_at: &BTreeMap<&str, Vec<&Built>>,
    comparable: &[&Built],
) -> bool {
    let newest: BTreeSet<u32> =
        comparable.iter().take(MAX_DESCENDANTS).map(|built| built.number).collect();
    let from = built_at
        .iter()
        .filter(|(at, builds)| {
            !seen.contains(**at) && builds.iter().any(|built| newest.contains(&built.number))
        })
        .map(|(at, _)| (*at).to_owned());
    let mut queue: VecDeque<String> = from.collect();
    let mut met: BTreeSet<String> = queue.iter().cloned().collect();
    while let Some(at) = queue.pop_front() {
        if at == revision {
            return true;
        }
        if met.len() >= MAX_WALK {
            return false;
        }
        for parent in state.parents(repository, &at).unwrap_or_default() {
            let leads_on = parent == revision || !seen.contains(parent);
            if leads_on && met.insert(parent.clone()) {
                queue.push_back(parent.clone());
            }
        }
    }
    false
}

/// The changes of the commits reachable from `revision` and not from `base`.
fn changes_between(
    state: &State,
    stamp: &SourceStamp,
    revision: &str,
    base: &str,
) -> BTreeSet<ChangeId> {
    let commits = between(state, &stamp.repository, revision, base);
    commits.iter().flat_map(|at| change_at(state, stamp, at)).collect()
}

/// The commits reachable from `revision` and not from `base`. Without a merge in between, the walk ends at `base`;
/// otherwise the ancestors of `base` are walked too, faster, so that a merged branch ends where it forked.
fn between(state: &State, repository: &str, revision: &str, base: &str) -> BTreeSet<String> {
    let parents = |at: &str| state.parents(repository, at).unwrap_or_default();
    let mut new = BTreeSet::from([revision.to_owned()]);
    let mut old = BTreeSet::from([base.to_owned()]);
    let mut ahead = VecDeque::from([revision.to_owned()]);
    let mut behind = VecDeque::from([base.to_owned()]);
    let mut merged = false;
    let mut step_behind = |old: &mut BTreeSet<String>| {
        let Some(at) = behind.pop_front() else { return false };
        for parent in parents(&at) {
            if old.len() < MAX_WALK && old.insert(parent.clone()) {
                behind.push_back(parent.clone());
            }
        }
        true
    };
    while let Some(at) = ahead.pop_front() {
        if old.contains(&at) || new.len() >= MAX_WALK {
            continue;
        }
        let of = parents(&at);
        merged |= of.len() > 1;
        for parent in of {
            if !old.contains(parent) && new.insert(parent.clone()) {
                ahead.push_back(parent.clone());
            }
        }
        if merged {
            step_behind(&mut old);
            step_behind(&mut old);
        }
    }
    if merged {
        while step_behind(&mut old) {}
    }
    new.retain(|at| !old.contains(at));
    new
}

/// The change that speaks of a commit on a stamp's line; of another branch when there is none.
fn change_at(state: &State, stamp: &SourceStamp, revision: &str) -> Option<ChangeId> {
    let same = |change: &&Change| change.codebase == stamp.codebase;
    let mut here = state.changes_at(&stamp.repository, revision).filter(same);
    let on_branch = here.find(|change| change.branch == stamp.branch);
    on_branch
        .or_else(|| state.changes_at(&stamp.repository, revision).find(same))
        .map(|change| change.id)
}

/// A first build is about its own change alone (C7).
fn own_change(state: &State, stamp: &SourceStamp, revision: &str) -> BTreeSet<ChangeId> {
    let own = change_at(state, stamp, revision).or_else(|| {
        // A change that told no revision is in whatever the tip was.
        let its = stamp.revision.as_deref().is_none_or(|pinned| pinned == revision);
        stamp.changes.last().copied().filter(|_| its)
    });
    own.into_iter().collect()
}

fn people(state: &State, changes: &BTreeSet<ChangeId>) -> Vec<String> {
    let changes = changes.iter().filter_map(|id| state.change(*id));
    let people: BTreeSet<_> = changes.map(|change| change.author.clone()).collect();
    people.into_iter().filter(|author| !author.is_empty()).collect()
}

/// Of some changes of one codebase, the one whose tree holds the others: the last to arrive, unless the graph says that
/// it is an ancestor of another on the same branch (CH-10).
pub(crate) fn head<'a>(state: &'a State, changes: &[&'a Change]) -> Option<&'a Change> {
    let mut head = *changes.last()?;
    // As a rule they came in order, and one walk back from the last meets all of them.
    let far = MAX_ORDER_WALK + changes.len();
    let mut below = behind(state, head, far);
    for other in changes.iter().rev().skip(1) {
        let same_line = other.repository == head.repository && other.branch == head.branch;
        if let (Some(older), Some(newer)) = (&head.revision, &other.revision)
            && same_line
            && !below.contains(newer.as_str())
            && behind(state, other, MAX_ORDER_WALK).contains(older.as_str())
        {
            head = other;
            below = behind(state, head, far);
        }
    }
    Some(head)
}

/// The most commits looked at to order two changes that came together.
const MAX_ORDER_WALK: usize = 500;

/// A change's revision and its ancestors, so many commits at most.
fn behind<'a>(state: &'a State, change: &'a Change, most: usize) -> BTreeSet<&'a str> {
    let Some(revision) = change.revision.as_deref() else { return BTreeSet::new() };
    let mut seen = BTreeSet::from([revision]);
    let mut queue = VecDeque::from([revision]);
    while let Some(at) = queue.pop_front() {
        for parent in state.parents(&change.repository, at).unwrap_or_default() {
            if seen.len() < most && seen.insert(parent) {
                queue.push_back(parent);
            }
        }
    }
    seen
}
