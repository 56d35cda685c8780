//! A command's talk with its master: one link, calls that fail with sentences, and calls that outlast a lost link.

use std::time::Duration;

use linn_proto::console::{GetRequest, Statistic, StatisticsRequest, WaitRequest};
use linn_proto::entity::{Entity, Kind};
use tonic::{Response, Status};

use super::Global;
use super::io::{Io, Stop};
use crate::client::{
    BuildRef, ClientError, LogRef, Master, Patience, Place, ServerAddr, connect, lost,
    resolve_server_at,
};

/// How long a command that changes something tries to learn its fate before it gives up.
pub(crate) const VERB_PATIENCE: Duration = Duration::from_secs(30);

/// The link, the streams, and how to print.
pub(crate) struct Session<'a> {
    pub(crate) io: &'a mut Io,
    pub(crate) json: bool,
    pub(crate) master: Master,
    addr: ServerAddr,
}

/// A command before it talks: its options, its place, its streams. References are parsed here, so that a mistake is told
/// whether or not a master answers.
pub(crate) struct Door<'a> {
    pub(crate) global: &'a Global,
    pub(crate) place: &'a Place,
    pub(crate) io: &'a mut Io,
}

impl<'a> Door<'a> {
    /// Finds and dials the master.
    pub(crate) async fn open(self) -> Result<Session<'a>, ClientError> {
        let addr = self.addr()?;
        let channel = connect(&addr).await?;
        Ok(Session { io: self.io, json: self.global.json, master: Master::new(channel), addr })
    }

    /// Which master is meant.
    pub(crate) fn addr(&self) -> Result<ServerAddr, ClientError> {
        let Global { server, context, .. } = self.global;
        resolve_server_at(self.place, server.as_deref(), context.as_deref())
    }
}

impl Session<'_> {
    /// Calls until there is an answer or patience ends. The call must be one that may be repeated: a reading one, or
    /// one with a request id or keys.
    pub(crate) async fn persist<T>(
        &mut self,
        mut patience: Patience,
        mut call: impl AsyncFnMut(&Master) -> Result<Response<T>, Status>,
    ) -> Result<T, Stop> {
        loop {
            match call(&self.master).await {
                Ok(answer) => {
                    self.found(&mut patience);
                    return Ok(answer.into_inner());
                }
                Err(status) if lost(&status) => self.missed(&mut patience, &status).await?,
                Err(status) => return Err(status.into()),
            }
        }
    }

    /// The link broke: says so once and waits for the next attempt, or gives up.
    pub(crate) async fn missed(
        &mut self,
        patience: &mut Patience,
        status: &Status,
    ) -> Result<(), Stop> {
        if patience.is_none() {
            return Err(ClientError::from_status(status).into());
        }
        if !patience.is_waiting() {
            self.io.tell(&format!("lost the master at {}, waiting for it", self.addr));
        }
        if patience.pause().await {
            return Ok(());
        }
        Err(ClientError::unreachable(format!("the master at {} does not come back", self.addr))
            .why(status.message())
            .hint("what was asked for may have been done: look before you ask again")
            .into())
    }

    /// An answer came: says so when it was missed.
    pub(crate) fn found(&mut self, patience: &mut Patience) {
        if patience.answered() {
            self.io.tell("the master is back");
        }
    }

    /// One thing by its reference.
    pub(crate) async fn get(&mut self, kind: Kind, reference: &str) -> Result<Entity, Stop> {
        let request = GetRequest { kind: kind.into(), r#ref: reference.to_owned() };
        Ok(self.master.console().get(request).await?.into_inner())
    }

    /// What the builds of a builder counted.
    pub(crate) async fn statistics(
        &mut self,
        request: StatisticsRequest,
    ) -> Result<Vec<Statistic>, Stop> {
        Ok(self.master.console().statistics(request).await?.into_inner().values)
    }

    /// The build meant by `BUILDER` alone is the newest *now*: pinned, so that a long wait does not change its mind.
    pub(crate) async fn pinned(&mut self, build: BuildRef) -> Result<BuildRef, Stop> {
        if build.number.is_some() {
            return Ok(build);
        }
        let newest = self.get(Kind::Build, &build.builder).await?;
        let newest = super::unpack::build(newest)?;
        Ok(BuildRef { builder: newest.builder, number: Some(u64::from(newest.number)) })
    }

    /// As [`Session::pinned`], for a log.
    pub(crate) async fn pinned_log(&mut self, mut log: LogRef) -> Result<LogRef, Stop> {
        log.step.build = self.pinned(log.step.build).await?;
        Ok(log)
    }

    /// Waits until a build, request or buildset is complete, however long and through any number of lost links.
    pub(crate) async fn wait(&mut self, kind: Kind, reference: String) -> Result<Entity, Stop> {
        self.wait_on(Patience::endless(), kind, reference).await
    }

    /// As [`Session::wait`], when the link may have been lost before.
    pub(crate) async fn wait_on(
        &mut self,
        patience: Patience,
        kind: Kind,
        reference: String,
    ) -> Result<Entity, Stop> {
        let request = WaitRequest { kind: kind.into(), r#ref: reference };
        self.persist(patience, async |master: &Master| master.console().wait(request.clone()).await)
            .await
    }
}
