//! Which schedulers take a change, and by which rule (C29): a dry run of the core, of which nothing is kept.

use std::sync::Arc;

use linn_core::change::NewChange;
use linn_core::id::ChangeId;
use linn_core::master::Master;
use linn_core::schedule::{self, Judgement};
use linn_proto::change::explain_request::Of;
use linn_proto::change::{self as wire, ExplainReply, ExplainRequest};
use tonic::Status;

use super::{Doors, convert, gone, status};

/// Explains one that was taken in, or one that might be.
pub(super) async fn explain(
    doors: &Arc<Doors>,
    asked: ExplainRequest,
) -> Result<ExplainReply, Status> {
    let judgements = match asked.of {
        None => return Err(status::mistake("say which change is meant")),
        Some(Of::Id(id)) => of_known(doors, ChangeId(id)).await?,
        Some(Of::Change(change)) => {
            let change = convert::read_change(change).map_err(status::mistake)?;
            of_new(doors, change).await?
        }
    };
    let judgements = judgements.into_iter().map(|judgement| wire::Judgement {
        scheduler: judgement.scheduler.to_string(),
        takes: judgement.takes,
        important: judgement.important,
        rule: judgement.rule,
        detail: judgement.detail,
    });
    Ok(ExplainReply { judgements: judgements.collect() })
}

async fn of_known(doors: &Arc<Doors>, id: ChangeId) -> Result<Vec<Judgement>, Status> {
    let found = doors.query(move |queries| queries.change(id)).await?;
    let Some(change) = found else {
        let message = format!("there is no change {id}");
        return Err(status::unknown(message, "`linn changes` lists them"));
    };
    let hooks = doors.hooks.clone();
    let look =
        move |master: &Master| schedule::explain(master.state(), master.config(), &change, &*hooks);
    doors.engine.ask(look).await.map_err(|error| gone(&error))
}

async fn of_new(doors: &Arc<Doors>, change: NewChange) -> Result<Vec<Judgement>, Status> {
    let (hooks, now) = (doors.hooks.clone(), doors.engine.now());
    let look = move |master: &Master| {
        schedule::explain_new(master.state(), master.config(), change, now, &*hooks)
    };
    doors.engine.ask(look).await.map_err(|error| gone(&error))
}
