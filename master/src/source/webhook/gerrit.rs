//! Gerrit's webhooks plug-in: the events of `stream-events`, one a delivery.

use linn_core::config::Webhook;

use super::Told;
use super::letter::Letter;
use crate::source::gerrit::Event;

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(_: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    let event: Event = letter.json()?;
    if !event.is_named() {
        return Err("there is no `type` in it, which names the event".to_owned());
    }
    let (addresses, project) = (event.addresses(), event.project().to_owned());
    Ok(Told { changes: event.change().into_iter().collect(), addresses, project })
}
