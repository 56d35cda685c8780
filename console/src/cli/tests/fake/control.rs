//! What a canned master makes of what people ask of it.

use linn_proto::control::control_server::Control;
use linn_proto::control::*;
use linn_proto::entity::Kind;
use tonic::{Request, Response, Status};

use super::Shared;

#[tonic::async_trait]
impl Control for Shared {
    async fn force(&self, request: Request<ForceRequest>) -> Result<Response<Accepted>, Status> {
        self.heard(&request);
        let request = request.into_inner();
        if let Some(unknown) =
            request.builders.iter().find(|name| !["linux", "mac"].contains(&name.as_str()))
        {
            return Err(Status::not_found(format!("there is no builder `{unknown}`")));
        }
        self.order(&request.request_id.clone(), format!("{request:?}"))?;
        let mut accepted = self.accepted(Kind::Buildset, "5")?.into_inner();
        // One request comes with the answer, the other has to be asked for.
        accepted.entities.extend(self.of(Kind::Request, "17"));
        Ok(Response::new(accepted))
    }

    async fn r#try(&self, request: Request<TryRequest>) -> Result<Response<TryAnswer>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("try {}", request.builders.join(",")))?;
        let accepted = self.accepted(Kind::Buildset, "5")?.into_inner();
        Ok(Response::new(TryAnswer {
            accepted: Some(accepted),
            builders: request.builders,
            ..TryAnswer::default()
        }))
    }

    async fn rebuild(
        &self,
        request: Request<RebuildRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("rebuild {} {}", request.build, request.latest))?;
        self.accepted(Kind::Buildset, "5")
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("stop {} {}", request.build, request.reason))?;
        if request.reason == "late" {
            return Err(Status::failed_precondition("linux#42 is finished"));
        }
        self.accepted(Kind::Build, &request.build)
    }

    async fn cancel(&self, request: Request<CancelRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("cancel {} {}", request.request, request.reason))?;
        self.accepted(Kind::Request, &request.request.to_string())
    }

    async fn set_priority(
        &self,
        request: Request<SetPriorityRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(
            &request.request_id,
            format!("priority {} {}", request.request, request.priority),
        )?;
        self.accepted(Kind::Request, &request.request.to_string())
    }

    async fn worker_control(
        &self,
        request: Request<WorkerControlRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("{:?} {}", request.verb(), request.worker))?;
        self.accepted(Kind::Worker, &request.worker)
    }

    async fn scheduler_control(
        &self,
        request: Request<SchedulerControlRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let verb = if request.enabled { "enable" } else { "disable" };
        self.order(&request.request_id, format!("{verb} {}", request.scheduler))?;
        self.accepted(Kind::Scheduler, &request.scheduler)
    }

    async fn pin(&self, request: Request<PinRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        self.order(&request.request_id, format!("pin {} {:?}", request.build, request.reason))?;
        self.accepted(Kind::Build, &request.build)
    }

    async fn retention(
        &self,
        request: Request<RetentionRequest>,
    ) -> Result<Response<RetentionReply>, Status> {
        Ok(Response::new(RetentionReply {
            items: vec![RetentionItem {
                kind: "logs".into(),
                rule: "logs = 180d".into(),
                count: 1234,
                bytes: 5_000_000,
                oldest_ms: Some(0),
                newest_ms: Some(86_400_000),
                oldest: "linux#1".into(),
                newest: "linux#1234".into(),
            }],
            stays: vec![RetentionStay { kind: "builds".into(), why: "pinned".into(), count: 2 }],
            rules: "logs = 180d".into(),
            next_at_ms: Some(172_800_000),
            last_at_ms: None,
            done: request.into_inner().now,
        }))
    }

    async fn poll_source(
        &self,
        request: Request<PollSourceRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        if request.source == "down" {
            return Err(Status::failed_precondition("polling `down` failed"));
        }
        Ok(Response::new(Accepted::default()))
    }

    async fn reconfigure(
        &self,
        _: Request<ReconfigureRequest>,
    ) -> Result<Response<Reconfigured>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn shutdown(&self, _: Request<ShutdownRequest>) -> Result<Response<Accepted>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
