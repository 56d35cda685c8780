//! What every scheduler's buildset has in common (TS-11, TS-12): properties, builders, priority, reason.

use crate::buildset::{self, NewBuildset};
use crate::change::{Change, SourceStamp};
use crate::config::Scheduler;
use crate::ctx::Ctx;
use crate::properties::{Origin, Properties};

/// What a scheduler wants built.
pub(super) struct Order {
    pub(super) stamps: Vec<SourceStamp>,
    pub(super) properties: Properties,
    pub(super) reason: String,
}

impl Order {
    /// Properties are the scheduler's, then those of the changes, a later one winning (TS-11). `why` is the reason unless the
    /// scheduler has one of its own.
    pub(super) fn of(
        scheduler: &Scheduler,
        changes: &[&Change],
        stamps: Vec<SourceStamp>,
        why: String,
    ) -> Self {
        let mut properties = Properties::new();
        for (name, value) in &scheduler.properties {
            properties.set(name.clone(), value.clone(), Origin::Scheduler);
        }
        for change in changes {
            for (name, value) in &change.properties {
                properties.set(name.clone(), value.clone(), Origin::Change);
            }
        }
        properties.set("scheduler", scheduler.name.as_str(), Origin::Scheduler);
        let reason = if scheduler.reason.is_empty() { why } else { scheduler.reason.clone() };
        Self { stamps, properties, reason }
    }
}

/// Asks the scheduler's builders for it.
pub(super) fn place(ctx: &mut Ctx<'_>, scheduler: &Scheduler, order: Order) {
    let config = ctx.config();
    let wanted = scheduler.builders.iter();
    let builders = wanted.filter(|name| config.builders.contains_key(*name)).cloned().collect();
    buildset::open(
        ctx,
        NewBuildset {
            reason: order.reason,
            scheduler: scheduler.name.to_string(),
            stamps: order.stamps,
            properties: order.properties,
            rebuild_of: None,
            builders,
            priority: scheduler.priority,
        },
    );
}
