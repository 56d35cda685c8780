//! Changes from outside: hooks and `linn change send`. Answered after the commit; idempotent by each change's key (I2).

use std::sync::Arc;

use linn_core::action::Answer;
use linn_core::change::Commit;
use linn_core::input::{Asking, Input};
use linn_core::master::Master;
use linn_proto::change::change_hook_server::ChangeHook;
use linn_proto::change::{SubmitReply, SubmitRequest};
use tonic::{Request, Response, Status};

use super::peer::caller;
use super::{Doors, convert, gone, status};
use crate::intake;

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
        let commits = self.complete(&mut changes).await?;
        let answered = self.0.engine.request(|token| Input::ChangesSubmitted {
            asking: Asking { token, request_id: String::new(), who },
            changes,
            commits,
        });
        let answered = answered.await.map_err(|error| gone(&error))?;
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

impl ChangeDoor {
    /// What the repositories can add to changes.
    async fn complete(
        &self,
        changes: &mut [linn_core::change::NewChange],
    ) -> Result<Vec<(String, Vec<Commit>)>, Status> {
        let revisions: Vec<_> = changes
            .iter()
            .filter_map(|change| Some((change.repository.clone(), change.revision.clone()?)))
            .collect();
        let look = move |master: &Master| {
            let config = master.config().clone();
            let known = |(repository, revision): &(String, String)| {
                master.state().knows_commit(repository, revision)
            };
            (config, revisions.into_iter().filter(known).collect::<std::collections::BTreeSet<_>>())
        };
        let (config, known) = self.0.engine.ask(look).await.map_err(|error| gone(&error))?;
        let knows = |repository: &str, revision: &str| {
            known.contains(&(repository.to_owned(), revision.to_owned()))
        };
        Ok(intake::complete(&self.0.dir, &config, changes, knows).await)
    }
}
