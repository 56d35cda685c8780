//! Performs the commands of `update` that need the master, a file or the desktop; answers come back as messages.

use std::sync::Arc;

use linn_proto::{
    console::{FollowLogRequest, GetRequest, LogMarksRequest, ReadLogRequest, SearchLogRequest},
    control::Accepted,
    entity::{Build, Kind, entity::Of},
};
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tonic::transport::Channel;

use crate::{
    act::Deed, client::Master, command::Command, logs::LogRef, message::Message, notice::Ring,
    notify::Desktop, refusal::Refusal, replica::BuildRef, save,
};

/// Calls under way at most. One more is not made but answered with [`Refusal::busy`], because somebody waits for it.
const CALLS: usize = 64;

/// Performs. Dropping it ends everything under way.
pub(crate) struct Performer {
    channel: watch::Receiver<Option<Channel>>,
    answers: mpsc::Sender<Message>,
    runtime: tokio::runtime::Handle,
    calls: JoinSet<()>,
    follow: Option<AbortHandle>,
    searches: Vec<(u64, AbortHandle)>,
    desktop: Arc<Mutex<Desktop>>,
}

impl Performer {
    /// `runtime` is where calls run: not the thread that draws.
    pub(crate) fn new(
        channel: watch::Receiver<Option<Channel>>,
        answers: mpsc::Sender<Message>,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            channel,
            answers,
            runtime,
            calls: JoinSet::new(),
            follow: None,
            searches: Vec::new(),
            desktop: Arc::default(),
        }
    }

    /// Starts a command. Commands for the loop itself are given back.
    pub(crate) fn perform(&mut self, command: Command) -> Option<Command> {
        while self.calls.try_join_next().is_some() {}
        let channel = self.channel.borrow().clone();
        let master = channel.clone().map(Master::new);
        let answers = self.answers.clone();
        match command {
            Command::ReadLog { log, purpose, from, lines, at_ms } => {
                let busy =
                    Message::Lines { log: log.clone(), purpose, result: Err(Refusal::busy()) };
                self.call(busy, async move {
                    let request =
                        ReadLogRequest { log: log.to_string(), from_line: from, lines, at_ms };
                    let result = match master {
                        Some(master) => {
                            master.console().read_log(request).await.map_err(Refusal::from)
                        }
                        None => Err(Refusal::no_link()),
                    };
                    let result = result.map(tonic::Response::into_inner);
                    let _ = answers.send(Message::Lines { log, purpose, result }).await;
                });
            }
            Command::Follow { log, from } => {
                self.unfollow();
                // Never left out for lack of room: there is one, and the last one was just ended.
                let follow = follow(master, answers, log, from);
                self.follow = Some(self.calls.spawn_on(follow, &self.runtime));
            }
            Command::Unfollow => self.unfollow(),
            Command::Search { log, run, pattern, literal, ignore_case, from, backward } => {
                self.searches.retain(|(other, search)| {
                    if *other != run {
                        search.abort();
                    }
                    *other == run
                });
                let request = SearchLogRequest {
                    log: log.to_string(),
                    pattern,
                    literal,
                    ignore_case,
                    from_line: from,
                    backward,
                    limit: 0,
                };
                let busy =
                    Message::SearchEnded { log: log.clone(), run, result: Err(Refusal::busy()) };
                if let Some(search) = self.call(busy, search(master, answers, log, run, request)) {
                    self.searches.push((run, search));
                }
            }
            Command::Marks { log } => {
                let busy = Message::Marks { log: log.clone(), result: Err(Refusal::busy()) };
                self.call(busy, async move {
                    let request = LogMarksRequest { log: log.to_string(), limit: 0 };
                    let result = match master {
                        Some(master) => {
                            master.console().log_marks(request).await.map_err(Refusal::from)
                        }
                        None => Err(Refusal::no_link()),
                    };
                    let result = result.map(tonic::Response::into_inner);
                    let _ = answers.send(Message::Marks { log, result }).await;
                });
            }
            Command::Whole { build } => {
                // Not as a lost call: nothing but a new link would ask again, so the screen is to say it.
                let busy = Refusal { lost: false, ..Refusal::busy() };
                let busy = Message::Whole { build: build.clone(), result: Err(busy) };
                self.call(busy, async move {
                    let result = whole(master, &build).await;
                    let _ = answers.send(Message::Whole { build, result }).await;
                });
            }
            Command::Act { request_id, deed } => {
                // Never left out for lack of room: the model waits for the answer.
                self.calls.spawn_on(
                    async move {
                        let result = act(master, deed).await;
                        let _ = answers.send(Message::Acted { request_id, result }).await;
                    },
                    &self.runtime,
                );
            }
            Command::Save { log, path } => {
                let busy =
                    Message::Saved { log: log.clone(), result: Err(Refusal::busy().sentence) };
                self.call(busy, async move {
                    let result = match channel {
                        Some(channel) => save::save(channel, &log, &path).await,
                        None => Err(Refusal::no_link().sentence),
                    };
                    let _ = answers.send(Message::Saved { log, result }).await;
                });
            }
            Command::Ring(ring) => self.ring(ring),
            other => return Some(other),
        }
        None
    }

    /// Makes a call, or gives the answer `busy` when there is no room for it.
    fn call(
        &mut self,
        busy: Message,
        call: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        if self.calls.len() < CALLS {
            return Some(self.calls.spawn_on(call, &self.runtime));
        }
        let answers = self.answers.clone();
        // It takes room only until the loop has read it.
        let answer = async move { _ = answers.send(busy).await };
        self.calls.spawn_on(answer, &self.runtime);
        None
    }

    fn unfollow(&mut self) {
        if let Some(follow) = self.follow.take() {
            follow.abort();
        }
    }

    fn ring(&mut self, ring: Ring) {
        let (desktop, answers) = (Arc::clone(&self.desktop), self.answers.clone());
        self.call(Message::Undelivered(ring.clone()), async move {
            if !desktop.lock().await.show(&ring).await {
                let _ = answers.send(Message::Undelivered(ring)).await;
            }
        });
    }
}

