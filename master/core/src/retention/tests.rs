//! The decision, on histories made by hand.

use std::collections::BTreeMap;

use super::{
    BuildRow, BuildsetRow, ChangeRow, Chosen, History, Need, Needs, StatisticsRow, choose,
};
use crate::config::{HistoryKind, Limit, Limits, Pattern, Retention};
use crate::id::{BuildId, BuilderName, BuildsetId, ChangeId, ConfigDigest};
use crate::time::{Span, Timestamp};

const DAY: i64 = 24 * 3_600_000;
const NOW: Timestamp = Timestamp(1_000 * DAY);

fn days(days: i64) -> Option<Span> {
    Some(Span(days * DAY))
}

fn rule(what: HistoryKind, age: Option<Span>, kept: Option<u32>) -> Retention {
    Retention { builders: Vec::new(), limits: [(what, Limit { age, kept })].into() }
}

/// A build that ended so many days ago, of a buildset of its own, which names a change of its own.
fn build(number: u32, ago: i64) -> BuildRow {
    let id = u64::from(number);
    BuildRow {
        id: BuildId(id),
        number,
        buildset: BuildsetId(id),
        ended: Timestamp(NOW.0 - ago * DAY),
        logs: true,
        artifacts: number.is_multiple_of(2),
        config: ConfigDigest::from(if number < 3 { "old" } else { "new" }),
        changes: vec![ChangeId(id)],
    }
}

fn builder() -> BuilderName {
    "b".into()
}

/// Builds 1 to 6, which ended 60, 50, ... 10 days ago.
fn history() -> History {
    let rows: Vec<_> = (1..=6).map(|number| build(number, 70 - 10 * i64::from(number))).collect();
    let buildsets = rows.iter().map(|row| BuildsetRow {
        id: row.buildset,
        ended: row.ended,
        requests: vec![(builder(), vec![row.id])],
        changes: row.changes.clone(),
    });
    let changes = rows.iter().map(|row| ChangeRow { id: ChangeId(row.id.0), received: row.ended });
    let statistics = rows.iter().map(|row| StatisticsRow {
        number: row.number,
        ended: row.ended,
        id: Some(row.id),
    });
    History {
        statistics: BTreeMap::from([(builder(), statistics.collect())]),
        buildsets: buildsets.collect(),
        changes: changes.collect(),
        configs: ["old".into(), "new".into(), "now".into()].into(),
        builds: BTreeMap::from([(builder(), rows)]),
    }
}

fn needs(builds: &[(u64, Need)]) -> Needs {
    Needs {
        builds: builds.iter().map(|(id, need)| (BuildId(*id), *need)).collect(),
        configs: ["now".into()].into(),
        ..Needs::default()
    }
}

fn chosen(rules: &[Retention], needs: &Needs, history: &History) -> Chosen {
    choose(&Limits::new(rules), needs, history, NOW)
}

fn numbers(gone: &[crate::model::GoneBuild]) -> Vec<u32> {
    gone.iter().map(|gone| gone.build.number).collect()
}

#[test]
fn nothing_goes_without_rules() {
    assert!(chosen(&[], &Needs::default(), &history()).is_empty());
}

/// Age and count: what every given part says is old.
#[test]
fn builds_go_by_age_and_by_count() {
    let goes = |age, kept| {
        let rules = [rule(HistoryKind::Builds, age, kept)];
        numbers(&chosen(&rules, &needs(&[]), &history()).builds)
    };
    assert_eq!(goes(days(35), None), [1, 2, 3]);
    assert_eq!(goes(None, Some(2)), [1, 2, 3, 4]);
    assert_eq!(goes(days(45), Some(2)), [1, 2]);
    assert_eq!(goes(days(5), Some(5)), [1]);
}

#[test]
fn what_is_needed_stays_with_a_reason() {
    let needs = needs(&[(1, Need::Pinned), (2, Need::LastGood), (6, Need::Newest)]);
    let chosen = chosen(&[rule(HistoryKind::Builds, days(1), None)], &needs, &history());
    assert_eq!(numbers(&chosen.builds), [3, 4, 5]);
    let kept = [(Need::Pinned, 1), (Need::Newest, 1), (Need::LastGood, 1)];
    assert_eq!(chosen.kept, BTreeMap::from(kept));
    // The recipes: of what stays, and of what is followed.
    assert!(chosen.configs.is_empty(), "{:?}", chosen.configs);
}

#[test]
fn a_recipe_goes_with_the_last_build_that_was_made_by_it() {
    let needs = needs(&[(6, Need::Newest)]);
    let chosen = chosen(&[rule(HistoryKind::Builds, days(45), None)], &needs, &history());
    assert_eq!(numbers(&chosen.builds), [1, 2]);
    assert_eq!(chosen.configs, ["old".into()]);
}

/// Logs and artifacts go before their builds, but not those of what is pinned or may go on.
#[test]
fn files_go_and_builds_stay() {
    let rules = [
        rule(HistoryKind::Logs, days(25), None),
        rule(HistoryKind::Artifacts, None, Some(1)),
        rule(HistoryKind::Builds, days(55), None),
    ];
    let needs = needs(&[(2, Need::Pinned), (3, Need::Live), (4, Need::Last)]);
    let mut history = history();
    let rows = history.builds.get_mut("b").unwrap();
    rows[4].logs = false;
    rows[4].ended = Timestamp(0);
    let chosen = chosen(&rules, &needs, &history);
    assert_eq!(numbers(&chosen.builds), [1, 5]);
    assert_eq!(numbers(&chosen.logs), [4], "of the last of a branch too: only the build is needed");
    assert_eq!(numbers(&chosen.artifacts), [4], "the newest build keeps its own");
    assert_eq!(chosen.logs[0].rule, "logs = 25d");
}

