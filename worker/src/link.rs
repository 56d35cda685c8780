//! A connection to the master and the two streams on it.
//!
//! Control and bytes are separate streams, so that a stop never queues behind a log. HTTP/2 pings go out every ten
//! seconds, also while nothing is said: a link that is dead without a word is noticed within fifteen.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use linn_proto::worker::worker_client::WorkerClient;
use linn_proto::worker::{FromWorker, LogAcked, LogAppend, ToWorker};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// How often an idle connection is pinged, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// How long establishing a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Control messages between the agent and the wire.
const CONTROL_QUEUE: usize = 256;

/// Pieces of logs between the agent and the wire: a megabyte in memory at the most.
const PUSH_QUEUE: usize = 4;

/// Names the session on the log stream, so that the master knows whose bytes they are.
pub const SESSION_METADATA: &str = "linn-session";

/// A master's address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no address of a master: give unix:PATH or http://127.0.0.1:PORT")]
pub struct BadServer(String);

/// The endpoint of a master: `unix:PATH`, or `http://` and an address of this machine (anything else needs TLS, which
/// enrolment brings).
///
/// # Errors
///
/// When the text is neither.
pub fn endpoint(server: &str) -> Result<Endpoint, BadServer> {
    let bad = || BadServer(server.to_owned());
    let is_here = |rest: &str| {
        let rest = rest.trim_end_matches('/');
        // What stands before an `@` is a user and no host, and what follows a slash no address.
        if rest.contains(['@', '/', '?', '#', '\\']) {
            return false;
        }
        let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    };
    match (server.strip_prefix("unix:"), server.strip_prefix("http://")) {
        (Some(path), _) if !path.is_empty() => {}
        (_, Some(rest)) if is_here(rest) => {}
        _ => return Err(bad()),
    }
    let endpoint = Endpoint::from_shared(server.to_owned()).map_err(|_| bad())?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .keep_alive_while_idle(true))
}

type Opening<T> = Pin<Box<dyn Future<Output = Result<Response<Streaming<T>>, Status>> + Send>>;

/// The receiving half of a stream; the server may let us speak before it answers.
#[expect(clippy::large_enum_variant, reason = "moved once and never kept in bulk")]
enum Incoming<T> {
    Opening(Opening<T>),
    Open(Streaming<T>),
}

impl<T> Incoming<T> {
    /// The next message; nothing when the stream has ended. May be dropped and called again.
    async fn next(&mut self) -> Result<Option<T>, Status> {
        loop {
            match self {
                Self::Opening(opening) => *self = Self::Open(opening.await?.into_inner()),
                Self::Open(stream) => return stream.message().await,
            }
        }
    }
}

/// What comes from the master.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once and never kept in bulk")]
pub(crate) enum Heard {
    Control(ToWorker),
    Acked(LogAcked),
    /// The connection is of no use any more.
    Ended(Status),
}

/// A connection on which a session has begun.
pub(crate) struct Link {
    client: WorkerClient<Channel>,
    control: Incoming<ToWorker>,
    acked: Option<Incoming<LogAcked>>,
}

impl Link {
    /// Begins a session: what is sent first must be the hello.
    pub(crate) fn begin(channel: Channel) -> (Self, mpsc::Sender<FromWorker>) {
        let client =
            WorkerClient::new(channel).max_decoding_message_size(linn_proto::MAX_MESSAGE_BYTES);
        let (sender, messages) = mpsc::channel(CONTROL_QUEUE);
        let mut caller = client.clone();
        let opening = async move { caller.session(ReceiverStream::new(messages)).await };
        let control = Incoming::Opening(Box::pin(opening));
        (Self { client, control, acked: None }, sender)
    }

    /// Opens the log stream of the session.
    pub(crate) fn open_push(&mut self, session: u64) -> mpsc::Sender<LogAppend> {
        let (sender, pieces) = mpsc::channel(PUSH_QUEUE);
        let mut caller = self.client.clone();
        let mut request = Request::new(ReceiverStream::new(pieces));
        request.metadata_mut().insert(SESSION_METADATA, MetadataValue::from(session));
        let opening = async move { caller.push_logs(request).await };
        self.acked = Some(Incoming::Opening(Box::pin(opening)));
        sender
    }

    /// For calls beside the session.
    pub(crate) fn client(&self) -> WorkerClient<Channel> {
        self.client.clone()
    }

    /// Waits for the master's next word. May be dropped and called again.
    pub(crate) async fn hear(&mut self) -> Heard {
        let acked = async {
            match &mut self.acked {
                Some(acked) => acked.next().await,
                None => std::future::pending().await,
            }
        };
        let (outcome, which) = tokio::select! {
            control = self.control.next() => (control.map(|said| said.map(Heard::Control)), "session"),
            acked = acked => (acked.map(|said| said.map(Heard::Acked)), "log"),
        };
        match outcome {
            Ok(Some(heard)) => heard,
            Ok(None) => {
                Heard::Ended(Status::unavailable(format!("the master ended the {which} stream")))
            }
            Err(status) => Heard::Ended(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_tls() {
        for good in
            ["unix:/run/x.sock", "http://127.0.0.1:80", "http://localhost:9", "http://[::1]:9"]
        {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "unix:",
            "http://example.com:80",
            "https://host",
            "host:80",
            "http://127.example.com:1",
            "http://127.0.0.1:1@evil.example",
            "http://127.0.0.1@evil.example:1",
            "http://127.0.0.1:1/path",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }
}
