//! What a sender is told: one JSON object, with a word for programs and a sentence for people when it is refused.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use linn_core::id::ChangeId;
use serde_json::{Value, json};

/// An answer.
pub(super) type Reply = Response<Full<Bytes>>;

/// After so many seconds a sender may try again.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("30");

/// Why a delivery is not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// For programs.
    pub(super) code: &'static str,
    /// For people.
    pub(super) why: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, why: impl Into<String>) -> Self {
        Self { status, code, why: why.into() }
    }

    /// Not now, but perhaps later.
    pub(super) fn later(code: &'static str, why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, why)
    }

    pub(super) fn reply(&self) -> Reply {
        let mut reply = of(self.status, &json!({ "error": self.code, "why": self.why }));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            reply.headers_mut().insert(RETRY_AFTER, TRY_AGAIN);
        }
        reply
    }
}

/// The changes that a delivery made, or had made before.
pub(super) fn taken(ids: &[ChangeId]) -> Reply {
    let ids: Vec<u64> = ids.iter().map(|id| id.0).collect();
    of(StatusCode::OK, &json!({ "changes": ids }))
}

fn of(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
