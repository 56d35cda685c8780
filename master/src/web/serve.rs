//! The listener and its bounds: how many connections, how old, and how their ends are told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Web;
use super::body::Room;
use super::hook::{self, Knock};
use super::reply::Refused;
use crate::api::ListenError;
use crate::seldom::Seldom;

/// The most connections at one time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// The most connections of one address: half, so that one sender leaves room for the others.
const MAX_OF_ONE: usize = MAX_CONNECTIONS / 2;
/// How long a head may take to come.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a connection may last in all: one delivery.
const LIFE: Duration = Duration::from_secs(120);
/// The largest head, in bytes, and what is read at one time.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most headers.
const MAX_HEADERS: usize = 64;
/// How long a sender may go on sending what nobody reads, so that it sees the answer before the connection ends.
const LINGER: Duration = Duration::from_secs(2);
/// Accepting failed, for want of descriptors as a rule: it is tried again after so long.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Binds the listener.
///
/// # Errors
/// [`ListenError::Port`].
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError::Port { address, source })
}

/// Takes deliveries until the doors close; those that have begun are finished.
pub(crate) fn serve(
    listener: TcpListener,
    web: Arc<Web>,
    ending: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let connections = TaskTracker::new();
        let places = Places::new();
        let room = Room::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                () = ending.cancelled() => break,
            };
            match accepted {
                Ok((stream, from, place)) => {
                    let (web, room) = (web.clone(), room.clone());
                    connections.spawn(async move {
                        let _place = place;
                        // Too old: it is cut off, and nothing of it was promised.
                        let _ = timeout(LIFE, connection(stream, from, web, room)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection for a hook could not be accepted: {error}");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_RETRY) => {}
                        () = ending.cancelled() => break,
                    }
                }
            }
        }
        connections.close();
        connections.wait().await;
    })
}

/// The next connection of who does not have too many already.
async fn accept(
    listener: &TcpListener,
    places: &Places,
) -> std::io::Result<(TcpStream, IpAddr, Place)> {
    static MANY: Seldom = Seldom::new();
    loop {
        // Its closing would be news to nobody: it is never closed.
        let Ok(any) = places.any.clone().acquire_owned().await else { continue };
        let (stream, from) = listener.accept().await?;
        let from = from.ip().to_canonical();
        match places.of(from, any) {
            Some(place) => return Ok((stream, from, place)),
            None => MANY.say(|more| {
                tracing::warn!(%from, more, "too many connections for hooks come from one address");
            }),
        }
    }
}

/// Serves one delivery.
async fn connection(stream: TcpStream, from: IpAddr, web: Arc<Web>, room: Room) {
    let answer = move |request: Request<Incoming>| {
        let (web, room) = (web.clone(), room.clone());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let answered = hook::answer(&web, Knock { head: &head, body, room: &room }).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|refused| {
                note(from, head.uri.path(), &refused);
                refused.reply()
            }))
        })
    };
    let mut served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // What cannot be read as HTTP is told so by hyper itself.
    let _ = poll_fn(|context| served.poll_without_shutdown(context)).await;
    let mut stream = served.into_parts().io.into_inner();
    if stream.shutdown().await.is_err() {
        return;
    }
    // Closed with bytes unread, a connection is reset, and the sender may never see the answer.
    let mut thrown_away = vec![0; MAX_HEAD_BYTES];
    let drain = async { while stream.read(&mut thrown_away).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(LINGER, drain).await;
}

/// Tells operators of what was refused, now and then.
fn note(from: IpAddr, path: &str, refused: &Refused) {
    static REFUSED: Seldom = Seldom::new();
    // Whoever scans ports for pages of other programs is no news.
    if refused.status == StatusCode::NOT_FOUND {
        return;
    }
    let path: String = path.chars().take(100).collect();
    REFUSED.say(|more| {
        let (status, why) = (refused.status.as_u16(), refused.why.as_str());
        tracing::warn!(%from, path, status, why, more, "a delivery was refused");
    });
}

/// Who is connected.
struct Places {
    any: Arc<Semaphore>,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One connection's place; free again when dropped.
struct Place {
    from: IpAddr,
    by_address: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    _any: OwnedSemaphorePermit,
}

impl Places {
    fn new() -> Self {
        Self { any: Arc::new(Semaphore::new(MAX_CONNECTIONS)), by_address: Arc::default() }
    }

    /// A place for an address, unless it has too many.
    fn of(&self, from: IpAddr, any: OwnedSemaphorePermit) -> Option<Place> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(from).or_default();
        if *count >= MAX_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Place { from, by_address: self.by_address.clone(), _any: any })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.from);
            }
        }
    }
}
