//! A connection, whatever it came over, and dialling from within the same process.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Uri};

use super::peer::Peer;

/// Bytes under way in one direction of a pipe within the process.
const PIPE_BYTES: usize = 256 * 1024;

/// Somebody at the door.
pub(crate) enum Connection {
    /// Over the local socket.
    Unix(UnixStream),
    /// Over loopback, and who dialled.
    Tcp(TcpStream, Peer),
    /// From this very process.
    Inside(DuplexStream),
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        match self {
            Self::Unix(stream) => match stream.peer_cred() {
                Ok(credentials) => Peer::User(credentials.uid()),
                Err(_) => Peer::Unknown,
            },
            Self::Tcp(_, peer) => *peer,
            Self::Inside(_) => Peer::Inside,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tcp(stream, _) => Pin::new(stream).poll_read(cx, buf),
            Self::Inside(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tcp(stream, _) => Pin::new(stream).poll_write(cx, buf),
            Self::Inside(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tcp(stream, _) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Inside(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tcp(stream, _) => stream.is_write_vectored(),
            Self::Inside(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tcp(stream, _) => Pin::new(stream).poll_flush(cx),
            Self::Inside(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tcp(stream, _) => Pin::new(stream).poll_shutdown(cx),
            Self::Inside(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Dials the master from within its process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dialler(mpsc::Sender<Connection>);

impl Dialler {
    /// Dials into the queue of connections that the server takes from.
    pub(crate) const fn new(connections: mpsc::Sender<Connection>) -> Self {
        Self(connections)
    }

    /// A new pipe.
    ///
    /// # Errors
    /// When the doors are closed.
    pub(crate) async fn pipe(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        match self.0.send(Connection::Inside(theirs)).await {
            Ok(()) => Ok(ours),
            Err(_) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the master is ending")),
        }
    }

    /// A channel that dials when it is first used, and again when its pipe has ended.
    pub(crate) fn channel(&self) -> Channel {
        let dialler = self.clone();
        // The authority of a pipe means nothing; HTTP/2 wants one.
        let endpoint = Endpoint::from_static("http://linn.localhost");
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let dialler = dialler.clone();
            async move { dialler.pipe().await.map(TokioIo::new) }
        }))
    }
}
