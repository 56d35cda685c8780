//! Waiting for a build, a request or a buildset to be over; one that is over already answers at once.

use std::sync::Arc;

use linn_proto::entity::entity::Of;
use linn_proto::entity::{BuildState, Entity, Kind};
use tonic::Status;

use super::super::key::Key;
use super::super::reference::{self, BuildNamed};
use super::super::{Doors, status};
use super::get;

/// Waits for it.
pub(super) async fn wait(doors: &Arc<Doors>, kind: Kind, named: &str) -> Result<Entity, Status> {
    let mut moved = doors.hub.moved();
    moved.mark_unchanged();
    let (key, named) = match kind {
        Kind::Build => {
            let build = match reference::build(named)? {
                BuildNamed::Exactly(build) => build,
                // The newest as it is now: one that begins meanwhile is not meant.
                newest @ BuildNamed::Newest(_) => get::build(doors, newest).await?.reference(),
            };
            (Key::of_build(&build), build.to_string())
        }
        Kind::Request => (Key::Request(reference::number(named, "a request")?), named.to_owned()),
        Kind::Buildset => {
            (Key::Buildset(reference::number(named, "a buildset")?), named.to_owned())
        }
        _ => return Err(status::mistake("wait for a build, a request or a buildset")),
    };
    loop {
        let over = match doors.hub.get(&key) {
            Some(seen) => is_over(&seen),
            // Not shown any more, so it is history, or there is no such thing.
            None => is_over(&get::get(doors, kind, &named).await?),
        };
        if over {
            return get::get(doors, kind, &named).await;
        }
        tokio::select! {
            changed = moved.changed() => changed.map_err(|_| status::away("the master is ending"))?,
            () = doors.ending.cancelled() => return Err(status::away("the master is ending")),
        }
    }
}

fn is_over(entity: &Entity) -> bool {
    match &entity.of {
        Some(Of::Build(build)) => build.state() == BuildState::Finished,
        Some(Of::Request(request)) => request.complete_at_ms.is_some(),
        Some(Of::Buildset(buildset)) => buildset.complete_at_ms.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use linn_proto::entity::{Build, BuildRequest};

    use super::*;

    #[test]
    fn what_is_over() {
        let build = |state: BuildState| Entity {
            of: Some(Of::Build(Build { state: state.into(), ..Build::default() })),
        };
        assert!(is_over(&build(BuildState::Finished)));
        assert!(!is_over(&build(BuildState::Stopping)));
        let request = BuildRequest { complete_at_ms: Some(1), ..BuildRequest::default() };
        assert!(is_over(&Entity { of: Some(Of::Request(request)) }));
    }
}
