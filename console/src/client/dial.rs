//! Dialling a master, and the clients that say the protocol number in every call.

use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use linn_proto::change::change_hook_client::ChangeHookClient;
use linn_proto::console::console_client::ConsoleClient;
use linn_proto::control::control_client::ControlClient;
use tokio::net::{TcpStream, UnixStream};
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::address::ServerAddr;
use super::error::ClientError;

/// The metadata key that carries [`linn_proto::PROTOCOL`] in every call.
pub const PROTOCOL_KEY: &str = "linn-protocol";

/// A silent master is asked whether it lives; one that does not answer in [`KEEP_ALIVE_ANSWER`] is away.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(10);

/// A channel whose calls carry the protocol number.
pub type Carrier = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Status>>;

/// Dials a master. Later calls on the channel dial again by themselves when the link was lost.
///
/// # Errors
/// [`super::Kind::Unreachable`] with where, why and what to try.
pub async fn connect(addr: &ServerAddr) -> Result<Channel, ClientError> {
    if let Some(trouble) = addr.trouble() {
        return Err(ClientError::unreachable(format!("cannot connect to {addr}"))
            .why(trouble)
            .hint("move the state folder to a shorter path"));
    }
    // The authority of a local socket means nothing; HTTP/2 wants one.
    let endpoint = Endpoint::from_static("http://linn.localhost")
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_ANSWER)
        .connect_timeout(Duration::from_secs(5));
    let dialled = match addr.clone() {
        ServerAddr::Unix(path) => {
            let dial = tower::service_fn(move |_| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            });
            endpoint.connect_with_connector(dial).await
        }
        ServerAddr::Http(authority) => {
            let dial = tower::service_fn(move |_| {
                let authority = authority.clone();
                async move {
                    let stream = TcpStream::connect(authority).await?;
                    stream.set_nodelay(true)?;
                    Ok::<_, io::Error>(TokioIo::new(stream))
                }
            });
            endpoint.connect_with_connector(dial).await
        }
    };
    dialled.map_err(|error| nobody(addr, &error))
}

/// Adds the protocol number to a call; an interceptor for clients that are not made by [`Master`].
///
/// # Errors
/// None: the signature is tonic's.
pub fn protocol_header(mut request: Request<()>) -> Result<Request<()>, Status> {
    request.metadata_mut().insert(PROTOCOL_KEY, MetadataValue::from(linn_proto::PROTOCOL));
    Ok(request)
}

/// A link to a master: clients of all its services over one channel.
#[derive(Debug, Clone)]
pub struct Master {
    channel: Channel,
}

impl Master {
    /// Over a channel made by [`connect`].
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Reading.
    #[must_use]
    pub fn console(&self) -> ConsoleClient<Carrier> {
        ConsoleClient::new(self.carrier())
            .max_decoding_message_size(linn_proto::MAX_MESSAGE_BYTES * 2)
    }

    /// Changing.
    #[must_use]
    pub fn control(&self) -> ControlClient<Carrier> {
        ControlClient::new(self.carrier())
    }

    /// Changes from outside.
    #[must_use]
    pub fn changes(&self) -> ChangeHookClient<Carrier> {
        ChangeHookClient::new(self.carrier())
    }

    fn carrier(&self) -> Carrier {
        InterceptedService::new(self.channel.clone(), protocol_header)
    }
}

/// The sentences for an address where nobody answers.
fn nobody(addr: &ServerAddr, error: &tonic::transport::Error) -> ClientError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut found: Option<&io::Error> = None;
    let mut last = String::new();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            found = Some(io);
        }
        last = error.to_string();
        cause = error.source();
    }
    let what = format!("nobody listens on {addr}");
    let start = "start one with `linn up`, or name another with --server, $LINN_SERVER or `linn context use`";
    match (found.map(io::Error::kind), addr) {
        (Some(io::ErrorKind::NotFound), _) => {
            ClientError::unreachable(what).why("there is no such socket").hint(start)
        }
        (Some(io::ErrorKind::ConnectionRefused), ServerAddr::Unix(_)) => {
            ClientError::unreachable(what)
                .why("the master that made this socket is gone")
                .hint(start)
        }
        (Some(io::ErrorKind::ConnectionRefused), ServerAddr::Http(_)) => {
            ClientError::unreachable(what).why("the port is closed").hint(start)
        }
        (Some(io::ErrorKind::PermissionDenied), _) => {
            ClientError::unreachable(format!("cannot connect to {addr}"))
                .why("you may not use this socket")
                .hint("run as the user the master runs as")
        }
        _ => ClientError::unreachable(format!("cannot connect to {addr}")).why(last).hint(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Kind;

    #[tokio::test]
    async fn a_socket_that_is_not_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let addr = ServerAddr::of_folder(dir.path());
        let error = connect(&addr).await.expect_err("nobody is there");
        let (what, why, hint) = error.sentences();
        assert_eq!(what, format!("nobody listens on {addr}"));
        assert_eq!(why, Some("there is no such socket"));
        assert!(hint.is_some_and(|hint| hint.contains("linn up")));
        assert_eq!(error.kind(), Kind::Unreachable);
    }

    #[tokio::test]
    async fn a_socket_whose_master_is_gone() {
        let dir = tempfile::tempdir().expect("a folder");
        let addr = ServerAddr::of_folder(dir.path());
        drop(std::os::unix::net::UnixListener::bind(dir.path().join("linn.sock")));
        let error = connect(&addr).await.expect_err("nobody listens");
        assert_eq!(error.sentences().1, Some("the master that made this socket is gone"));
    }

    #[tokio::test]
    async fn a_closed_port() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let addr: ServerAddr = format!("http://127.0.0.1:{port}").parse().expect("an address");
        let error = connect(&addr).await.expect_err("nobody listens");
        assert_eq!(error.sentences().1, Some("the port is closed"));
        assert_eq!(error.kind(), Kind::Unreachable);
    }
}
