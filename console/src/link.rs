//! Keeps the link to the master: dial, snapshot, deltas, resume where it broke, try again with back-off (C15).
//!
//! One task owns this. It tells everything as [`LinkEvent`]s in order, so the replica is fed by one writer; it holds no
//! view of its own but the epoch and number to resume from. A whole snapshot is one event: a cut inside it shows
//! nothing half.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use linn_proto::{
    console::{GetRequest, WatchRequest, watch_reply::Msg},
    entity::{Entity, Kind},
};
use tokio::{
    sync::{
        mpsc::{self, error::TryRecvError},
        watch,
    },
    time::{Instant, timeout},
};
use tonic::transport::Channel;

use crate::{
    backoff::{Backoff, random_share},
    client::{Master, innermost},
};

/// Makes a fresh channel for one attempt. `linn up` gives one into its own process, others dial a socket.
/// The error is one sentence for people.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, Result<Channel, String>> + Send + Sync>;

/// How long one attempt to dial, or the first answer of the stream, may take.
const DIAL_LIMIT: Duration = Duration::from_secs(10);
/// Finished builds of each builder in the first snapshot.
const BUILDS_BACK: u32 = 50;
/// A session that stood so long was a success: one that breaks at once, again and again, must not be dialled without a
/// pause.
const STOOD: Duration = Duration::from_secs(10);
/// A snapshot beyond this is refused rather than held: no sane master sends it.
const SNAPSHOT_LIMIT: usize = 2_000_000;

/// What the link tells.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A snapshot, whole.
    Snapshot { epoch: Vec<u8>, seq: u64, entities: Vec<Entity> },
    /// The master goes on from where the link broke; what changed follows.
    Resumed,
    /// Current values.
    Delta(linn_proto::console::Delta),
    /// Nothing new; the master's clock.
    Beat { at_ms: i64 },
    /// How long a call there and back takes.
    Latency(Duration),
    /// Broken. The next attempt comes after the wait.
    Down { why: String, retry: Duration },
}

/// What the console tells the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkOrder {
    /// Do not wait, try now (ctrl-r).
    RetryNow,
    /// The terminal has or lost the focus: how often to ask whether the master is there (I17).
    Focus(bool),
}

/// The console's end of the link.
pub(crate) struct Link {
    /// Events, in order.
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    /// Orders.
    pub(crate) orders: mpsc::Sender<LinkOrder>,
    /// The channel to call over while the link is up.
    pub(crate) channel: watch::Receiver<Option<Channel>>,
}

/// Starts the task. It ends when the receiving end is dropped.
pub(crate) fn start(dial: Dial) -> Link {
    // Bounded: a console that falls behind slows the stream, and the master then coalesces for it.
    let (sender, events) = mpsc::channel(64);
    let (orders, order_receiver) = mpsc::channel(16);
    let (channel_sender, channel) = watch::channel(None);
    let task = Task {
        dial,
        events: sender,
        orders: order_receiver,
        channel: channel_sender,
        resume: WatchRequest { epoch: Vec::new(), since: 0, builds_back: BUILDS_BACK },
        focused: true,
        since: None,
    };
    tokio::spawn(task.run());
    Link { events, orders, channel }
}

struct Task {
    dial: Dial,
    events: mpsc::Sender<LinkEvent>,
    orders: mpsc::Receiver<LinkOrder>,
    channel: watch::Sender<Option<Channel>>,
    resume: WatchRequest,
    focused: bool,
    /// Since when the session stands.
    since: Option<Instant>,
}

/// Nobody listens any more: the task ends.
struct Gone;

