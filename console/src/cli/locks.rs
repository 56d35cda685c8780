//! `linn locks`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Kind, LockShare};

use super::Done;
use super::listing::{self, Limit};
use super::paint::Tone;
use super::session::Door;
use super::table::Cell;

pub(crate) const EXAMPLE: &str = "Example:\n  linn locks";

/// `linn locks`.
#[derive(Debug, Args)]
pub struct Locks {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Locks, at: Door<'_>) -> Done {
    let request = ListRequest { kind: Kind::Lock.into(), ..Default::default() };
    let heads = ["LOCK", "SCOPE", "WORKER", "CAPACITY", "HELD BY", "WAITING"];
    listing::list(at, request, &list.limit, "locks", heads, |of, _| {
        let Of::Lock(lock) = of else { return None };
        Some([
            Cell::new(&lock.name, Tone::Strong),
            lock.scope.as_str().into(),
            lock.worker.as_str().into(),
            lock.capacity.to_string().into(),
            shares(&lock.holders).into(),
            Cell::new(&shares(&lock.waiters), Tone::Dim),
        ])
    })
    .await
}

fn shares(shares: &[LockShare]) -> String {
    let one = |share: &LockShare| match share.count {
        None => format!("{} (exclusive)", share.who),
        Some(1) => share.who.clone(),
        Some(count) => format!("{} ({count})", share.who),
    };
    shares.iter().map(one).collect::<Vec<_>>().join(", ")
}
