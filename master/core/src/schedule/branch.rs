//! Branch schedulers: the quiet period, and what is built when it ends (TS-1 to TS-12).

use super::order::{self, Order};
use super::stamp::stamps;
use super::{on_branches, timer_of};
use crate::change::Change;
use crate::config::{Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::{ChangeId, SchedulerName};
use crate::record::Record;
use crate::timers::{important, quiet_deadline, together};

/// The deadline of a scheduler has come: builds what has been quiet for long enough.
pub(super) fn fire(ctx: &mut Ctx<'_>, name: &SchedulerName) {
    let config = ctx.config();
    let Some(scheduler) = config.scheduler(name) else { return };
    let Some(timer) = timer_of(scheduler) else { return };
    let now = ctx.now;
    let due = |at: Option<_>| at.is_some_and(|at| at <= now);
    let lines = ctx.state().quiet_of(name);
    let mut sets: Vec<Vec<ChangeId>> = Vec::new();
    if matches!(scheduler.kind, SchedulerKind::AnyBranch(_)) {
        for (_, quiet) in lines {
            if due(quiet_deadline(timer, important(quiet))) {
                sets.push(quiet.changes.keys().copied().collect());
            }
        }
    } else if due(quiet_deadline(timer, together(lines.map(|(_, quiet)| quiet)))) {
        sets.push(ctx.state().waiting_of(name).map(|(id, _)| id).collect());
    }
    for changes in sets {
        let scheduler_name = name.clone();
        build(ctx, scheduler, &changes);
        ctx.record(Record::SchedulerFired { scheduler: scheduler_name, changes, at: now });
    }
}

/// One buildset of these changes, oldest first (TS-1, TS-3).
pub(super) fn build(ctx: &mut Ctx<'_>, scheduler: &Scheduler, ids: &[ChangeId]) {
    let config = ctx.config();
    let state = ctx.state();
    let changes: Vec<&Change> = ids.iter().filter_map(|id| state.change(*id)).collect();
    let stamps = stamps(state, &config, scheduler, &changes);
    let order = Order::of(scheduler, &changes, stamps, on_branches(&changes));
    order::place(ctx, scheduler, order);
}

#[cfg(test)]
mod tests {
    use crate::config::{BranchPattern, BranchTimer, ChangeFilter, Importance, Pattern};
    use crate::record::Record;
    use crate::testing::{
        Harness, any_branch, builder, change, config, shell, single_branch, timer, worker,
    };
    use crate::time::Span;

    fn site(schedulers: Vec<crate::config::Scheduler>) -> Harness {
        let builders = vec![builder("linux", &["w1"], vec![shell("make")])];
        Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers))
    }

    fn code_only() -> Importance {
        let unimportant_files = vec![Pattern("doc/*".to_owned())];
        Importance { unimportant_files, ..Importance::default() }
    }

    fn doc(branch: &str, revision: &str) -> crate::change::NewChange {
        let files = vec!["doc/a/b.md".to_owned()];
        crate::change::NewChange { files, ..change(branch, revision, &[], "Ana <a@x>") }
    }

    fn sets(site: &mut Harness) -> Vec<String> {
        let lines = site.transcript().into_iter();
        lines.filter(|line| line.starts_with("buildset_added")).collect()
    }

    /// TS-1: without a timer each important change is built at once, and an unimportant one never.
    #[test]
    fn no_timer_builds_at_once() {
        let timer = BranchTimer { importance: code_only(), ..timer(None) };
        let mut site = site(vec![single_branch("now", &["linux"], timer)]);
        site.submit(vec![doc("main", "r1"), change("main", "r2", &["r1"], "Bob <b@x>")]);
        site.submit(vec![change("main", "r3", &["r2"], "Bob <b@x>")]);
        assert_eq!(
            sets(&mut site),
            [
                "buildset_added 1 by now of main@r2[2]: change 2 on main",
                "buildset_added 2 by now of main@r3[3]: change 3 on main",
            ]
        );
        assert_eq!(site.master.next_timeout(), None);
    }

    /// TS-2, TS-3, TS-7 better, TS-10: important changes restart the timer, unimportant ones ride along.
    #[test]
    fn only_important_changes_extend() {
        let timer = BranchTimer { importance: code_only(), ..timer(Some(10)) };
        let mut site = site(vec![single_branch("calm", &["linux"], timer)]);
        site.submit(vec![doc("main", "r1")]);
        assert_eq!(site.master.next_timeout(), None, "an unimportant change starts nothing");
        site.submit(vec![change("main", "r2", &["r1"], "Bob <b@x>")]);
        site.pass(Span::seconds(6));
        site.submit(vec![change("main", "r3", &["r2"], "Bob <b@x>")]);
        site.pass(Span::seconds(6));
        site.submit(vec![doc("main", "r4")]);
        assert!(sets(&mut site).is_empty());
        site.pass(Span::seconds(4));
        assert_eq!(
            sets(&mut site),
            ["buildset_added 1 by calm of main@r4[1,2,3,4]: 4 changes on main"]
        );
        assert_eq!(site.master.state().waiting_schedulers().count(), 0);
    }

    /// TS-6 better: a busy branch is built at the latest after max_wait.
    #[test]
    fn patience_ends() {
        let timer = BranchTimer { max_wait: Some(Span::seconds(25)), ..timer(Some(10)) };
        let mut site = site(vec![single_branch("calm", &["linux"], timer)]);
        for nth in 0..5 {
            site.submit(vec![change("main", &format!("r{nth}"), &[], "Bob <b@x>")]);
            site.pass(Span::seconds(6));
        }
        assert_eq!(sets(&mut site).len(), 1, "at 25 s");
    }

    /// TS-5: one timer for a single-branch scheduler, one a line for an any-branch one.
    #[test]
    fn timers_by_line() {
        let changes =
            || vec![change("main", "r1", &[], "Ana <a@x>"), change("dev", "r2", &[], "Bob <b@x>")];
        let mut one = site(vec![single_branch("one", &["linux"], timer(Some(10)))]);
        one.submit(changes());
        one.pass(Span::seconds(10));
        assert_eq!(
            sets(&mut one),
            ["buildset_added 1 by one of dev@r2[1,2]: 2 changes on dev, main"]
        );
        let mut any = site(vec![any_branch("any", &["linux"], timer(Some(10)))]);
        any.submit(changes());
        any.pass(Span::seconds(10));
        assert_eq!(sets(&mut any).len(), 2);
    }

    /// TS-4 better: a restart keeps the deadline to the millisecond.
    #[test]
    fn a_restart_keeps_the_deadline() {
        let mut site = site(vec![single_branch("calm", &["linux"], timer(Some(10)))]);
        site.now = crate::time::Timestamp(1_234);
        site.submit(vec![change("main", "r1", &[], "Ana <a@x>")]);
        site.pass(Span(3_333));
        let before = site.master.next_timeout();
        site.restart(Vec::new());
        assert_eq!(site.master.next_timeout(), before);
        assert_eq!(before, Some(crate::time::Timestamp(11_234)));
    }

    /// CH-10 better: the head of a set is the newest by ancestry, not by arrival.
    #[test]
    fn the_head_goes_by_ancestry() {
        let mut site = site(vec![single_branch("calm", &["linux"], timer(Some(10)))]);
        site.submit(vec![
            change("main", "r3", &["r2"], "Ana <a@x>"),
            change("main", "r2", &["r1"], "Bob <b@x>"),
        ]);
        site.pass(Span::seconds(10));
        assert_eq!(
            sets(&mut site),
            ["buildset_added 1 by calm of main@r3[1,2]: 2 changes on main"]
        );
    }

    /// CF-1, CF-2, CF-5 better, F6: filters by branch.
    #[test]
    fn filters_by_branch() {
        let filter = |branch, branch_not_re: Option<&str>| ChangeFilter {
            branch,
            branch_not_re: branch_not_re.map(str::to_owned),
            ..ChangeFilter::default()
        };
        let named = |name: &str| BranchPattern::Named(Pattern(name.to_owned()));
        let with = |name: &str, filter| {
            single_branch(name, &["linux"], BranchTimer { filter, ..timer(Some(10)) })
        };
        let mut site = site(vec![
            with("release", filter(vec![named("release/*"), BranchPattern::Default], None)),
            with("default", filter(vec![BranchPattern::Default], None)),
            with("not-dev", filter(Vec::new(), Some("dev"))),
        ]);
        let default =
            crate::change::NewChange { branch: None, ..change("", "r4", &[], "Ana <a@x>") };
        let said = site.submit(vec![
            change("release/1/2", "r1", &[], "Ana <a@x>"),
            change("developer", "r2", &[], "Ana <a@x>"),
            change("main", "r3", &[], "Ana <a@x>"),
            default,
        ]);
        let taken = |scheduler: &str| -> Vec<u64> {
            let of = said.records.iter().filter_map(|record| match record {
                Record::ChangeClassified { scheduler: name, change, .. }
                    if name.as_str() == scheduler =>
                {
                    Some(change.0)
                }
                _ => None,
            });
            of.collect()
        };
        assert_eq!(taken("release"), [1, 4]);
        assert_eq!(taken("default"), [4]);
        assert_eq!(
            taken("not-dev"),
            [1, 3, 4],
            "an expression matches from the start, and no branch satisfies a `not`"
        );
    }

    /// C29: which schedulers take a change, and by which rule not.
    #[test]
    fn judgements_name_their_rule() {
        let filter = ChangeFilter {
            branch: vec![BranchPattern::Named(Pattern("main".to_owned()))],
            ..ChangeFilter::default()
        };
        let mut off = single_branch("off", &["linux"], timer(None));
        off.enabled = false;
        let mut site = site(vec![
            single_branch("main", &["linux"], BranchTimer { filter, ..timer(Some(10)) }),
            any_branch(
                "code",
                &["linux"],
                BranchTimer { importance: code_only(), ..timer(Some(10)) },
            ),
            off,
        ]);
        site.submit(vec![doc("dev", "r1")]);
        let state = site.master.state();
        let change = state.change(crate::id::ChangeId(1)).expect("stored");
        let judged =
            crate::schedule::explain(state, site.master.config(), change, &crate::hooks::NoHooks);
        let words: Vec<_> = judged
            .iter()
            .map(|it| (it.scheduler.as_str(), it.takes, it.important, it.rule.as_str()))
            .collect();
        assert_eq!(
            words,
            [
                ("main", false, false, "branch"),
                ("code", true, false, "unimportant_files"),
                ("off", false, false, "enabled"),
            ]
        );
    }
}
