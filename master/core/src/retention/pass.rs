//! When retention goes through history, and the last look at what it is about to delete.
//!
//! New rules delete nothing for a day: that they are there is told at once, and what would go can be looked at.

use super::BITE;
use super::needs::{Need, Needs};
use crate::action::Action;
use crate::config::{Config, Limits};
use crate::ctx::Ctx;
use crate::id::ConfigDigest;
use crate::live::Live;
use crate::model::{Deletion, GoneBuild, Notice, NoticeKind, Totals};
use crate::record::Record;
use crate::state::State;
use crate::time::{Span, Timestamp};

/// How long after a pass the next one comes, and how long after new rules their first.
pub const EVERY: Span = Span::minutes(24 * 60);
/// A pass that could not go through is tried again after so long.
const AGAIN: Span = Span::minutes(60);

/// When history is gone through next by itself.
#[must_use]
pub fn next_pass(state: &State, config: &Config) -> Option<Timestamp> {
    if Limits::new(&config.retention).are_none() {
        return None;
    }
    let retained = state.retained();
    Some(retained.last.map_or(retained.since, |last| last.max(retained.since)) + EVERY)
}

/// Follows up on another configuration: its rules count from now, and people are told of them before anything goes.
pub(crate) fn settle(ctx: &mut Ctx<'_>) {
    let config = ctx.config();
    let rules: Vec<_> = config.retention.iter().map(ToString::to_string).collect();
    let none = Limits::new(&config.retention).are_none();
    let rules = if none { String::new() } else { rules.join("; ") };
    if ctx.state().retained().rules == rules {
        return;
    }
    let at = ctx.now;
    ctx.record(Record::RetentionTimed { rules: rules.clone(), at });
    let Some(first) = next_pass(ctx.state(), &config) else { return };
    ctx.tell(Notice {
        kind: NoticeKind::Master,
        subject: "retention".to_owned(),
        text: format!(
            "old history will be deleted ({rules}), for the first time at {first}; \
             `linn retention` shows what"
        ),
        key: "retention".to_owned(),
        people: Vec::new(),
        build: None,
        step: String::new(),
    });
}

/// It is time: an edge reads history and chooses.
pub(crate) fn due(ctx: &mut Ctx<'_>) {
    ctx.order(Action::ReadHistory);
}

/// A bite was chosen by the rules of this configuration. What something has come to need since stays.
pub(crate) fn delete(ctx: &mut Ctx<'_>, under: &ConfigDigest, bite: Deletion) {
    // Other rules are followed by now: who chose chooses again.
    if *under != ctx.config().digest || bite.len() > BITE {
        return;
    }
    let needs = Needs::of(ctx.state());
    let deletion = still_free(&needs, Deletion { at: ctx.now, ..bite });
    if deletion.is_empty() {
        return;
    }
    ctx.live.deleting.count(&deletion);
    ctx.record(Record::HistoryDeleted(Box::new(deletion)));
}

/// What of a bite nothing needs.
fn still_free(needs: &Needs, mut bite: Deletion) -> Deletion {
    let need = |gone: &GoneBuild| {
        let known = needs.builds.get(&gone.id).copied();
        known.or_else(|| needs.named.contains(&gone.build).then_some(Need::Live))
    };
    bite.builds.retain(|gone| need(gone).is_none());
    bite.logs.retain(|gone| !need(gone).is_some_and(Need::keeps_files));
    bite.artifacts.retain(|gone| !need(gone).is_some_and(Need::keeps_files));
    let pinned = |id| needs.builds.get(&id) == Some(&Need::Pinned);
    bite.statistics.retain(|gone| !gone.id.is_some_and(pinned));
    bite.buildsets.retain(|id| !needs.keep_buildset(*id));
    bite.changes.retain(|id| !needs.changes.contains(id));
    bite.configs.retain(|digest| !needs.configs.contains(digest));
    bite
}

/// An edge went through history, or could not. What it deleted is one fact (C15).
pub(crate) fn ended(ctx: &mut Ctx<'_>, by: String, failed: bool) {
    let totals: Totals = std::mem::take(&mut ctx.live.deleting);
    if failed {
        let again = ctx.now + AGAIN;
        ctx.live.read_history_at(again);
        return;
    }
    let at = ctx.now;
    ctx.record(Record::RetentionApplied { at, by, totals });
}

impl Live {
    /// Works out when history is gone through next.
    pub(crate) fn time_retention(&mut self, state: &State) {
        let at = next_pass(state, &self.current.config);
        self.timers.set(crate::timers::Timer::Retention, at);
    }

    fn read_history_at(&mut self, at: Timestamp) {
        self.timers.set(crate::timers::Timer::Retention, Some(at));
    }
}
