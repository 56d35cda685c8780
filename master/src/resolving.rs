//! Asks repositories which revisions the stamps of a buildset are, off the engine's thread (SS-3).
//!
//! The buildset waits meanwhile, so each order is answered, and soon: what a repository does not say within the patience
//! of [`intake::look_up`] is answered as not known. Orders come after the commit that made their buildset; those that a
//! master that ends has not answered are given again by the next one.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use linn_core::change::SourceStamp;
use linn_core::config::Config;
use linn_core::id::{BuildsetId, CodebaseName};
use linn_core::input::{Input, Resolution};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::engine::EngineHandle;
use crate::intake::{self, Learnt};
use crate::orders;

/// So many buildsets are asked for at one time: each may run a program that talks to a server.
const AT_ONCE: usize = 8;

/// What is to be found out.
#[derive(Debug)]
pub(crate) struct Order {
    /// For whom.
    pub buildset: BuildsetId,
    /// What is open.
    pub stamps: Vec<SourceStamp>,
    /// Whose repositories they are.
    pub config: Arc<Config>,
}

/// Their number is bounded by that of buildsets that wait for an answer.
pub(crate) type Orders = orders::Orders<Order>;

type Answers = Vec<(CodebaseName, Result<Resolution, String>)>;

/// What asking needs.
pub(crate) struct Resolving {
    /// Hears the answers.
    pub engine: EngineHandle,
    /// Where mirrors live.
    pub dir: PathBuf,
}

impl Resolving {
    /// Carries orders out until nobody can give any more.
    pub(crate) async fn run(self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some(order) = order else { return };
                    let buildset = order.buildset;
                    let codebases: Vec<_> =
                        order.stamps.iter().map(|stamp| stamp.codebase.clone()).collect();
                    let look = look(self.dir.clone(), order, Arc::clone(&turns));
                    asked.insert(tasks.spawn(look).id(), (buildset, codebases));
                }
                Some(ended) = tasks.join_next_with_id() => {
                    let (id, found) = match ended {
                        Ok((id, found)) => (id, Some(found)),
                        Err(error) => (error.id(), None),
                    };
                    let Some((buildset, codebases)) = asked.remove(&id) else { continue };
                    // A task that panicked has been reported; who waits for it must not wait for ever.
                    let (answers, commits) = found.unwrap_or_else(|| (failed(codebases), Vec::new()));
                    let input = Input::StampsResolved { buildset, answers, commits };
                    // An engine that is ending: the next one asks again.
                    drop(self.engine.send(input).await);
                }
            }
        }
    }
}

async fn look(dir: PathBuf, order: Order, turns: Arc<Semaphore>) -> (Answers, Learnt) {
    // It is never closed.
    let _turn = turns.acquire_owned().await;
    let (mut answers, mut learnt) = (Vec::new(), Vec::new());
    for stamp in order.stamps {
        let answer = match intake::look_up(&dir, &order.config, &stamp).await {
            Ok(resolved) => {
                learnt.push((stamp.repository.clone(), resolved.commits));
                Ok(Resolution { branch: resolved.branch, revision: resolved.revision })
            }
            Err(refusal) => {
                let why = [refusal.what, refusal.why];
                let why = why.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
                let why = why.join(": ");
                tracing::warn!(
                    "buildset {}: {}; its builds take the tip that they find",
                    order.buildset,
                    why.escape_debug()
                );
                Err(why)
            }
        };
        answers.push((stamp.codebase, answer));
    }
    (answers, learnt)
}

fn failed(codebases: Vec<CodebaseName>) -> Answers {
    let why = "the master failed while it asked".to_owned();
    codebases.into_iter().map(|codebase| (codebase, Err(why.clone()))).collect()
}
