//! What the engine orders of an edge that works off its thread: a queue that never makes the engine wait.

use tokio::sync::mpsc;

/// Takes orders; never waits. Whoever has one of these sees to it that there is a bound to how many are open.
pub(crate) struct Orders<T>(mpsc::UnboundedSender<T>);

impl<T> Clone for Orders<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Orders<T> {
    /// A queue of orders, and its other end for who carries them out.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<T>) {
        let (sender, orders) = mpsc::unbounded_channel();
        (Self(sender), orders)
    }

    /// Gives an order. When nobody takes them any more the master is ending: what the state still waits for is ordered again
    /// by the next one, or known as lost to it.
    pub(crate) fn give(&self, order: T) {
        drop(self.0.send(order));
    }
}
