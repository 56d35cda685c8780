//! How the console reaches a master: one in this very program, or one behind an address.

use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use linn_console::Dial;
use linn_console::client::{ServerAddr, connect};

use crate::Running;

/// To the master of this program. It holds nothing of the master itself, so it is in nobody's way when that ends.
pub(super) fn within(running: &Running) -> Dial {
    let channel = running.dial();
    Arc::new(move || {
        // The channel dials again by itself.
        let channel = channel.clone();
        async move { Ok(channel) }.boxed()
    })
}

/// To a master's socket.
pub(super) fn socket(dir: &Path) -> Dial {
    let address = ServerAddr::of_folder(dir);
    Arc::new(move || {
        let address = address.clone();
        async move { connect(&address).await.map_err(|error| sentence(&error)) }.boxed()
    })
}

/// Whether a master answers in that folder now.
pub(super) async fn answers(dir: &Path) -> bool {
    connect(&ServerAddr::of_folder(dir)).await.is_ok()
}

/// The error in one line.
fn sentence(error: &linn_console::client::ClientError) -> String {
    match error.sentences() {
        (what, Some(why), _) => format!("{what}: {why}"),
        (what, None, _) => what.to_owned(),
    }
}
