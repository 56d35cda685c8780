//! Changes from outside: hooks and `linn change send`. Answered after the commit; idempotent by each change's key (I2).

use std::sync::Arc;

use linn_core::action::Answer;
use linn_proto::change::change_hook_server::ChangeHook;
use linn_proto::change::{ExplainReply, ExplainRequest, SubmitReply, SubmitRequest};
use tonic::{Request, Response, Status};

use super::peer::caller;
use super::{Doors, convert, explain, gone, status};
use crate::intake::{self, Submission};

/// The largest submission, in bytes.
pub(super) const MAX_SUBMIT_BYTES: usize = 32 << 20;
/// The most changes of one submission.
const MAX_CHANGES: usize = 10_000;
/// The most mistakes that are told at once.
const MAX_MISTAKES: usize = 10;

/// Serves hooks.
pub(super) struct ChangeDoor(pub(super) Arc<Doors>);

#[tonic::async_trait]
impl ChangeHook for ChangeDoor {
    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainReply>, Status> {
        explain::explain(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitReply>, Status> {
        let who = caller(&request, &self.0.user);
        let submitted = request.into_inner().changes;
        if submitted.is_empty() {
            return Err(status::mistake("nothing was submitted: there is no change in it"));
        }
        if submitted.len() > MAX_CHANGES {
            return Err(status::mistake(format!(
                "{} changes at one time are too many; send {MAX_CHANGES} at most",
                submitted.len()
            )));
        }
        let mut changes = Vec::with_capacity(submitted.len());
        let mut wrong = Vec::new();
        for (index, change) in submitted.into_iter().enumerate() {
            match convert::read_change(change) {
                Ok(change) => changes.push(change),
                Err(why) => wrong.push(format!("change {}: {why}", index + 1)),
            }
        }
        if !wrong.is_empty() {
            wrong.truncate(MAX_MISTAKES);
            return Err(status::mistake(wrong.join("; ")));
        }
        let submission = Submission { who, request_id: String::new(), changes };
        let answered = intake::submit(&self.0.engine, &self.0.dir, submission).await;
        let answered = answered.map_err(|error| gone(&error))?;
        match answered.answer {
            Answer::Changes(ids) => {
                let ids = ids.iter().map(|id| id.0).collect();
                Ok(Response::new(SubmitReply { seq: answered.seq, ids }))
            }
            Answer::Refused(refusal) => Err(status::of_refusal(&refusal)),
            Answer::Accepted { .. } => {
                Err(status::broken("the changes were taken without numbers", ""))
            }
        }
    }
}
