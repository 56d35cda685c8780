//! `dependent_scheduler`: builds on top of what another scheduler built (DP-*).

use linn_core::config::{Dependent, SchedulerKind};
use linn_core::id::SchedulerName;

use super::scheduler::{CHOICE, COMMON, declare};
use super::site::{by, mentioned};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "dependent_scheduler",
    group: Group::Schedulers,
    doc: "Builds when what another scheduler asked for ended with SUCCESS or WARNINGS: the very revisions that were built \
          there. Rebuilds, and builds that people forced by a form of their own, do not count.",
    positional: 1,
    parameters: &[COMMON, CHOICE, DEPENDENT],
    open: false,
    example: "dependent_scheduler(\"release\", builders = [\"linux\"], upstream = any_branch_scheduler(\"commits\", builders = [\"linux\"]))",
    call: dependent,
}];

static DEPENDENT: &[Parameter] = &[param("upstream", Type::Text, "", "The other scheduler.")];

fn dependent(call: &mut Call<'_, '_>) -> Outcome {
    call.required_text("upstream");
    let upstream = mentioned(call, "upstream", Kind::Scheduler, &by(call)).unwrap_or_default();
    let upstream = SchedulerName::from(upstream);
    declare(call, SchedulerKind::Dependent(Dependent { upstream }))
}