#[test]
fn tries_at_one_request_go_together() {
    let mut history = history();
    let rows = history.builds.get_mut("b").unwrap();
    rows[0].buildset = BuildsetId(5);
    let chosen = chosen(&[rule(HistoryKind::Builds, days(25), None)], &needs(&[]), &history);
    assert_eq!(numbers(&chosen.builds), [2, 3, 4]);
    assert_eq!(chosen.kept.get(&Need::Tried), Some(&1));
}

/// A buildset stays as long as a build of one of its requests, also one that took a request in (MG-3).
#[test]
fn buildsets_go_after_their_builds() {
    let mut history = history();
    history.buildsets[0].requests.push((builder(), vec![BuildId(6)]));
    history.buildsets[1].requests.push(("other".into(), Vec::new()));
    let ids = |chosen: &Chosen| -> Vec<_> { chosen.buildsets.iter().map(|it| it.0.0).collect() };
    let rules = [rule(HistoryKind::Builds, days(25), None)];
    assert_eq!(ids(&chosen(&rules, &needs(&[]), &history)), [2, 3, 4]);
    // Who was never built goes when it is old enough, and never by a count that nothing fills.
    history.buildsets[1].ended = Timestamp(NOW.0 - 5 * DAY);
    assert_eq!(ids(&chosen(&rules, &needs(&[]), &history)), [3, 4]);
    let rules = [rule(HistoryKind::Builds, None, Some(3))];
    assert_eq!(ids(&chosen(&rules, &needs(&[]), &history)), [3]);
    let mut needs = needs(&[]);
    needs.buildsets.insert(BuildsetId(3));
    assert!(ids(&chosen(&rules, &needs, &history)).is_empty());
}

/// Its id is never given again, as it stays; what was built for it is as old as anything.
#[test]
fn the_newest_buildset_stays_without_its_builds() {
    let rules =
        [rule(HistoryKind::Builds, days(1), None), rule(HistoryKind::Artifacts, days(1), None)];
    let mut needs = needs(&[(6, Need::Newest)]);
    needs.last_buildset = Some(BuildsetId(4));
    let chosen = chosen(&rules, &needs, &history());
    assert_eq!(numbers(&chosen.builds), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&chosen.artifacts), [6]);
    let ids: Vec<_> = chosen.buildsets.iter().map(|it| it.0.0).collect();
    assert_eq!(ids, [1, 2, 3, 5]);
}

#[test]
fn changes_go_unless_something_that_stays_names_them() {
    let ids = |chosen: &Chosen| -> Vec<_> { chosen.changes.iter().map(|it| it.0.0).collect() };
    let rules = [rule(HistoryKind::Changes, days(15), None)];
    let all = chosen(&rules, &needs(&[]), &history());
    assert_eq!((ids(&all), all.changes_kept), (vec![], 5), "every build stays and names its own");
    let rules =
        [rule(HistoryKind::Changes, days(15), Some(4)), rule(HistoryKind::Builds, days(1), None)];
    let mut needs = needs(&[]);
    needs.changes.insert(ChangeId(2));
    let some = chosen(&rules, &needs, &history());
    assert_eq!((ids(&some), some.changes_kept), (vec![1], 1));
}

/// What a build counted outlives it, and goes by rules of its own; a pinned one keeps it.
#[test]
fn statistics_go_by_their_own_rule() {
    let mut history = history();
    history.builds.clear();
    let rules = [rule(HistoryKind::Statistics, days(35), None)];
    let chosen = chosen(&rules, &needs(&[(2, Need::Pinned)]), &history);
    let numbers: Vec<_> = chosen.statistics.iter().map(|gone| gone.build.number).collect();
    assert_eq!(numbers, [1, 3]);
}

#[test]
fn bites_are_small_and_in_order() {
    let rows: Vec<_> = (1..=250).map(|number| build(number, 400 - i64::from(number))).collect();
    let history = History { builds: BTreeMap::from([(builder(), rows)]), ..History::default() };
    let rules = [rule(HistoryKind::Builds, None, Some(5)), rule(HistoryKind::Logs, days(1), None)];
    let chosen = chosen(&rules, &needs(&[]), &history);
    let bites = chosen.first();
    assert!(bites.iter().all(|bite| bite.len() <= super::BITE && !bite.is_empty()));
    assert_eq!(bites.iter().map(|bite| bite.builds.len()).sum::<usize>(), 245);
    assert_eq!(bites[0].builds[0].build.number, 1);
    assert_eq!(bites.last().unwrap().logs.len(), 5);
    let items = chosen.items();
    assert_eq!((items[0].kind, items[0].count), ("builds", 245));
    assert_eq!(items[0].names, Some(("b#1".to_owned(), "b#245".to_owned())));
}

#[test]
fn a_rule_may_be_for_some_builders() {
    let mut rule = rule(HistoryKind::Builds, days(5), None);
    rule.builders = vec![Pattern("x*".to_owned())];
    assert!(chosen(&[rule], &needs(&[]), &history()).is_empty());
}
