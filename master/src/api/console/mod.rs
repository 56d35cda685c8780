//! Reading: what consoles, scripts and reporters ask. One file a question.

mod artifacts;
mod events;
mod get;
mod header;
mod history;
mod list;
mod log;
mod marks;
mod statistics;
mod wait;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use linn_proto::console as wire;
use linn_proto::console::console_server::Console;
use linn_proto::entity::{Entity, Event};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

pub(in crate::api) use get::build;

use super::{Doors, watch};

/// Messages that may wait on their way to a reader.
const WAITING_MESSAGES: usize = 16;

/// Serves readers.
pub(super) struct ConsoleDoor(pub(super) Arc<Doors>);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
/// The end of a stream that is written to.
type Outbound<T> = mpsc::Sender<Result<T, Status>>;

/// The reader went away; nobody need know why.
struct Left;

/// Why a stream ends early.
enum Stopped {
    /// The reader went away.
    Left,
    /// It cannot go on.
    Failed(Status),
}

impl From<Status> for Stopped {
    fn from(status: Status) -> Self {
        Self::Failed(status)
    }
}

impl From<Left> for Stopped {
    fn from(_: Left) -> Self {
        Self::Left
    }
}

async fn say<T>(out: &Outbound<T>, message: T) -> Result<(), Left> {
    out.send(Ok(message)).await.map_err(|_| Left)
}

/// A stream made by a task of its own, which ends when the reader leaves or the doors close.
fn stream<T, F>(
    doors: &Arc<Doors>,
    make: impl FnOnce(Outbound<T>) -> F,
) -> Result<Response<Answers<T>>, Status>
where
    T: Send + 'static,
    F: Future<Output = Result<(), Stopped>> + Send + 'static,
{
    let (out, answers) = mpsc::channel(WAITING_MESSAGES);
    let work = make(out.clone());
    let ending = doors.ending.clone();
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = work => ended,
            () = out.closed() => Ok(()),
            () = ending.cancelled() => {
                Err(Stopped::Failed(super::status::away("the master is ending")))
            }
        };
        if let Err(Stopped::Failed(status)) = ended {
            drop(out.send(Err(status)).await);
        }
    });
    Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
}

#[tonic::async_trait]
impl Console for ConsoleDoor {
    type WatchStream = Answers<wire::WatchReply>;
    type FollowLogStream = Answers<wire::LogLines>;
    type SearchLogStream = Answers<wire::LogHit>;
    type RawLogStream = Answers<wire::RawBytes>;
    type EventsStream = Answers<Event>;
    type ArtifactStream = Answers<wire::RawBytes>;

    async fn watch(
        &self,
        request: Request<wire::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (out, answers) = mpsc::channel(WAITING_MESSAGES);
        tokio::spawn(watch::watch(self.0.clone(), request.into_inner(), out));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn list(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Result<Response<wire::ListReply>, Status> {
        list::list(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn get(&self, request: Request<wire::GetRequest>) -> Result<Response<Entity>, Status> {
        let asked = request.into_inner();
        get::get(&self.0, asked.kind(), &asked.r#ref).await.map(Response::new)
    }

    async fn read_log(
        &self,
        request: Request<wire::ReadLogRequest>,
    ) -> Result<Response<wire::LogLines>, Status> {
        log::read(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn follow_log(
        &self,
        request: Request<wire::FollowLogRequest>,
    ) -> Result<Response<Self::FollowLogStream>, Status> {
        let (doors, asked) = (self.0.clone(), request.into_inner());
        let log = log::find(&doors, &asked.log).await?;
        stream(&self.0, |out| log::follow(doors, log, asked.from_line, out))
    }

    async fn search_log(
        &self,
        request: Request<wire::SearchLogRequest>,
    ) -> Result<Response<Self::SearchLogStream>, Status> {
        let asked = request.into_inner();
        let log = log::find(&self.0, &asked.log).await?;
        let found = log::search(&self.0, &log, &asked)?;
        stream(&self.0, |out| log::hits(found, out))
    }

    async fn raw_log(
        &self,
        request: Request<wire::RawLogRequest>,
    ) -> Result<Response<Self::RawLogStream>, Status> {
        let (doors, asked) = (self.0.clone(), request.into_inner());
        let log = log::find(&doors, &asked.log).await?;
        stream(&self.0, |out| log::raw(doors, log, asked.offset, asked.follow, out))
    }

    async fn artifacts(
        &self,
        request: Request<wire::ArtifactsRequest>,
    ) -> Result<Response<wire::ArtifactsReply>, Status> {
        artifacts::list(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn artifact(
        &self,
        request: Request<wire::ArtifactRequest>,
    ) -> Result<Response<Self::ArtifactStream>, Status> {
        let doors = self.0.clone();
        stream(&self.0, |out| artifacts::bytes(doors, request.into_inner(), out))
    }

    async fn log_marks(
        &self,
        request: Request<wire::LogMarksRequest>,
    ) -> Result<Response<wire::LogMarksReply>, Status> {
        marks::marks(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn events(
        &self,
        request: Request<wire::EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        let doors = self.0.clone();
        stream(&self.0, |out| events::events(doors, request.into_inner(), out))
    }

    async fn statistics(
        &self,
        request: Request<wire::StatisticsRequest>,
    ) -> Result<Response<wire::StatisticsReply>, Status> {
        statistics::statistics(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn wait(&self, request: Request<wire::WaitRequest>) -> Result<Response<Entity>, Status> {
        let asked = request.into_inner();
        wait::wait(&self.0, asked.kind(), &asked.r#ref).await.map(Response::new)
    }
}
