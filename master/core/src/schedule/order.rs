//! What every scheduler's buildset has in common (TS-11, TS-12): properties, builders, priority, reason.

use serde_json::{Value, json};

use crate::buildset::{self, NewBuildset};
use crate::change::{Change, SourceStamp};
use crate::config::Scheduler;
use crate::ctx::Ctx;
use crate::hooks::{Argument, HookError};
use crate::id::BuilderName;
use crate::properties::{Origin, Properties};
use crate::state::State;
use crate::view::{change_view, order_view};

/// What a scheduler wants built.
pub(super) struct Order {
    changes: Vec<Value>,
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
        let listens = scheduler.priority_hook.is_some();
        let changes = changes.iter().filter(|_| listens).map(|change| change_view(change));
        Self { changes: changes.collect(), stamps, properties, reason }
    }
}

/// The changes of these stamps, for a scheduler whose priority is worked out of them (F25).
pub(crate) fn heard(state: &State, scheduler: &Scheduler, stamps: &[SourceStamp]) -> Vec<Value> {
    if scheduler.priority_hook.is_none() {
        return Vec::new();
    }
    let ids = stamps.iter().flat_map(|stamp| &stamp.changes);
    ids.filter_map(|id| state.change(*id)).map(change_view).collect()
}

/// Asks the scheduler's builders for it; none at all when its function picks none.
pub(super) fn place(ctx: &mut Ctx<'_>, scheduler: &Scheduler, order: Order) {
    let builders = builders(ctx, scheduler, &order.reason, &order.stamps, &order.properties);
    if builders.is_empty() && scheduler.choice.is_some() {
        return;
    }
    let priority = priority(ctx, scheduler, &builders, order.changes);
    buildset::open(
        ctx,
        NewBuildset {
            reason: order.reason,
            scheduler: scheduler.name.to_string(),
            stamps: order.stamps,
            properties: order.properties,
            builders,
            priority,
            unasked: true,
            ..NewBuildset::default()
        },
    );
}

/// Which of a scheduler's builders are asked: those that its function picks, or else all (TS-11). The function chooses
/// from names that are known, so that a wrong one is a mistake of the configuration, and everybody can see who may be asked.
pub(crate) fn builders(
    ctx: &mut Ctx<'_>,
    scheduler: &Scheduler,
    reason: &str,
    stamps: &[SourceStamp],
    properties: &Properties,
) -> Vec<BuilderName> {
    let config = ctx.config();
    let own = scheduler.builders.iter().filter(|name| config.builders.contains_key(*name));
    let own: Vec<BuilderName> = own.cloned().collect();
    let Some(hook) = &scheduler.choice else { return own };
    let view = order_view(ctx.state(), scheduler, reason, stamps, properties);
    let picked = ctx.hooks.call(hook, &[Argument::Object(view)]);
    match picked.and_then(|value| chosen(scheduler, &own, &value)) {
        Ok(picked) => picked,
        Err(error) => {
            ctx.tell_hook(hook, &error, "all of them are asked", None);
            own
        }
    }
}

/// The builders that a function named, in the order of the declaration.
fn chosen(
    scheduler: &Scheduler,
    own: &[BuilderName],
    value: &Value,
) -> Result<Vec<BuilderName>, HookError> {
    let wrong = || HookError { what: "it did not return a list of names of builders".to_owned() };
    let named = value.as_array().ok_or_else(wrong)?.iter();
    let named: Vec<&str> = named.map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?;
    // One that the scheduler names and the configuration has no more is skipped, as it is without a function.
    let knows = |name: &&str| scheduler.builders.iter().any(|own| own.as_str() == *name);
    if let Some(other) = named.iter().find(|name| !knows(name)) {
        let what = format!("{other:?} is none of the builders of {}", scheduler.name);
        return Err(HookError { what });
    }
    Ok(own.iter().filter(|name| named.contains(&name.as_str())).cloned().collect())
}

/// The priorities that there are.
const PRIORITIES: std::ops::RangeInclusive<i64> = -1_000_000..=1_000_000;

/// What a scheduler's function says the priority is, or else its own number (TS-12, F25). A function that errs is told of.
pub(crate) fn priority(
    ctx: &mut Ctx<'_>,
    scheduler: &Scheduler,
    builders: &[BuilderName],
    changes: Vec<Value>,
) -> i32 {
    let Some(hook) = &scheduler.priority_hook else { return scheduler.priority };
    let names: Vec<_> = builders.iter().map(BuilderName::as_str).collect();
    let arguments = [Argument::Plain(json!(names)), Argument::Plain(Value::Array(changes))];
    let answer = ctx.hooks.call(hook, &arguments).and_then(|value| {
        let number = value.as_i64().filter(|number| PRIORITIES.contains(number));
        number.and_then(|number| i32::try_from(number).ok()).ok_or_else(|| HookError {
            what: "it did not return a whole number from -1000000 to 1000000".to_owned(),
        })
    });
    answer.unwrap_or_else(|error| {
        let instead = format!("the priority is {}", scheduler.priority);
        ctx.tell_hook(hook, &error, &instead, None);
        scheduler.priority
    })
}
