//! Stops whatever a master still has to do: what waits is cancelled, what runs is killed.

use std::time::Duration;

use linn_console::client::{Master, request_id};
use linn_proto::console::{ListRequest, WaitRequest};
use linn_proto::control::{CancelRequest, StopRequest};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Entity, Kind};
use tokio::time::timeout;

/// How long killed builds may take to end. Longer, and they end by themselves: their steps are short.
const PATIENCE: Duration = Duration::from_secs(5);

/// As far as it can be done: what goes wrong here is in nobody's way.
pub(super) async fn stop_everything(master: Master) {
    let swept = async {
        for entity in list(&master, Kind::Request, "").await {
            if let Some(Of::Request(request)) = entity.of {
                let cancel = CancelRequest {
                    request_id: request_id(),
                    request: request.id,
                    reason: REASON.to_owned(),
                };
                let _ = master.control().cancel(cancel).await;
            }
        }
        let mut stopped = Vec::new();
        for state in ["starting", "running", "stopping"] {
            for entity in list(&master, Kind::Build, state).await {
                if let Some(Of::Build(build)) = entity.of {
                    let build = format!("{}#{}", build.builder, build.number);
                    let stop = StopRequest {
                        request_id: request_id(),
                        build: build.clone(),
                        reason: REASON.to_owned(),
                        kill: true,
                    };
                    let _ = master.control().stop(stop).await;
                    stopped.push(build);
                }
            }
        }
        for build in stopped {
            let wait = WaitRequest { kind: Kind::Build.into(), r#ref: build };
            let _ = master.console().wait(wait).await;
        }
    };
    let _ = timeout(PATIENCE, swept).await;
}

const REASON: &str = "the demo ends";

async fn list(master: &Master, kind: Kind, state: &str) -> Vec<Entity> {
    let request =
        ListRequest { kind: kind.into(), state: state.to_owned(), ..ListRequest::default() };
    match master.console().list(request).await {
        Ok(reply) => reply.into_inner().entities,
        Err(_) => Vec::new(),
    }
}
