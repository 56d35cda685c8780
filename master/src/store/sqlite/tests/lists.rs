//! Lists against the plain way to make them: all rows, filtered one by one.

use linn_core::id::{BuildId, BuildRef, Seq};
use linn_core::model::Build;
use linn_core::properties::Properties;
use linn_core::results::Results;
use linn_core::time::Timestamp;

use super::super::super::{
    BuildFilter, BuildStateFilter, BuildsetFilter, ChangeFilter, MemoryStore, RequestFilter,
    StatisticFilter, Store,
};
use super::super::{SqliteStore, migrate};
use super::story::{Story, builder};

fn told() -> (tempfile::TempDir, SqliteStore, MemoryStore) {
    let folder = tempfile::tempdir().unwrap();
    let mut sqlite = SqliteStore::open(folder.path()).unwrap();
    let mut memory = MemoryStore::new();
    let mut story = Story::new();
    for nth in 0..3_000_u32 {
        let dice = nth.wrapping_mul(2_654_435_761);
        let records = story.next((dice >> 24) as u8, dice >> 3);
        let at = Timestamp(story.now);
        sqlite.commit(at, &records).unwrap();
        memory.commit(at, &records).unwrap();
    }
    (folder, sqlite, memory)
}

#[test]
fn builds_are_listed_by_all_filters() {
    let (_folder, sqlite, memory) = told();
    let queries = sqlite.queries();
    let all: Vec<Build> = (1..).map_while(|id| memory.build(BuildId(id)).cloned()).collect();
    assert!(all.len() > 100);
    let middle = all[all.len() / 2].started_at;
    let mut filters = vec![BuildFilter::default()];
    let narrowing: [fn(&mut BuildFilter); 8] = [
        |it| it.builder = Some(builder(7)),
        |it| it.branch = Some("b1".to_owned()),
        |it| it.results = Some(Results::Failure),
        |it| it.state = Some(BuildStateFilter::Finished),
        |it| it.state = Some(BuildStateFilter::Running),
        |it| it.before = Some(60),
        |it| it.limit = 3,
        |it| it.brief = true,
    ];
    for change in narrowing {
        for mut filter in filters.clone() {
            change(&mut filter);
            filters.push(filter);
        }
    }
    for mut filter in filters.clone().into_iter().take(64) {
        filter.since = Some(middle);
        filters.push(filter);
    }
    for filter in filters {
        let expected: Vec<Build> = all
            .iter()
            .rev()
            .filter(|it| filter.builder.as_ref().is_none_or(|builder| it.builder == *builder))
            .filter(|it| {
                filter.branch.is_none()
                    || it.stamps.iter().any(|stamp| stamp.branch == filter.branch)
            })
            .filter(|it| {
                filter
                    .results
                    .is_none_or(|results| it.complete_at.is_some() && it.results == results)
            })
            .filter(|it| filter.state.is_none_or(|state| state.is_of(it)))
            .filter(|it| {
                filter.since.is_none_or(|since| it.complete_at.is_none_or(|at| at >= since))
            })
            .filter(|it| filter.before.is_none_or(|before| it.id.0 < before))
            .take(filter.limit)
            .cloned()
            .map(|mut it| {
                if filter.brief {
                    it.properties = Properties::new();
                }
                it
            })
            .collect();
        assert!(queries.builds(&filter).unwrap() == expected, "{filter:?}");
    }
}

