//! The doors: what consoles, scripts, hooks and workers may ask, over gRPC.
//!
//! A door checks what comes in, asks the engine, the hub, the log store or the database's readers, and answers; it decides
//! nothing. One server serves the local socket, the loopback listener and the pipes of the same process.

mod change;
mod connection;
mod console;
mod control;
mod convert;
mod explain;
mod hub;
mod key;
mod listen;
mod loopback;
mod peer;
mod reconfigure;
mod reference;
mod retention;
mod serve;
mod session;
mod sessions;
mod status;
#[cfg(test)]
mod tests;
mod transfer;
mod trying;
mod view;
mod watch;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::artifacts::Artifacts;
use crate::config::Library;
use crate::engine::{EngineHandle, Gone};
use crate::logs::LogStore;
use crate::reload::Reloader;
use crate::retention::Retention;
use crate::secret::Secrets;
use crate::source::Sources;
use crate::store::{Queries, StoreError};

pub(crate) use connection::Dialler;
pub(crate) use hub::Hub;
pub use listen::ListenError;
pub(crate) use listen::{bind, check};
pub(crate) use peer::owner;
pub(crate) use serve::{WAITING_CONNECTIONS, serve};
pub(crate) use sessions::{Command, Order, Sessions};
/// A connection to a master, as clients of any kind hold it.
pub use tonic::transport::Channel;
pub(crate) use view::{Facts, View};

/// What all doors share.
pub(crate) struct Doors {
    /// Who decides.
    pub engine: EngineHandle,
    /// What watchers see.
    pub hub: Arc<Hub>,
    /// Connected workers.
    pub sessions: Arc<Sessions>,
    /// Bytes of logs.
    pub logs: LogStore,
    /// Files that builds keep.
    pub artifacts: Artifacts,
    /// Where the configuration's file lies; `None`: it has none.
    pub beside: Option<PathBuf>,
    /// History.
    pub queries: Queries,
    /// Where changes come from.
    pub sources: Sources,
    /// The functions of `master.star`.
    pub hooks: Arc<Library>,
    /// Deletes old history.
    pub retention: Arc<Retention>,
    /// Follows other configurations.
    pub reloader: Arc<Reloader>,
    /// What commands are given at the last moment.
    pub secrets: Secrets,
    /// The state folder.
    pub dir: PathBuf,
    /// The user this process runs as.
    pub user: String,
    /// Cancelled when the doors close.
    pub ending: CancellationToken,
    /// Cancelled when somebody asks the master to end.
    pub asked_to_end: CancellationToken,
}

impl Doors {
    /// Reads history without holding up the runtime.
    async fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Queries) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let queries = self.queries.clone();
        match tokio::task::spawn_blocking(move || read(&queries)).await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => {
                Err(status::broken("the database cannot be read", &error.to_string()))
            }
            Err(_) => Err(status::broken("the database cannot be read", "the reader broke off")),
        }
    }
}

/// Nobody will answer.
fn gone(gone: &Gone) -> Status {
    match gone {
        Gone::Ending => status::away(gone.to_string()),
        Gone::NotWritten(why) => status::not_now(
            "the master could not write this down",
            why,
            "it goes on by itself when the disk has room and works again; see then whether this was done, and ask again if not",
        ),
    }
}
