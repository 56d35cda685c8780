//! What of history would go by the rules, and letting it go: `linn retention`.

use std::sync::Arc;

use linn_core::retention::Chosen;
use linn_proto::control as wire;
use tonic::Status;

use super::{Doors, convert, gone, status};
use crate::retention::{Seen, Trouble};

/// Shows what would go, and lets it go if that is asked for.
pub(super) async fn answer(
    doors: &Arc<Doors>,
    who: String,
    now: bool,
) -> Result<wire::RetentionReply, Status> {
    let seen = if now {
        // Who asks may go away meanwhile; a pass that has begun goes through.
        let retention = doors.retention.clone();
        let pass = tokio::spawn(async move { retention.pass(&who).await });
        pass.await.map_err(|_| status::broken("the pass through history broke off", ""))?
    } else {
        doors.retention.look().await
    };
    let Seen { chosen, rules, next, last, .. } = seen.map_err(|trouble| match trouble {
        Trouble::Gone(error) => gone(&error),
        Trouble::Unread(why) => status::broken("the database cannot be read", &why),
        Trouble::Changing => status::not_now(
            "history changes faster than it can be gone through",
            "what was chosen came to be needed, three times over",
            "ask again in a moment",
        ),
    })?;
    Ok(wire::RetentionReply {
        items: items(&chosen),
        stays: stays(&chosen),
        rules,
        next_at_ms: next.map(convert::at),
        last_at_ms: last.map(convert::at),
        done: now,
    })
}

fn items(chosen: &Chosen) -> Vec<wire::RetentionItem> {
    let items = chosen.items().into_iter().map(|item| {
        let (oldest, newest) = item.names.unwrap_or_default();
        wire::RetentionItem {
            kind: item.kind.to_owned(),
            rule: item.rule,
            count: item.count,
            bytes: item.bytes,
            oldest_ms: item.oldest.map(convert::at),
            newest_ms: item.newest.map(convert::at),
            oldest,
            newest,
        }
    });
    items.collect()
}

fn stays(chosen: &Chosen) -> Vec<wire::RetentionStay> {
    let builds = chosen.kept.iter().map(|(need, count)| wire::RetentionStay {
        kind: "builds".to_owned(),
        why: need.words().to_owned(),
        count: *count,
    });
    let changes = (chosen.changes_kept > 0).then(|| wire::RetentionStay {
        kind: "changes".to_owned(),
        why: "something that stays names it, or it is the newest of its line".to_owned(),
        count: chosen.changes_kept,
    });
    builds.chain(changes).collect()
}
