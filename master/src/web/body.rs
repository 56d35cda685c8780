//! A body, read within its bounds.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::reply::Refused;

/// The largest body, in bytes (F13).
pub(super) const MAX_BODY_BYTES: usize = 32 << 20;
/// What all bodies together may hold in memory, in units.
const ROOM_UNITS: usize = 96 << 4;
/// One unit of that, in bytes.
const UNIT_BYTES: usize = 64 * 1024;
/// A sender who is silent for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(10);

/// The memory that bodies share.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM_UNITS)))
    }
}

/// A body, which holds its part of the room until it is dropped.
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Too large, said before or found while reading.
pub(super) fn too_large() -> Refused {
    let why = format!("a body has at most {MAX_BODY_BYTES} bytes");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why)
}

/// Reads a body to its end.
///
/// # Errors
/// It is too large, too slow, broken off, or there is no room for it now.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    room: &Room,
) -> Result<Read, Refused> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame = match timeout(SILENCE, body.frame()).await {
            Err(_) => {
                let why = format!("nothing came for {} seconds", SILENCE.as_secs());
                return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "too_slow", why));
            }
            Ok(None) => return Ok(Read { bytes, _room: held }),
            Ok(Some(Err(_))) => {
                let why = "the body broke off";
                return Err(Refused::new(StatusCode::BAD_REQUEST, "unreadable", why));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.remaining() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
        // What the vector really holds: it grows ahead of what it has.
        let units = bytes.capacity().div_ceil(UNIT_BYTES);
        let more = units.saturating_sub(held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            let Ok(more) = room.0.clone().try_acquire_many_owned(more) else {
                return Err(Refused::later(
                    "busy",
                    "too many large bodies come at the same moment",
                ));
            };
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn body(bytes: usize, room: &Room) -> Result<Read, Refused> {
        read(Full::new(Bytes::from(vec![b'x'; bytes])), room).await
    }

    #[tokio::test]
    async fn bodies_are_bounded_each_and_all_together() {
        let room = Room::new();
        assert!(body(0, &room).await.unwrap().bytes.is_empty());
        let over = body(MAX_BODY_BYTES + 1, &room).await.err().unwrap();
        assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE);
        let held = [
            body(MAX_BODY_BYTES, &room).await.unwrap(),
            body(MAX_BODY_BYTES, &room).await.unwrap(),
            body(MAX_BODY_BYTES, &room).await.unwrap(),
        ];
        let busy = body(1, &room).await.err().unwrap();
        assert_eq!((busy.status, busy.code), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
        drop(held);
        assert_eq!(body(1, &room).await.unwrap().bytes, b"x");
    }
}
