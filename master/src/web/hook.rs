//! What a request means: which hook, whether its sender may, and what it tells (F13).

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use linn_core::action::Answer;
use linn_core::change::NewChange;
use linn_core::config::{Config, Dialect, Source, SourceKind, Webhook};
use linn_core::id::SourceName;
use linn_core::master::Master;
use sha2::{Digest as _, Sha256};

use super::Web;
use super::body::{self, MAX_BODY_BYTES, Room};
use super::reply::{Refused, Reply, taken};
use crate::hex;
use crate::intake::{self, Submission};
use crate::secret::SecretValue;
use crate::source::webhook::{self, Letter};

/// A request as it came.
pub(super) struct Knock<'a, B> {
    pub(super) head: &'a Parts,
    pub(super) body: B,
    pub(super) room: &'a Room,
}

/// A hook of the configuration that is followed now.
struct Hook {
    config: Arc<Config>,
    source: Source,
    hook: Webhook,
}

/// Answers a request.
///
/// # Errors
/// Why it is refused; nothing of it was taken then.
pub(super) async fn answer<B: Body<Data = Bytes> + Unpin>(
    web: &Web,
    Knock { head, body, room }: Knock<'_, B>,
) -> Result<Reply, Refused> {
    let found = find(web, head.uri.path()).await?;
    if head.method != Method::POST {
        let why = "a hook takes POST alone";
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method", why));
    }
    let dialect = found.hook.dialect;
    let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    if found.hook.secret.is_some() {
        // Who does not even claim to know the secret need not be listened to.
        webhook::offered(dialect, header).map_err(unauthorised)?;
    }
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(body::too_large());
    }
    let secret = secret(web, &found).await?;
    let read = body::read(body, room).await?;

    let name = found.source.name.clone();
    let headers = head.headers.clone();
    // Megabytes are hashed and parsed where that holds up nobody.
    let work = move || understood(&found, secret.as_ref(), &headers, &read.bytes);
    let understood = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let why = "the delivery could not be read";
        Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", why).into())
    });
    let (changes, request_id) = match understood {
        Ok(understood) => understood,
        Err(Unfit { refused, proven }) => {
            if proven {
                web.sources.delivered(&name, Some(refused.why.clone()));
            }
            return Err(refused);
        }
    };
    let ids = submit(web, &name, changes, request_id).await?;
    web.sources.delivered(&name, None);
    Ok(taken(&ids))
}

/// The hook that a path names.
async fn find(web: &Web, path: &str) -> Result<Hook, Refused> {
    let unknown = |why: &str| Refused::new(StatusCode::NOT_FOUND, "unknown_hook", why);
    let name = path.strip_prefix("/hook/").and_then(decoded);
    let Some(name) = name else { return Err(unknown("there is nothing here but /hook/NAME")) };
    let config = web.engine.ask(|master: &Master| master.config().clone()).await;
    let config = config.map_err(|gone| Refused::later("away", gone.to_string()))?;
    let source = config.sources.get(name.as_str()).cloned();
    match source {
        Some(source) => match source.kind.clone() {
            SourceKind::Webhook(hook) => Ok(Hook { config, source, hook }),
            _ => Err(unknown("there is no hook of that name")),
        },
        None => Err(unknown("there is no hook of that name")),
    }
}

/// A part of a path, with `%20` for a blank.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.extend(hex::bytes_of(digits)?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn unauthorised(why: String) -> Refused {
    Refused::new(StatusCode::UNAUTHORIZED, "signature", why)
}

/// The secret of a hook, if it has one (F41).
async fn secret(web: &Web, found: &Hook) -> Result<Option<SecretValue>, Refused> {
    let Some(secret) = &found.hook.secret else { return Ok(None) };
    match web.secrets.fetch(secret).await {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            // People see it where they see every source; when it cannot be asked now it looks by itself soon.
            let _ = web.sources.poll(&found.source.name, None);
            tracing::warn!(hook = %found.source.name, "a delivery was refused: {error}");
            // Where the master's folder is, is nobody's business out there.
            let why = format!("the hook cannot be used before its secret {secret} has a value");
            Err(Refused::later("no_secret", why))
        }
    }
}

/// A delivery that is not taken.
struct Unfit {
    refused: Refused,
    /// Its sender knows the secret.
    proven: bool,
}

impl From<Refused> for Unfit {
    fn from(refused: Refused) -> Self {
        Self { refused, proven: false }
    }
}

/// The changes of a delivery, and the id by which it is known when it comes again.
fn understood(
    Hook { config, source, hook }: &Hook,
    secret: Option<&SecretValue>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Vec<NewChange>, String), Unfit> {
    if let Some(secret) = secret {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        webhook::proven(hook.dialect, secret, body, header).map_err(unauthorised)?;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let first = |names: &[&str]| names.iter().find_map(|name| text(name)).unwrap_or_default();
    let letter = Letter {
        content_type: text(CONTENT_TYPE.as_str()).unwrap_or_default(),
        encoding: text(CONTENT_ENCODING.as_str()).unwrap_or_default(),
        event: first(webhook::event_headers(hook.dialect)),
        body,
    };
    let changes = webhook::read(config, source, hook, &letter).map_err(|why| Unfit {
        refused: Refused::new(StatusCode::BAD_REQUEST, "unreadable", why),
        proven: secret.is_some(),
    })?;
    let delivery = first(webhook::delivery_headers(hook.dialect));
    let request_id = match hook.dialect {
        // What scripts send twice they may mean twice: the keys of its changes decide, as with `linn change send`.
        Dialect::Generic => String::new(),
        _ => {
            let mut digest = Sha256::new();
            digest.update(delivery.len().to_be_bytes());
            digest.update(delivery);
            digest.update(body);
            format!("hook {} {}", source.name, hex::text_of(&digest.finalize()))
        }
    };
    Ok((changes, request_id))
}

/// Has the core take the changes, and waits until they are durable.
async fn submit(
    web: &Web,
    name: &SourceName,
    changes: Vec<NewChange>,
    request_id: String,
) -> Result<Vec<linn_core::id::ChangeId>, Refused> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let submission = Submission { who: format!("hook {name}"), request_id, changes };
    let answered = intake::submit(&web.engine, &web.dir, submission).await;
    match answered.map_err(|gone| Refused::later("away", gone.to_string()))?.answer {
        Answer::Changes(ids) => Ok(ids),
        Answer::Refused(refusal) => {
            Err(Refused::new(StatusCode::BAD_REQUEST, "refused", refusal.what))
        }
        Answer::Accepted { .. } => Err(Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "broken",
            "the changes were taken without numbers",
        )),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn names_in_paths() {
        assert_eq!(decoded("my%20hook").as_deref(), Some("my hook"));
        assert_eq!(decoded("gr%C3%b6sse").as_deref(), Some("grösse"));
        for bad in ["a%", "a%2", "a%zz", "%ff"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}
