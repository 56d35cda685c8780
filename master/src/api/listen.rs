//! The listeners: the local socket `DIR/linn.sock`, and a TCP port on loopback when one is asked for.
//!
//! The socket file exists as soon as the master answers, so it is bound last. A stale one, left by a master that was
//! killed, is replaced: whoever holds the folder's lock is the only master there. Its mode is 0600 from its first moment,
//! for it is bound inside a folder that nobody else may enter and moved into place.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::loopback;
use super::peer::Peer;

/// The longest path of a socket that the system takes, in bytes.
const MAX_SOCKET_PATH: usize = 107;
/// Accepting failed, for want of descriptors as a rule: it is tried again after so long.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Why a listener could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Other machines could reach it, and there is no enrolment over TLS yet.
    #[error("the master does not listen on {0}: only loopback addresses are allowed so far")]
    NotLoopback(SocketAddr),
    /// The path is too long for a socket.
    #[error("{} is too long for a socket: {MAX_SOCKET_PATH} bytes at most", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot listen on {}", path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Port {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Listeners that are bound.
pub(crate) struct Bound {
    unix: UnixListener,
    tcp: Option<TcpListener>,
    /// Where the local socket is.
    pub socket: PathBuf,
    /// The port really had.
    pub address: Option<SocketAddr>,
}

/// Whether an address may be listened on at all.
///
/// # Errors
/// [`ListenError::NotLoopback`].
pub(crate) fn check(address: SocketAddr) -> Result<(), ListenError> {
    if address.ip().is_loopback() { Ok(()) } else { Err(ListenError::NotLoopback(address)) }
}

/// Binds the listeners of a folder. The caller holds the folder's lock.
///
/// # Errors
/// [`ListenError`].
pub(crate) async fn bind(dir: &Path, address: Option<SocketAddr>) -> Result<Bound, ListenError> {
    let mut tcp = None;
    if let Some(address) = address {
        check(address)?;
        let bound = TcpListener::bind(address).await;
        tcp = Some(bound.map_err(|source| ListenError::Port { address, source })?);
    }
    let bound_to = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
    let socket = dir.join("linn.sock");
    if socket.as_os_str().len() > MAX_SOCKET_PATH {
        return Err(ListenError::TooLong { path: socket });
    }
    let unix = bind_unix(dir, &socket)
        .map_err(|source| ListenError::Socket { path: socket.clone(), source })?;
    Ok(Bound { unix, tcp, socket, address: bound_to })
}

fn bind_unix(dir: &Path, socket: &Path) -> io::Result<UnixListener> {
    // A short name, so that the detour fits wherever the socket itself does.
    let private = dir.join(".s");
    drop(std::fs::remove_dir_all(&private));
    std::fs::DirBuilder::new().mode(0o700).create(&private)?;
    let first = private.join("s");
    let listener = UnixListener::bind(&first)?;
    std::fs::set_permissions(&first, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&first, socket)?;
    std::fs::remove_dir(&private)?;
    Ok(listener)
}

impl Bound {
    /// Takes connections in until the doors close, then removes the socket: that must be waited for before the folder is
    /// let go, or the next master's socket might be the one that is removed.
    pub(crate) fn accept(
        self,
        into: &mpsc::Sender<Connection>,
        ending: &CancellationToken,
    ) -> JoinHandle<()> {
        let Self { unix, tcp, socket, .. } = self;
        if let Some(tcp) = tcp {
            let (connections, closing) = (into.clone(), ending.clone());
            tokio::spawn(async move {
                let tcp = &tcp;
                let accept = || async move {
                    let (stream, theirs) = tcp.accept().await?;
                    stream.set_nodelay(true)?;
                    let ours = stream.local_addr()?;
                    let peer = tokio::task::spawn_blocking(move || loopback::peer(theirs, ours));
                    Ok(Connection::Tcp(stream, peer.await.unwrap_or(Peer::Unknown)))
                };
                accept_all(accept, &connections, &closing).await;
            });
        }
        let (connections, closing) = (into.clone(), ending.clone());
        tokio::spawn(async move {
            let unix = &unix;
            let accept =
                || async move { unix.accept().await.map(|(stream, _)| Connection::Unix(stream)) };
            accept_all(accept, &connections, &closing).await;
            drop(std::fs::remove_file(&socket));
        })
    }
}

async fn accept_all<F: Future<Output = io::Result<Connection>>>(
    accept: impl Fn() -> F,
    connections: &mpsc::Sender<Connection>,
    ending: &CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            () = ending.cancelled() => return,
        };
        match accepted {
            Ok(connection) => {
                if connections.send(connection).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::select! {
                    () = tokio::time::sleep(ACCEPT_RETRY) => {}
                    () = ending.cancelled() => return,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_ours_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("linn.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let bound = bind(dir.path(), None).await.unwrap();
        assert_eq!(bound.socket, path);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(tokio::net::UnixStream::connect(&path).await.is_ok());
        assert!(!dir.path().join(".s").exists());
    }

    #[tokio::test]
    async fn other_machines_are_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let refused = bind(dir.path(), Some("0.0.0.0:0".parse().unwrap())).await;
        assert!(matches!(refused, Err(ListenError::NotLoopback(_))));
        assert!(!dir.path().join("linn.sock").exists());
        let bound = bind(dir.path(), Some("127.0.0.1:0".parse().unwrap())).await.unwrap();
        assert!(bound.address.is_some_and(|address| address.port() != 0));
    }

    #[tokio::test]
    async fn a_path_too_long_is_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(100));
        std::fs::create_dir(&long).unwrap();
        assert!(matches!(bind(&long, None).await, Err(ListenError::TooLong { .. })));
    }
}
