//! Which bytes a worker may forget, and which it must send again: the newest news of each log, told to the connection its
//! bytes came on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use linn_core::id::LogId;
use linn_core::time::Timestamp;
use tokio::sync::Notify;

use super::line::{Appended, Stream};
use super::store::{LogStore, lock};
use super::{LogError, LogKey};

/// What a worker hears of one of its logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ack {
    /// Which.
    pub log: LogId,
    /// How much of it would survive a power cut: the worker may forget below it.
    pub durable_to: u64,
    /// What was taken in beyond is lost: send again from here.
    pub expected: Option<u64>,
}

/// Between the logs of one connection and its acks. Bounded by the number of logs: a newer value replaces an older one.
#[derive(Default)]
pub(super) struct AckBox {
    news: Mutex<News>,
    told: Notify,
}

#[derive(Default)]
struct News {
    acks: BTreeMap<LogId, Ack>,
    closed: bool,
}

impl AckBox {
    /// A log is now durable up to here.
    pub(super) fn tell(&self, log: LogId, durable_to: u64) {
        // That bytes were lost is news until it was heard, whatever became durable since: a worker that is told too often
        // sends twice, and what is there is skipped; one that is not told would wait for ever.
        let mut news = lock(&self.news);
        let expected = news.acks.get(&log).and_then(|ack| ack.expected);
        news.acks.insert(log, Ack { log, durable_to, expected });
        self.told.notify_one();
    }

    /// A log fell back to what is durable.
    pub(super) fn ask_again(&self, log: LogId, durable_to: u64) {
        lock(&self.news).acks.insert(log, Ack { log, durable_to, expected: Some(durable_to) });
        self.told.notify_one();
    }
}

/// Appends of one connection. Clones belong to the same.
#[derive(Clone)]
pub struct Pusher {
    store: LogStore,
    open: Arc<Open>,
}

/// Ends the acks when the last pusher goes.
struct Open(Arc<AckBox>);

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.0.news).closed = true;
        self.0.told.notify_one();
    }
}

impl Pusher {
    /// As [`LogStore::append`]; from now on this connection hears of the log's durability, and no other one does.
    ///
    /// # Errors
    /// As [`LogStore::append`].
    pub async fn append(
        &self,
        key: &LogKey,
        offset: u64,
        stream: Stream,
        at: Timestamp,
        data: Bytes,
    ) -> Result<Appended, LogError> {
        self.store.append_for(key, offset, stream, at, data, Some(&self.open.0)).await
    }
}

/// What has become durable, or was lost, since it was last asked, for one connection.
pub struct Acks(Arc<AckBox>);

impl Acks {
    /// Waits for news of some logs. `None`: all pushers are gone and everything was told. May be dropped while it waits
    /// without losing anything.
    pub async fn next(&mut self) -> Option<Vec<Ack>> {
        loop {
            {
                let mut news = lock(&self.0.news);
                if !news.acks.is_empty() {
                    return Some(std::mem::take(&mut news.acks).into_values().collect());
                }
                if news.closed {
                    return None;
                }
            }
            self.0.told.notified().await;
        }
    }
}

impl LogStore {
    /// Appends that come over one connection, with the acks that go back over it.
    #[must_use]
    pub fn pusher(&self) -> (Pusher, Acks) {
        let news = Arc::new(AckBox::default());
        let pusher = Pusher { store: self.clone(), open: Arc::new(Open(news.clone())) };
        (pusher, Acks(news))
    }
}
