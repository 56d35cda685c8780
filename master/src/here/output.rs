//! Output of a command on its way into its log: bounded, in order, and durable before the command's end is told.

use std::time::Duration;

use bytes::Bytes;
use linn_core::model::{CommandSpec, Exit, FinalLog};
use linn_worker::mask::{Masker, Words};

use crate::engine::EngineHandle;
use crate::logs::{LogKey, LogStore, MAX_APPEND, Stream};
use crate::seldom::Seldom;

/// A disk that is full or failed is tried again after so long.
const DISK_RETRY: Duration = Duration::from_millis(500);
/// Every step would say so at every retry.
static NOT_WRITTEN: Seldom = Seldom::new();

/// The one log of a command.
pub(super) struct Output {
    logs: LogStore,
    engine: EngineHandle,
    key: Option<LogKey>,
    length: u64,
    lines: u64,
    dropped: u64,
    most: u64,
    words: Words,
    masker: Masker,
}

impl Output {
    pub(super) fn new(
        logs: LogStore,
        engine: EngineHandle,
        key: Option<LogKey>,
        spec: &CommandSpec,
    ) -> Self {
        let most = spec.log_max_bytes;
        Self {
            logs,
            engine,
            key,
            length: 0,
            lines: 0,
            dropped: 0,
            most,
            words: Words::none(),
            masker: Masker::default(),
        }
    }

    /// From now on these texts and what they are often made into do not come out (PP-7).
    pub(super) fn hide(&mut self, texts: &[String]) {
        self.words = Words::hiding(texts.iter().map(String::as_str));
    }

    /// What is said of an end, without what must not come out.
    pub(super) fn masked_exit(&self, exit: Exit) -> Exit {
        match exit {
            Exit::NotStarted(why) => Exit::NotStarted(self.words.mask(&why)),
            Exit::Failed(why) => Exit::Failed(self.words.mask(&why)),
            Exit::Unanswered(why) => Exit::Unanswered(self.words.mask(&why)),
            other => other,
        }
    }

    /// Takes bytes in; what goes beyond the limit of the log is counted and dropped (LG-8). A disk without room is waited
    /// for, so whoever writes waits as well.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if self.words.is_empty() {
            return self.keep(bytes).await;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        self.masker.feed(&self.words, bytes, &mut masked);
        self.keep(&masked).await;
    }

    async fn keep(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.most.saturating_sub(self.length)).unwrap_or(usize::MAX);
        let (kept, dropped) = bytes.split_at(room.min(bytes.len()));
        self.dropped += dropped.len() as u64;
        let Some(key) = &self.key else { return };
        for piece in kept.chunks(MAX_APPEND) {
            let piece = Bytes::copy_from_slice(piece);
            loop {
                let at = self.engine.now();
                let taken =
                    self.logs.append(key, self.length, Stream::Out, at, piece.clone()).await;
                match taken {
                    Ok(taken) if taken.expected.is_none() => break,
                    Ok(taken) => {
                        // The log fell back to what is durable: what was in memory alone is gone.
                        tracing::error!(log = key.log.0, "a part of a log of the master's is lost");
                        self.length = taken.expected.unwrap_or(self.length);
                    }
                    Err(error) => {
                        NOT_WRITTEN.say(|unsaid| {
                            let log = key.log.0;
                            tracing::warn!(log, unsaid, "a log cannot be written yet: {error}");
                        });
                        tokio::time::sleep(DISK_RETRY).await;
                    }
                }
            }
            self.length += piece.len() as u64;
        }
    }

    /// A line of our own.
    pub(super) async fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes()).await;
    }

    /// How many lines there were, dropped ones too.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// Makes the log durable and closes it, however long the disk gives trouble.
    pub(super) async fn settle(&mut self) -> Vec<FinalLog> {
        let mut rest = Vec::new();
        self.masker.end(&self.words, &mut rest);
        self.keep(&rest).await;
        let Some(key) = &self.key else { return Vec::new() };
        loop {
            match self.logs.settle(key, self.length, None).await {
                Ok(settled) => {
                    return vec![FinalLog {
                        name: key.name.clone(),
                        bytes: settled.bytes,
                        lines: settled.lines,
                        dropped: self.dropped,
                    }];
                }
                Err(error) => {
                    NOT_WRITTEN.say(|unsaid| {
                        let log = key.log.0;
                        tracing::error!(log, unsaid, "a log cannot be settled yet: {error}");
                    });
                    if let Ok(lengths) = self.logs.lengths(key).await {
                        self.length = self.length.min(lengths.bytes);
                    }
                    tokio::time::sleep(DISK_RETRY).await;
                }
            }
        }
    }
}
