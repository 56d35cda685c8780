//! Which bytes a worker may forget: the newest length of each log that became durable, told to the connection it came on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use linn_core::id::LogId;
use linn_core::time::Timestamp;
use tokio::sync::Notify;

use super::line::{Appended, Stream};
use super::store::{LogStore, lock};
use super::{LogError, LogKey};

/// Between the logs of one connection and its acks. Bounded by the number of logs: a newer value replaces an older one.
#[derive(Default)]
pub(super) struct AckBox {
    news: Mutex<News>,
    told: Notify,
}

#[derive(Default)]
struct News {
    durable: BTreeMap<LogId, u64>,
    closed: bool,
}

impl AckBox {
    /// A log is now durable up to here.
    pub(super) fn tell(&self, log: LogId, durable_to: u64) {
        lock(&self.news).durable.insert(log, durable_to);
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

/// What has become durable since it was last asked, for one connection.
pub struct Acks(Arc<AckBox>);

impl Acks {
    /// Waits for news: some logs, each with the length up to which it is now durable. `None`: all pushers are gone and
    /// everything was told. May be dropped while it waits without losing anything.
    pub async fn next(&mut self) -> Option<Vec<(LogId, u64)>> {
        loop {
            {
                let mut news = lock(&self.0.news);
                if !news.durable.is_empty() {
                    return Some(std::mem::take(&mut news.durable).into_iter().collect());
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