async fn follow(master: Option<Master>, answers: mpsc::Sender<Message>, log: LogRef, from: i64) {
    let stream = async {
        let master = master.ok_or_else(Refusal::no_link)?;
        let request = FollowLogRequest { log: log.to_string(), from_line: from };
        let mut stream = master.console().follow_log(request).await?.into_inner();
        while let Some(lines) = stream.message().await? {
            if answers.send(Message::Followed { log: log.clone(), lines }).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let broke: Option<Refusal> = stream.await.err();
    let _ = answers.send(Message::FollowEnded { log: log.clone(), broke }).await;
}

async fn search(
    master: Option<Master>,
    answers: mpsc::Sender<Message>,
    log: LogRef,
    run: u64,
    request: SearchLogRequest,
) {
    let stream = async {
        let master = master.ok_or_else(Refusal::no_link)?;
        let mut stream = master.console().search_log(request).await?.into_inner();
        while let Some(hit) = stream.message().await? {
            if answers.send(Message::Hit { log: log.clone(), run, hit }).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let result: Result<(), Refusal> = stream.await;
    let _ = answers.send(Message::SearchEnded { log: log.clone(), run, result }).await;
}

async fn whole(master: Option<Master>, build: &BuildRef) -> Result<Box<Build>, Refusal> {
    let master = master.ok_or_else(Refusal::no_link)?;
    let request = GetRequest { kind: Kind::Build.into(), r#ref: build.to_string() };
    match master.console().get(request).await?.into_inner().of {
        Some(Of::Build(build)) => Ok(Box::new(build)),
        _ => Err(Refusal {
            sentence: format!("the master gave no build for {build}"),
            why: None,
            hint: None,
            lost: false,
        }),
    }
}

async fn act(master: Option<Master>, deed: Deed) -> Result<Accepted, Refusal> {
    let mut control = master.ok_or_else(Refusal::no_link)?.control();
    let answer = match deed {
        Deed::Force(request) => control.force(request).await,
        Deed::Rebuild(request) => control.rebuild(request).await,
        Deed::Stop(request) => control.stop(request).await,
        Deed::Cancel(request) => control.cancel(request).await,
        Deed::Worker(request) => control.worker_control(request).await,
    };
    Ok(answer?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Purpose;

    #[tokio::test]
    async fn a_call_for_which_there_is_no_room_is_answered() {
        let (answers, mut answered) = mpsc::channel(1);
        let (_channel, channel) = watch::channel(None);
        let mut performer = Performer::new(channel, answers, tokio::runtime::Handle::current());
        for _ in 0..CALLS {
            performer.calls.spawn(std::future::pending());
        }
        let log = LogRef { build: BuildRef::new("linux", 4), step: 2, name: "stdio".into() };
        let purpose = Purpose::Show;
        performer.perform(Command::ReadLog { log, purpose, from: 1, lines: 1, at_ms: None });
        let answer = answered.recv().await;
        assert!(
            matches!(&answer, Some(Message::Lines { result: Err(refusal), .. })
                if *refusal == Refusal::busy()),
            "{answer:?}"
        );
    }
}