#[test]
fn single_things_are_found() {
    let (_folder, mut sqlite, memory) = told();
    let queries = sqlite.queries();
    let last = (1..).map_while(|id| memory.build(BuildId(id))).last().unwrap();
    assert!(queries.build(&last.reference()).unwrap().as_ref() == Some(last));
    assert_eq!(queries.build(&BuildRef { builder: builder(7), number: 9_999 }).unwrap(), None);
    let newest = queries.newest_build(&last.builder).unwrap().unwrap();
    assert_eq!(newest.number, sqlite.load().unwrap().numbers[&last.builder]);
    let request = queries.request(last.requests[0]).unwrap().unwrap();
    assert!(request.builds.contains(&(last.id, last.number)));
    let buildset = queries.buildset(last.buildset).unwrap().unwrap();
    assert!(buildset.requests.contains(&request.id));
    let finished = queries
        .builds(&BuildFilter { state: Some(BuildStateFilter::Finished), ..BuildFilter::default() })
        .unwrap();
    let build = &finished[0];
    let (name, log) = (&build.steps[0].name, &build.steps[0].logs[0]);
    let found = queries.log_of(&build.reference(), name, "stdio").unwrap();
    assert_eq!(found, Some((build.id, log.clone())));
    assert_eq!(queries.log_of(&build.reference(), "1", "stdio").unwrap(), found);
    assert_eq!(queries.log_of(&build.reference(), "9", "stdio").unwrap(), None);
}

#[test]
fn other_lists_page_and_filter() {
    let (_folder, mut sqlite, _memory) = told();
    let queries = sqlite.queries();
    let tables = sqlite.load().unwrap();
    let open =
        queries.requests(&RequestFilter { limit: 1_000, ..RequestFilter::default() }).unwrap();
    assert!(!open.is_empty());
    assert!(open.is_sorted_by_key(|it| (std::cmp::Reverse(it.priority), it.id)));
    assert!(open.iter().all(|it| it.complete_at.is_none()));
    let filter =
        RequestFilter { all: true, before: Some(50), limit: 10, ..RequestFilter::default() };
    let page: Vec<u64> = queries.requests(&filter).unwrap().iter().map(|it| it.id.0).collect();
    assert_eq!(page, (40..50).rev().collect::<Vec<_>>());

    let filter = ChangeFilter {
        branch: Some("b1".to_owned()),
        author: Some("ANN 1".to_owned()),
        ..ChangeFilter::default()
    };
    let changes = queries.changes(&filter).unwrap();
    let plain = tables.changes.iter().rev();
    let plain =
        plain.filter(|it| it.branch.as_deref() == Some("b1") && it.author.contains("Ann 1"));
    assert_eq!(changes, plain.take(200).cloned().collect::<Vec<_>>());
    assert!(!changes.is_empty());
    assert_eq!(queries.change(changes[0].id).unwrap().as_ref(), Some(&changes[0]));

    let filter = BuildsetFilter { builder: Some(builder(3)), ..BuildsetFilter::default() };
    let buildsets = queries.buildsets(&filter).unwrap();
    assert!(!buildsets.is_empty() && buildsets.is_sorted_by_key(|it| std::cmp::Reverse(it.id)));

    // BS-7: by its external id, and through an index.
    let filter =
        |id: &str| BuildsetFilter { external_id: Some(id.to_owned()), ..BuildsetFilter::default() };
    let wanted = tables.buildsets.iter().rev().find(|it| !it.external_id.is_empty()).unwrap();
    assert_eq!(
        queries.buildsets(&filter(&wanted.external_id)).unwrap(),
        std::slice::from_ref(wanted)
    );
    assert_eq!(queries.buildsets(&filter("other")).unwrap(), []);
    let sql =
        "EXPLAIN QUERY PLAN SELECT id FROM buildset WHERE external_id <> '' AND external_id = ?";
    let plan: String = sqlite.db.query_row(sql, ["x"], |row| row.get(3)).unwrap();
    assert!(plan.contains("buildset_by_external_id"), "{plan}");

    let events = queries.events(Some(Seq(10)), "build_started", 5).unwrap();
    assert!(events.len() == 5 && events[0].seq > Seq(10));
    assert!(
        events.iter().all(|event| event.kind == "build_started" && event.body.starts_with('{'))
    );
}

