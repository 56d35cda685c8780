//! How the edges reach the engine: a bounded channel in, an answer to each who asked.
//!
//! What must hold: an answer is given out only after the commit that made it true (architecture.md 3); who asked when the
//! engine had to start over is told so rather than left waiting.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linn_core::action::Answer;
use linn_core::config::Config;
use linn_core::hooks::Hooks;
use linn_core::id::Token;
use linn_core::input::Input;
use linn_core::master::Master;
use linn_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;

/// How many inputs may wait; then whoever brings one waits itself.
const WAITING_INPUTS: usize = 4096;

/// What the engine's thread takes from its channel.
pub(super) enum Message {
    /// Something happened; who wants to know when it is durable, if anybody.
    Input(Box<Input>, Option<Settled>),
    /// Another configuration is to be followed: its texts are kept first.
    Follow(Arc<Config>, Vec<(String, String)>, Settled),
    /// Somebody wants to look.
    Ask(Question),
    /// Finish what is here, then end.
    Stop,
}

/// A look at the core, in the engine's thread, between two batches; an error when there is none to look at.
pub(super) type Question = Box<dyn FnOnce(Result<(&Master, &dyn Hooks), Gone>) + Send>;
/// Told when an input is durable, or that it will never be.
pub(super) type Settled = oneshot::Sender<Result<(), Gone>>;

/// An answer, and the sequence number from which on it is visible.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// What the core said.
    pub answer: Answer,
    /// The journal's number after the commit.
    pub seq: u64,
}

/// Nobody will answer: why, as a sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Gone {
    /// The master is ending.
    #[error("the master is ending")]
    Ending,
    /// The commit that this was part of failed. As a rule nothing of it happened; where the disk failed in the very last
    /// step, it may have.
    #[error("the master could not write this down: {0}")]
    NotWritten(String),
}

/// Who waits for which token.
#[derive(Default)]
pub(crate) struct Replies(Mutex<HashMap<u64, oneshot::Sender<Result<Answered, Gone>>>>);

impl Replies {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Answered, Gone>>>> {
        // Whole entries go in and out, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one who waits; nobody may wait any more.
    pub(crate) fn answer(&self, token: Token, answer: Result<Answered, Gone>) {
        let waiting = self.lock().remove(&token.0);
        if let Some(waiting) = waiting {
            // Who has gone away needs no answer.
            drop(waiting.send(answer));
        }
    }

    /// The engine ends: everybody is told.
    pub(super) fn end(&self) {
        let waiting: Vec<_> = self.lock().drain().collect();
        for (_, waiting) in waiting {
            drop(waiting.send(Err(Gone::Ending)));
        }
    }
}

struct Shared {
    inputs: mpsc::Sender<Message>,
    replies: Arc<Replies>,
    last_token: AtomicU64,
    clock: Clock,
    ending: Arc<AtomicBool>,
}

/// Reaches the engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle(Arc<Shared>);

impl EngineHandle {
    /// A handle, and the other end of its channel.
    pub(super) fn new(
        clock: Clock,
        replies: Arc<Replies>,
        ending: Arc<AtomicBool>,
    ) -> (Self, mpsc::Receiver<Message>) {
        let (inputs, messages) = mpsc::channel(WAITING_INPUTS);
        let last_token = AtomicU64::new(0);
        let shared = Shared { inputs, replies, last_token, clock, ending };
        (Self(Arc::new(shared)), messages)
    }

    /// The present moment, as the engine sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Tells of something that happened. Waits while too much waits already. That it returns does not mean that it is
    /// durable: who needs to know uses [`EngineHandle::request`].
    ///
    /// # Errors
    /// When the engine is ending.
    pub async fn send(&self, input: Input) -> Result<(), Gone> {
        self.0.inputs.send(Message::Input(Box::new(input), None)).await.map_err(|_| Gone::Ending)
    }

    /// Tells of something that happened, and waits until it is durable.
    ///
    /// # Errors
    /// When the engine is ending, or could not write: then nothing of it happened.
    pub async fn settle(&self, input: Input) -> Result<(), Gone> {
        let (sender, receiver) = oneshot::channel();
        self.0
            .inputs
            .send(Message::Input(Box::new(input), Some(sender)))
            .await
            .map_err(|_| Gone::Ending)?;
        receiver.await.unwrap_or(Err(Gone::Ending))
    }

    /// Has another configuration followed, and waits until that is durable. Its functions must be callable before. Its texts
    /// are kept in a commit before the one that follows it, so that a crash between the two leaves the old one in force and
    /// one text too many (D9).
    ///
    /// # Errors
    /// When the engine is ending, or could not write: then the old one is in force.
    pub async fn follow(
        &self,
        config: Arc<Config>,
        texts: Vec<(String, String)>,
    ) -> Result<(), Gone> {
        let (sender, receiver) = oneshot::channel();
        let message = Message::Follow(config, texts, sender);
        self.0.inputs.send(message).await.map_err(|_| Gone::Ending)?;
        receiver.await.unwrap_or(Err(Gone::Ending))
    }

    /// Asks for something with a token of its own, and waits for the answer, which comes after the commit.
    ///
    /// # Errors
    /// When the engine is ending, or could not write: then nothing was done.
    pub async fn request(&self, make: impl FnOnce(Token) -> Input) -> Result<Answered, Gone> {
        let promise = self.promise();
        self.send(make(promise.token)).await?;
        promise.answer().await
    }

    /// A token for an input that another edge will bring: the answer comes when that was handled.
    #[must_use]
    pub fn promise(&self) -> Promise {
        let token = Token(self.0.last_token.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, receiver) = oneshot::channel();
        self.0.replies.lock().insert(token.0, sender);
        Promise { token, receiver, replies: self.0.replies.clone() }
    }

    /// Answers a token whose input will not come.
    pub(crate) fn turn_away(&self, token: Token, why: String) {
        self.0.replies.answer(token, Err(Gone::NotWritten(why)));
    }

    /// Looks at the core, between two batches, in the engine's thread: what `question` sees is durable. It must be quick,
    /// for nothing else happens meanwhile.
    ///
    /// # Errors
    /// When the engine is ending.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Master) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        self.consult(move |master, _| question(master)).await
    }

    /// The same for who calls a function of the configuration: that thread's stack is deep enough for it.
    ///
    /// # Errors
    /// When the engine is ending.
    pub(crate) async fn consult<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Master, &dyn Hooks) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (sender, receiver) = oneshot::channel();
        let question: Question = Box::new(move |here| {
            drop(sender.send(here.map(|(master, hooks)| question(master, hooks))));
        });
        self.0.inputs.send(Message::Ask(question)).await.map_err(|_| Gone::Ending)?;
        receiver.await.unwrap_or(Err(Gone::Ending))
    }

    /// Lets the engine finish what is here, and end.
    pub(crate) async fn stop(&self) {
        // Seen even while the disk is broken and no message is taken.
        self.0.ending.store(true, Ordering::Release);
        // One that has ended already need not be told.
        drop(self.0.inputs.send(Message::Stop).await);
    }
}

/// An answer to come. Dropping it withdraws the question, not the deed.
pub struct Promise {
    /// Stands in the input.
    pub token: Token,
    receiver: oneshot::Receiver<Result<Answered, Gone>>,
    replies: Arc<Replies>,
}

impl Promise {
    /// Waits.
    ///
    /// # Errors
    /// When the engine is ending, or could not write.
    pub async fn answer(mut self) -> Result<Answered, Gone> {
        (&mut self.receiver).await.unwrap_or(Err(Gone::Ending))
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.replies.lock().remove(&self.token.0);
    }
}
