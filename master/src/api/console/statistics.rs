//! What the steps of a builder's builds counted, over time (C33).

use std::sync::Arc;

use linn_proto::console as wire;
use tonic::Status;

use super::super::Doors;
use super::get;
use crate::store::{DEFAULT_LIMIT, MAX_STATISTICS, StatisticFilter};

/// Answers.
pub(super) async fn statistics(
    doors: &Arc<Doors>,
    asked: wire::StatisticsRequest,
) -> Result<wire::StatisticsReply, Status> {
    if asked.builder.is_empty() {
        return Err(Status::invalid_argument("whose numbers? Name a builder"));
    }
    let limit = match asked.limit {
        0 => DEFAULT_LIMIT,
        limit => (limit as usize).min(MAX_STATISTICS),
    };
    let filter = StatisticFilter {
        builder: asked.builder.as_str().into(),
        name: (!asked.name.is_empty()).then_some(asked.name),
        before: (asked.before > 0).then_some(asked.before),
        limit,
    };
    let found = doors.query(move |queries| queries.statistics(&filter)).await?;
    if found.is_empty() {
        // Perhaps there is no such builder, which somebody who mistyped it wants to hear.
        get::builder_known(doors, &asked.builder).await?;
    }
    let one = |it: crate::store::Statistic| wire::Statistic {
        number: it.number,
        name: it.name,
        value: it.value,
    };
    Ok(wire::StatisticsReply { values: found.into_iter().map(one).collect() })
}