/// C33: for each build and name the sum over its steps, newest first.
#[test]
fn statistics_are_what_the_steps_counted() {
    let (_folder, sqlite, memory) = told();
    let queries = sqlite.queries();
    let mut some = 0;
    for nth in 0..20 {
        let builder = builder(nth);
        let of = |build: &&Build| build.builder == builder;
        let all: Vec<&Build> = (1..).map_while(|id| memory.build(BuildId(id))).filter(of).collect();
        let mut expected = Vec::new();
        for build in all.iter().rev() {
            let mut sums = std::collections::BTreeMap::<&str, f64>::new();
            for (name, value) in build.steps.iter().flat_map(|step| &step.statistics) {
                *sums.entry(name).or_default() += value;
            }
            let one = |(name, value): (&str, f64)| (build.number, name.to_owned(), value);
            expected.extend(sums.into_iter().map(one));
        }
        let ask = |name: Option<&str>, before, limit| {
            let name = name.map(str::to_owned);
            let filter = StatisticFilter { builder: builder.clone(), name, before, limit };
            let found = queries.statistics(&filter).unwrap().into_iter();
            let counted = found.filter(|it| !it.name.starts_with("seconds"));
            counted.map(|it| (it.number, it.name, it.value)).collect::<Vec<_>>()
        };
        assert_eq!(ask(None, None, 10_000), expected);
        assert_eq!(ask(Some("warnings"), None, 10_000), expected, "the story has one name");
        assert_eq!(ask(Some("other"), None, 10_000), []);
        assert_eq!(ask(None, None, 2), expected.iter().take(2).cloned().collect::<Vec<_>>());
        if let Some((number, ..)) = expected.first().cloned() {
            assert_eq!(ask(Some("warnings"), Some(number), 10_000), expected[1..]);
            assert_eq!(ask(None, Some(number), 10_000), expected[1..]);
        }
        some += expected.len();
    }
    assert!(some > 20, "{some}");
}

#[test]
fn how_long_builds_and_steps_took_is_a_statistic() {
    let (_folder, sqlite, memory) = told();
    let queries = sqlite.queries();
    let seconds = |from: Timestamp, to: Timestamp| (to.0 - from.0) as f64 / 1000.0;
    let mut some = 0;
    for builder in (0..8).map(builder) {
        let mut expected = Vec::new();
        let all = (1..).map_while(|id| memory.build(BuildId(id)));
        for build in all.filter(|build| build.builder == builder) {
            let Some(end) = build.complete_at else { continue };
            expected.push((build.number, "seconds".to_owned(), seconds(build.started_at, end)));
            for step in &build.steps {
                if let (Some(from), Some(to)) = (step.started_at, step.complete_at) {
                    let name = format!("seconds/{}", step.name);
                    expected.push((build.number, name, seconds(from, to)));
                }
            }
        }
        let ask = |name: Option<&str>| {
            let name = name.map(str::to_owned);
            let filter =
                StatisticFilter { builder: builder.clone(), name, before: None, limit: 10_000 };
            let found = queries.statistics(&filter).unwrap().into_iter();
            let timed = found.filter(|it| it.name.starts_with("seconds"));
            let mut timed: Vec<_> = timed.map(|it| (it.number, it.name, it.value)).collect();
            timed.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
            timed
        };
        expected.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
        assert_eq!(ask(None), expected);
        for name in ["seconds", "seconds/step 1"] {
            let of_name: Vec<_> = expected.iter().filter(|it| it.1 == name).cloned().collect();
            assert_eq!(ask(Some(name)), of_name);
        }
        some += expected.len();
    }
    assert!(some > 10, "{some}");
}

/// A database of the step before brings the numbers of its builds.
#[test]
fn statistics_of_older_builds_are_taken_over() {
    let (folder, sqlite, _) = told();
    let filter = StatisticFilter { builder: builder(7), name: None, before: None, limit: 10_000 };
    let wanted = sqlite.queries().statistics(&filter).unwrap();
    assert!(!wanted.is_empty());
    sqlite.db.execute_batch("DROP TABLE statistic").unwrap();
    let steps = migrate::steps();
    let step = steps.iter().find(|step| step.contains("CREATE TABLE statistic")).unwrap();
    sqlite.db.execute_batch(step).unwrap();
    drop(sqlite);
    let sqlite = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(sqlite.queries().statistics(&filter).unwrap(), wanted);
}
