//! Notices that the reader of standard output has left, while there is nothing to write: `linn events -f | head -1` ends
//! with `head`, not with the next event.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::Notify;

/// Completes once nobody reads; clones share one watch.
#[derive(Clone)]
pub(crate) struct Gone {
    notify: Arc<Notify>,
    watching: Arc<AtomicBool>,
}

impl Gone {
    /// Of this process's standard output. Nothing is watched before the first [`Gone::wait`].
    pub(crate) fn stdout() -> Self {
        Self { notify: Arc::default(), watching: Arc::default() }
    }

    /// Never.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self { notify: Arc::default(), watching: Arc::new(AtomicBool::new(true)) }
    }

    /// Waits for it.
    pub(crate) async fn wait(&self) {
        if !self.watching.swap(true, Ordering::Relaxed) {
            let notify = self.notify.clone();
            // The thread sleeps in the kernel and dies with the process. Without it only the promptness is lost.
            let _ = thread::Builder::new().name("hangup".to_owned()).spawn(move || {
                let stdout = io::stdout();
                // No flags asked for: the call returns for an error or a hang-up alone, never for a file.
                let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
                while let Err(rustix::io::Errno::INTR) = poll(&mut fds, None) {}
                notify.notify_one();
            });
        }
        self.notify.notified().await;
    }
}
