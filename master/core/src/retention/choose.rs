//! The decision: which of history goes by the rules, and why the rest of what is old stays. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::BITE;
use super::history::{BuildRow, History};
use super::needs::{Need, Needs};
use crate::config::{HistoryKind, Limit, Limits};
use crate::id::{BuildId, BuilderName, BuildsetId, ChangeId, ConfigDigest};
use crate::model::{Deletion, GoneBuild, GoneStatistics, build_ref};
use crate::time::{Span, Timestamp};

/// What goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chosen {
    /// Whole builds, oldest first of each builder.
    pub builds: Vec<GoneBuild>,
    /// The logs of builds that stay.
    pub logs: Vec<GoneBuild>,
    /// The artifacts of builds that stay.
    pub artifacts: Vec<GoneBuild>,
    /// What builds counted.
    pub statistics: Vec<GoneStatistics>,
    /// Buildsets, and when they were complete.
    pub buildsets: Vec<(BuildsetId, Timestamp)>,
    /// Changes, when they came, and the rule.
    pub changes: Vec<(ChangeId, Timestamp)>,
    /// The rule by which changes go.
    pub changes_rule: String,
    /// Texts of configurations by which no build that stays was made.
    pub configs: Vec<ConfigDigest>,
    /// How many old builds stay all the same, and why.
    pub kept: BTreeMap<Need, u64>,
    /// How many old changes stay, as a build that stays names them or something waits for them.
    pub changes_kept: u64,
}

/// A line of what goes: things of one kind, by one rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// `builds logs artifacts statistics buildsets changes configurations`.
    pub kind: &'static str,
    /// As it would be written; empty: it follows from what else goes.
    pub rule: String,
    /// How many.
    pub count: u64,
    /// What their files take, as they were recorded.
    pub bytes: u64,
    /// When the oldest ended or came.
    pub oldest: Option<Timestamp>,
    /// When the newest did.
    pub newest: Option<Timestamp>,
    /// The oldest and the newest, for people.
    pub names: Option<(String, String)>,
}

/// What of a history goes by these rules at this moment. What [`Needs`] names stays.
#[must_use]
pub fn choose(limits: &Limits, needs: &Needs, history: &History, now: Timestamp) -> Chosen {
    let mut chosen = Chosen::default();
    let mut kept = Kept::default();
    for (builder, rows) in &history.builds {
        builds(limits, needs, builder, rows, now, &mut chosen, &mut kept);
    }
    for (builder, rows) in &history.statistics {
        let Some(limit) = limits.of(builder, HistoryKind::Statistics) else { continue };
        let pinned = |id: BuildId| needs.builds.get(&id) == Some(&Need::Pinned);
        for (rank, row) in rows.iter().rev().enumerate() {
            if limit.is_old(row.ended, rank, now) && !row.id.is_some_and(pinned) {
                chosen.statistics.push(GoneStatistics {
                    id: row.id,
                    build: build_ref(builder, row.number),
                    ended: row.ended,
                    rule: limit.words(HistoryKind::Statistics),
                });
            }
        }
    }
    buildsets(limits, needs, history, now, &mut chosen, &mut kept);
    changes(limits, needs, history, now, &mut chosen, &kept);
    if limits.speak_of(HistoryKind::Builds) {
        let unused = |digest: &&ConfigDigest| {
            !needs.configs.contains(*digest) && !kept.configs.contains(*digest)
        };
        chosen.configs = history.configs.iter().filter(unused).cloned().collect();
    }
    for gone in [&mut chosen.builds, &mut chosen.logs, &mut chosen.artifacts] {
        gone.sort_by_key(|gone| gone.id);
    }
    chosen.statistics.sort_by(|a, b| a.build.cmp(&b.build));
    chosen
}

/// What belongs to the builds that stay.
#[derive(Default)]
struct Kept<'h> {
    builds: BTreeSet<BuildId>,
    configs: BTreeSet<&'h ConfigDigest>,
    changes: BTreeSet<ChangeId>,
}