impl Task {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let session = tokio::select! {
                session = Self::dial(&self.dial) => session,
                () = self.events.closed() => return,
            };
            let why = match session {
                Ok(channel) => match self.watch(channel, &mut backoff).await {
                    Ok(why) => why,
                    Err(Gone) => return,
                },
                Err(why) => why,
            };
            self.channel.send_replace(None);
            if self.since.take().is_some_and(|since| since.elapsed() >= STOOD) {
                backoff.reset();
            }
            let retry = backoff.next(random_share());
            if self.events.send(LinkEvent::Down { why, retry }).await.is_err()
                || self.wait(retry).await.is_err()
            {
                return;
            }
        }
    }

    async fn dial(dial: &Dial) -> Result<Channel, String> {
        match timeout(DIAL_LIMIT, dial()).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within {} s", DIAL_LIMIT.as_secs())),
        }
    }

    /// Takes the orders given while the link was being made: linking anew has just been done, and of the focus the last
    /// word counts.
    fn drain(&mut self) -> Result<(), Gone> {
        loop {
            match self.orders.try_recv() {
                Ok(LinkOrder::RetryNow) => {}
                Ok(LinkOrder::Focus(focused)) => self.focused = focused,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }

    /// Waits for the next attempt; an order may cut it short.
    async fn wait(&mut self, span: Duration) -> Result<(), Gone> {
        let until = Instant::now() + span;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                order = self.orders.recv() => match order {
                    None => return Err(Gone),
                    Some(LinkOrder::RetryNow) => return Ok(()),
                    Some(LinkOrder::Focus(focused)) => self.focused = focused,
                },
            }
        }
    }

    /// Watches until the link breaks; gives why it did.
    async fn watch(&mut self, channel: Channel, backoff: &mut Backoff) -> Result<String, Gone> {
        let mut client = Master::new(channel.clone()).console();
        let mut stream = match timeout(DIAL_LIMIT, client.watch(self.resume.clone())).await {
            Ok(Ok(reply)) => reply.into_inner(),
            Ok(Err(status)) => return Ok(innermost(&status)),
            Err(_) => return Ok(format!("no answer within {} s", DIAL_LIMIT.as_secs())),
        };
        self.drain()?;
        let mut parts: Vec<Entity> = Vec::new();
        let mut probe = Probe::new(channel.clone());
        loop {
            let event = tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    None => return Err(Gone),
                    Some(LinkOrder::RetryNow) => {
                        // Whoever asks waits for nothing.
                        backoff.reset();
                        return Ok("asked to link again".into());
                    }
                    Some(LinkOrder::Focus(focused)) => { self.focused = focused; continue }
                },
                reply = stream.message() => match reply {
                    Ok(Some(reply)) => match reply.msg {
                        Some(Msg::Snapshot(part)) => {
                            parts.extend(part.entities);
                            if parts.len() > SNAPSHOT_LIMIT {
                                return Ok("the snapshot is larger than any master's should be".into());
                            }
                            if !part.last { continue }
                            (self.resume.epoch, self.resume.since) = (part.epoch.clone(), part.seq);
                            LinkEvent::Snapshot { epoch: part.epoch, seq: part.seq, entities: std::mem::take(&mut parts) }
                        }
                        // The epoch is the one asked for: another one is answered with a snapshot.
                        Some(Msg::Resumed(_)) => LinkEvent::Resumed,
                        Some(Msg::Delta(delta)) => {
                            self.resume.since = self.resume.since.max(delta.seq);
                            LinkEvent::Delta(delta)
                        }
                        Some(Msg::Beat(beat)) => LinkEvent::Beat { at_ms: beat.at_ms },
                        None => continue,
                    },
                    Ok(None) => return Ok("the master ended the stream".into()),
                    Err(status) => return Ok(innermost(&status)),
                },
                result = probe.next(self.focused) => match result {
                    Some(latency) => LinkEvent::Latency(latency),
                    None => return Ok("the master does not answer".into()),
                },
            };
            if matches!(event, LinkEvent::Snapshot { .. } | LinkEvent::Resumed) {
                self.since = Some(Instant::now());
                self.channel.send_replace(Some(channel.clone()));
            }
            self.events.send(event).await.map_err(|_| Gone)?;
        }
    }
}

/// Asks the master something small now and then: measures the latency and finds a link that died in silence (I17).
struct Probe {
    channel: Channel,
    next_at: Instant,
    answer: Option<(Instant, tokio::task::JoinHandle<()>)>,
}

impl Probe {
    fn new(channel: Channel) -> Self {
        Self { channel, next_at: Instant::now() + Duration::from_millis(200), answer: None }
    }

    /// The next measurement; `None` when the answer is overdue. May be dropped and called again at any time.
    async fn next(&mut self, focused: bool) -> Option<Duration> {
        let (every, limit) = if focused { (2, 3) } else { (15, 10) };
        if self.answer.is_none() {
            tokio::time::sleep_until(self.next_at).await;
            let channel = self.channel.clone();
            let call = async move {
                let request = GetRequest { kind: Kind::Master.into(), r#ref: String::new() };
                // Any answer will do, a refusal too: it is the way that is measured.
                let _ = Master::new(channel).console().get(request).await;
            };
            self.answer = Some((Instant::now(), tokio::spawn(call)));
        }
        let (asked, task) = self.answer.as_mut()?;
        let asked = *asked;
        let answered = tokio::time::timeout_at(asked + Duration::from_secs(limit), task).await;
        if answered.is_err() {
            return None;
        }
        self.answer = None;
        self.next_at = asked + Duration::from_secs(every);
        Some(asked.elapsed())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some((_, task)) = self.answer.take() {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_given_while_dialling_do_not_break_the_new_link() {
        let (events, _receiver) = mpsc::channel(1);
        let (sender, orders) = mpsc::channel(16);
        let mut task = Task {
            dial: Arc::new(|| Box::pin(async { Err("never".to_owned()) })),
            events,
            orders,
            channel: watch::channel(None).0,
            resume: WatchRequest::default(),
            focused: true,
            since: None,
        };
        for order in [LinkOrder::RetryNow, LinkOrder::Focus(true), LinkOrder::Focus(false)] {
            sender.try_send(order).unwrap();
        }
        assert!(task.drain().is_ok());
        assert!(!task.focused);
        assert!(task.orders.try_recv().is_err(), "nothing is left to break the link");
        drop(sender);
        assert!(task.drain().is_err());
    }
}