fn builds<'h>(
    limits: &Limits,
    needs: &Needs,
    builder: &BuilderName,
    rows: &'h [BuildRow],
    now: Timestamp,
    chosen: &mut Chosen,
    kept: &mut Kept<'h>,
) {
    let of = |what| limits.of(builder, what);
    let (whole, logs, artifacts) =
        (of(HistoryKind::Builds), of(HistoryKind::Logs), of(HistoryKind::Artifacts));
    // Of requests that were tried more than once, all tries stay as long as the last.
    let mut tried = BTreeSet::new();
    for (rank, row) in rows.iter().rev().enumerate() {
        let build = build_ref(builder, row.number);
        let gone = |rule: String| GoneBuild {
            id: row.id,
            build: build.clone(),
            ended: row.ended,
            rule,
            bytes: 0,
        };
        let again = tried.contains(&row.buildset).then_some(Need::Tried);
        let need = needs.of_build(row.id, &build, row.buildset).or(again);
        if let Some(limit) = whole.filter(|limit| limit.is_old(row.ended, rank, now)) {
            let Some(need) = need else {
                chosen.builds.push(gone(limit.words(HistoryKind::Builds)));
                continue;
            };
            *chosen.kept.entry(need).or_default() += 1;
        }
        tried.insert(row.buildset);
        kept.builds.insert(row.id);
        kept.configs.insert(&row.config);
        kept.changes.extend(&row.changes);
        if need.is_some_and(Need::keeps_files) {
            continue;
        }
        if let Some(limit) = logs.filter(|it| row.logs && it.is_old(row.ended, rank, now)) {
            chosen.logs.push(gone(limit.words(HistoryKind::Logs)));
        }
        let old = |it: &Limit| row.artifacts && it.is_old(row.ended, rank, now);
        if let Some(limit) = artifacts.filter(old) {
            chosen.artifacts.push(gone(limit.words(HistoryKind::Artifacts)));
        }
    }
}

/// A buildset goes after the last build of its requests; one that was never built goes when such a build would.
fn buildsets<'h>(
    limits: &Limits,
    needs: &Needs,
    history: &'h History,
    now: Timestamp,
    chosen: &mut Chosen,
    kept: &mut Kept<'h>,
) {
    let mut edges = BTreeMap::new();
    for row in &history.buildsets {
        let mut goes = !needs.keep_buildset(row.id) && !row.requests.is_empty();
        for (builder, builds) in &row.requests {
            let edge = edges.entry(builder).or_insert_with(|| edge(limits, builder, history, now));
            goes &= !builds.iter().any(|build| kept.builds.contains(build));
            goes &= edge.is_some_and(|edge| !builds.is_empty() || row.ended < edge);
        }
        if goes {
            chosen.buildsets.push((row.id, row.ended));
        } else {
            kept.changes.extend(&row.changes);
        }
    }
}

/// What ended before this is old for a builder; `None`: nothing is.
fn edge(
    limits: &Limits,
    builder: &BuilderName,
    history: &History,
    now: Timestamp,
) -> Option<Timestamp> {
    let limit = limits.of(builder, HistoryKind::Builds)?;
    let aged = limit.age.map_or(Timestamp(i64::MAX), |age| now + Span(-age.millis()));
    let beyond = limit.kept.map_or(Timestamp(i64::MAX), |kept| {
        let rows = history.builds.get(builder).map_or(&[] as &[BuildRow], Vec::as_slice);
        let oldest = rows.iter().rev().nth((kept as usize).saturating_sub(1));
        oldest.map_or(Timestamp(i64::MIN), |row| row.ended)
    });
    Some(aged.min(beyond))
}

fn changes(
    limits: &Limits,
    needs: &Needs,
    history: &History,
    now: Timestamp,
    chosen: &mut Chosen,
    kept: &Kept<'_>,
) {
    let Some(limit) = limits.of_changes() else { return };
    chosen.changes_rule = limit.words(HistoryKind::Changes);
    for (rank, row) in history.changes.iter().rev().enumerate() {
        if !limit.is_old(row.received, rank, now) {
            continue;
        }
        if needs.changes.contains(&row.id) || kept.changes.contains(&row.id) {
            chosen.changes_kept += 1;
        } else {
            chosen.changes.push((row.id, row.received));
        }
    }
    chosen.changes.reverse();
}

impl Chosen {
    /// Whether nothing goes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.builds.is_empty() && self.has_no_files() && self.has_no_rest()
    }

    const fn has_no_files(&self) -> bool {
        self.logs.is_empty() && self.artifacts.is_empty()
    }

    const fn has_no_rest(&self) -> bool {
        self.statistics.is_empty()
            && self.buildsets.is_empty()
            && self.changes.is_empty()
            && self.configs.is_empty()
    }

    /// Builds and what belongs to them, in bites.
    #[must_use]
    pub fn first(&self) -> Vec<Deletion> {
        let mut bites = Vec::new();
        let mut add = |all: &[GoneBuild], put: fn(&mut Deletion, Vec<GoneBuild>)| {
            for some in all.chunks(BITE) {
                let mut bite = Deletion::default();
                put(&mut bite, some.to_vec());
                bites.push(bite);
            }
        };
        add(&self.builds, |bite, some| bite.builds = some);
        add(&self.logs, |bite, some| bite.logs = some);
        add(&self.artifacts, |bite, some| bite.artifacts = some);
        bites
    }

    /// What nothing names any more once those are gone, in bites. Only right when no build is chosen: what a build names
    /// stays until that build is really gone.
    #[must_use]
    pub fn then(&self) -> Vec<Deletion> {
        let bite = Deletion::default;
        let statistics = self.statistics.chunks(BITE);
        let statistics = statistics.map(|some| Deletion { statistics: some.to_vec(), ..bite() });
        let buildsets = self
            .buildsets
            .chunks(BITE)
            .map(|some| Deletion { buildsets: some.iter().map(|(id, _)| *id).collect(), ..bite() });
        let changes = self
            .changes
            .chunks(BITE)
            .map(|some| Deletion { changes: some.iter().map(|(id, _)| *id).collect(), ..bite() });
        let configs = self.configs.chunks(BITE);
        let configs = configs.map(|some| Deletion { configs: some.to_vec(), ..bite() });
        statistics.chain(buildsets).chain(changes).chain(configs).collect()
    }

    /// What goes in words: one line for each kind and rule.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (kind, all) in
            [("builds", &self.builds), ("logs", &self.logs), ("artifacts", &self.artifacts)]
        {
            let things = all.iter().map(|gone| Thing {
                rule: &gone.rule,
                bytes: gone.bytes,
                at: gone.ended,
                name: gone.build.to_string(),
            });
            sum(&mut items, kind, things);
        }
        let things = self.statistics.iter().map(|gone| Thing {
            rule: &gone.rule,
            bytes: 0,
            at: gone.ended,
            name: gone.build.to_string(),
        });
        sum(&mut items, "statistics", things);
        let of = |name: String, at: Timestamp, rule| Thing { rule, bytes: 0, at, name };
        let buildsets = self.buildsets.iter().map(|(id, at)| of(id.to_string(), *at, ""));
        sum(&mut items, "buildsets", buildsets);
        let changes = self.changes.iter();
        sum(
            &mut items,
            "changes",
            changes.map(|(id, at)| of(id.to_string(), *at, &self.changes_rule)),
        );
        if !self.configs.is_empty() {
            items.push(Item {
                kind: "configurations",
                rule: String::new(),
                count: self.configs.len() as u64,
                bytes: 0,
                oldest: None,
                newest: None,
                names: None,
            });
        }
        items
    }
}

/// One of what goes.
struct Thing<'a> {
    rule: &'a str,
    bytes: u64,
    at: Timestamp,
    name: String,
}

fn sum<'a>(items: &mut Vec<Item>, kind: &'static str, things: impl Iterator<Item = Thing<'a>>) {
    let mut rules: BTreeMap<&str, Item> = BTreeMap::new();
    for Thing { rule, bytes, at, name } in things {
        let item = rules.entry(rule).or_insert_with(|| Item {
            kind,
            rule: rule.to_owned(),
            count: 0,
            bytes: 0,
            oldest: None,
            newest: None,
            names: None,
        });
        item.count += 1;
        item.bytes = item.bytes.saturating_add(bytes);
        let (first, last) = item.names.get_or_insert_with(|| (name.clone(), name.clone()));
        if item.oldest.is_none_or(|oldest| at < oldest) {
            item.oldest = Some(at);
            first.clone_from(&name);
        }
        if item.newest.is_none_or(|newest| at >= newest) {
            item.newest = Some(at);
            *last = name;
        }
    }
    items.extend(rules.into_values());
}
