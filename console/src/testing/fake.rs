//! A master in this process, as far as a console can tell: entities with numbers, logs, and answers to actions.
//!
//! Links to it go through a relay that can be cut, so tests break them where they like.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::stream::BoxStream;
use hyper_util::rt::TokioIo;
use linn_proto::{
    common::Results,
    console::{
        ArtifactRequest, ArtifactsReply, ArtifactsRequest, Beat, Delta, EventsRequest,
        FollowLogRequest, GetRequest, ListReply, ListRequest, LogHit, LogLine, LogLines,
        LogMarksReply, LogMarksRequest, RawBytes, RawLogRequest, ReadLogRequest, Resumed,
        SearchLogRequest, SnapshotPart, StatisticsReply, StatisticsRequest, WaitRequest,
        WatchReply, WatchRequest,
        console_server::{Console, ConsoleServer},
        watch_reply::Msg,
    },
    control::{
        Accepted, CancelRequest, ForceRequest, PollSourceRequest, RebuildRequest,
        SchedulerControlRequest, SetPriorityRequest, ShutdownRequest, StopRequest,
        WorkerControlRequest,
        control_server::{Control, ControlServer},
    },
    entity::{BuildRequest, BuildState, Entity, EntityId, Event, Kind, Notice, entity::Of},
};
use tokio::{
    io::DuplexStream,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server},
};

/// Entities in one part of a snapshot: small, so that there are several.
const PART: usize = 50;

/// What a master has.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) epoch: Vec<u8>,
    pub(crate) seq: u64,
    pub(crate) now_ms: i64,
    entities: BTreeMap<(i32, String), (u64, Option<Entity>)>,
    notices: Vec<Notice>,
    pub(crate) logs: BTreeMap<String, LogFile>,
    /// Request ids that were done, with their answers: a second time changes nothing.
    pub(crate) done: BTreeMap<String, Accepted>,
    /// Every action in the order it was done: `stop linux#4 (reason)`.
    pub(crate) deeds: Vec<String>,
    /// The next actions are done, but the link breaks before the answer.
    pub(crate) break_answers: u32,
    /// The next action is refused with this sentence.
    pub(crate) refuse: Option<String>,
    pub(crate) watches: Vec<(Vec<u8>, u64)>,
    next_request: u64,
}

/// One log.
#[derive(Clone, Default)]
pub(crate) struct LogFile {
    pub(crate) text: Vec<u8>,
    pub(crate) complete: bool,
    pub(crate) first_ms: i64,
}

impl LogFile {
    fn lines(&self) -> Vec<&[u8]> {
        let mut lines: Vec<&[u8]> = self.text.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        lines
    }

    fn line(&self, number: usize, text: &[u8]) -> LogLine {
        let number = number as u64;
        let at_ms = self.first_ms + i64::try_from(number).unwrap_or(0) * 100;
        LogLine { number, at_ms, text: text.to_vec(), cut: false, err: false }
    }

    fn window(&self, from: usize, count: usize) -> LogLines {
        let lines = self.lines();
        let window = lines.iter().enumerate().skip(from.saturating_sub(1)).take(count);
        LogLines {
            lines: window.map(|(index, text)| self.line(index + 1, text)).collect(),
            total_lines: lines.len() as u64,
            total_bytes: self.text.len() as u64,
            complete: self.complete,
            ..LogLines::default()
        }
    }
}

/// The master. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    incoming: mpsc::Sender<std::io::Result<DuplexStream>>,
    relays: Arc<Mutex<JoinSet<()>>>,
    /// While down, nobody can dial.
    down: Arc<Mutex<bool>>,
}

type Stream<T> = BoxStream<'static, Result<T, Status>>;

impl Fake {
    /// Starts one; must be called inside a runtime.
    pub(crate) fn start(now_ms: i64, entities: Vec<Entity>) -> Self {
        let (incoming, accepted) = mpsc::channel(16);
        let state =
            State { epoch: vec![7], seq: 1, now_ms, next_request: 90_000, ..State::default() };
        let fake = Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(1),
            incoming,
            relays: Arc::default(),
            down: Arc::default(),
        };
        fake.upsert(entities);
        let server = Server::builder()
            .add_service(ConsoleServer::new(fake.clone()))
            .add_service(ControlServer::new(fake.clone()))
            .serve_with_incoming(ReceiverStream::new(accepted));
        tokio::spawn(server);
        fake
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sets entities and tells every watcher.
    pub(crate) fn upsert(&self, entities: Vec<Entity>) {
        self.change(|state, seq| {
            for entity in entities {
                let id = id_of(&entity);
                state.entities.insert((id.kind, id.id), (seq, Some(entity)));
            }
        });
    }

    /// Removes a thing.
    pub(crate) fn remove(&self, kind: Kind, id: &str) {
        self.change(|state, seq| {
            state.entities.insert((kind.into(), id.to_owned()), (seq, None));
        });
    }

    /// Says something notable.
    pub(crate) fn notice(&self, notice: Notice) {
        self.change(|state, seq| state.notices.push(Notice { seq, ..notice }));
    }

    /// Appends to a log.
    pub(crate) fn append(&self, log: &str, text: &[u8], complete: bool) {
        self.change(|state, _| {
            let now_ms = state.now_ms;
            let file = state.logs.entry(log.to_owned()).or_default();
            if file.text.is_empty() {
                file.first_ms = now_ms;
            }
            file.text.extend_from_slice(text);
            file.complete |= complete;
        });
    }

    fn change(&self, change: impl FnOnce(&mut State, u64)) {
        let mut state = self.state();
        state.seq += 1;
        let seq = state.seq;
        change(&mut state, seq);
        drop(state);
        self.changed.send_replace(seq);
    }

    /// Breaks every link that stands.
    pub(crate) fn cut(&self) {
        self.relays.lock().unwrap_or_else(std::sync::PoisonError::into_inner).abort_all();
    }

    /// Whether anybody can dial.
    pub(crate) fn set_down(&self, down: bool) {
        *self.down.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = down;
        if down {
            self.cut();
        }
    }

    /// Dials it once.
    pub(crate) async fn dial(self) -> Result<Channel, String> {
        if *self.down.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Err("nobody listens there".into());
        }
        let connector = tower::service_fn(move |_| {
            let fake = self.clone();
            async move {
                let (client, mut near) = tokio::io::duplex(1 << 16);
                let (mut far, server) = tokio::io::duplex(1 << 16);
                let relay = async move {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                };
                fake.relays.lock().unwrap_or_else(std::sync::PoisonError::into_inner).spawn(relay);
                fake.incoming.send(Ok(server)).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(TokioIo::new(client))
            }
        });
        let endpoint = Endpoint::from_static("http://fake");
        endpoint.connect_with_connector(connector).await.map_err(|error| error.to_string())
    }

    fn log(&self, name: &str) -> Result<LogFile, Status> {
        let missing = || Status::not_found(format!("there is no log {name}"));
        self.state().logs.get(name).cloned().ok_or_else(missing)
    }

    /// Does an action once for each request id.
    fn act(
        &self,
        id: &str,
        what: String,
        effect: impl FnOnce(&mut State, u64) -> Accepted,
    ) -> Result<Response<Accepted>, Status> {
        let mut state = self.state();
        if let Some(sentence) = state.refuse.take() {
            return Err(Status::failed_precondition(sentence));
        }
        if !state.done.contains_key(id) {
            state.seq += 1;
            let seq = state.seq;
            let accepted = Accepted { seq, ..effect(&mut state, seq) };
            state.deeds.push(what);
            state.done.insert(id.to_owned(), accepted);
        }
        let accepted = state.done[id].clone();
        let breaks = state.break_answers > 0;
        state.break_answers = state.break_answers.saturating_sub(1);
        let seq = state.seq;
        drop(state);
        self.changed.send_replace(seq);
        if breaks {
            self.cut();
            return Err(Status::unavailable("cut"));
        }
        Ok(Response::new(accepted))
    }
}

fn id_of(entity: &Entity) -> EntityId {
    let (kind, id) = match &entity.of {
        Some(Of::Change(one)) => (Kind::Change, one.id.to_string()),
        Some(Of::Buildset(one)) => (Kind::Buildset, one.id.to_string()),
        Some(Of::Request(one)) => (Kind::Request, one.id.to_string()),
        Some(Of::Build(one)) => (Kind::Build, format!("{}#{}", one.builder, one.number)),
        Some(Of::Builder(one)) => (Kind::Builder, one.name.clone()),
        Some(Of::Worker(one)) => (Kind::Worker, one.name.clone()),
        Some(Of::Scheduler(one)) => (Kind::Scheduler, one.name.clone()),
        Some(Of::Source(one)) => (Kind::Source, one.name.clone()),
        Some(Of::Lock(one)) => (Kind::Lock, one.name.clone()),
        Some(Of::Master(_)) => (Kind::Master, String::new()),
        None => (Kind::Unspecified, String::new()),
    };
    EntityId { kind: kind.into(), id }
}

fn reply(msg: Msg) -> WatchReply {
    WatchReply { msg: Some(msg) }
}

#[tonic::async_trait]
impl Console for Fake {
    type WatchStream = Stream<WatchReply>;
    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        let mut changed = self.changed.subscribe();
        let fake = self.clone();
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let mut last = request.since;
            let mut first = Vec::new();
            {
                let mut state = fake.state();
                state.watches.push((request.epoch.clone(), request.since));
                if request.epoch == state.epoch {
                    first.push(reply(Msg::Resumed(Resumed {
                        epoch: state.epoch.clone(),
                        seq: state.seq,
                    })));
                } else {
                    let all: Vec<Entity> =
                        state.entities.values().filter_map(|(_, entity)| entity.clone()).collect();
                    let parts: Vec<&[Entity]> =
                        if all.is_empty() { vec![&[]] } else { all.chunks(PART).collect() };
                    for (index, part) in parts.iter().enumerate() {
                        first.push(reply(Msg::Snapshot(SnapshotPart {
                            epoch: state.epoch.clone(),
                            seq: state.seq,
                            entities: part.to_vec(),
                            last: index + 1 == parts.len(),
                        })));
                    }
                    last = state.seq;
                }
                first.push(reply(Msg::Beat(Beat { at_ms: state.now_ms, seq: state.seq })));
            }
            for one in first {
                if sender.send(Ok(one)).await.is_err() {
                    return;
                }
            }
            loop {
                let delta = {
                    let state = fake.state();
                    let mut delta =
                        Delta { seq: state.seq, at_ms: state.now_ms, ..Delta::default() };
                    for ((kind, id), (seq, entity)) in &state.entities {
                        match entity {
                            _ if *seq <= last => {}
                            Some(entity) => delta.upserts.push(entity.clone()),
                            None => delta.removals.push(EntityId { kind: *kind, id: id.clone() }),
                        }
                    }
                    delta.notices =
                        state.notices.iter().filter(|notice| notice.seq > last).cloned().collect();
                    delta
                };
                if delta.seq > last {
                    last = delta.seq;
                    if sender.send(Ok(reply(Msg::Delta(delta)))).await.is_err() {
                        return;
                    }
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list(&self, _request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        Ok(Response::new(ListReply::default()))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Entity>, Status> {
        let request = request.into_inner();
        let state = self.state();
        let found = state
            .entities
            .get(&(request.kind, request.r#ref.clone()))
            .and_then(|(_, entity)| entity.clone());
        found
            .map(Response::new)
            .ok_or_else(|| Status::not_found(format!("there is no {}", request.r#ref)))
    }

    async fn read_log(
        &self,
        request: Request<ReadLogRequest>,
    ) -> Result<Response<LogLines>, Status> {
        let request = request.into_inner();
        let log = self.log(&request.log)?;
        let total = log.lines().len();
        let from = match (request.at_ms, request.from_line) {
            (Some(at_ms), _) => {
                usize::try_from((at_ms - log.first_ms + 99) / 100).unwrap_or(1).max(1)
            }
            (None, from) if from < 0 => {
                (total + 1).saturating_sub(usize::try_from(-from).unwrap_or(usize::MAX)).max(1)
            }
            (None, from) => usize::try_from(from).unwrap_or(1).max(1),
        };
        Ok(Response::new(log.window(from, request.lines as usize)))
    }

    type FollowLogStream = Stream<LogLines>;
    async fn follow_log(
        &self,
        request: Request<FollowLogRequest>,
    ) -> Result<Response<Self::FollowLogStream>, Status> {
        let request = request.into_inner();
        self.log(&request.log)?;
        let fake = self.clone();
        let mut changed = self.changed.subscribe();
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let mut next = None;
            loop {
                let Ok(log) = fake.log(&request.log) else { return };
                let total = log.lines().len();
                let from = next.unwrap_or_else(|| match request.from_line {
                    0 => total + 1,
                    from if from < 0 => (total + 1)
                        .saturating_sub(usize::try_from(-from).unwrap_or(usize::MAX))
                        .max(1),
                    from => usize::try_from(from).unwrap_or(1),
                });
                next = Some(total + 1);
                if (from <= total || log.complete)
                    && sender.send(Ok(log.window(from, 4096))).await.is_err()
                {
                    return;
                }
                if log.complete || changed.changed().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type SearchLogStream = Stream<LogHit>;
    async fn search_log(
        &self,
        request: Request<SearchLogRequest>,
    ) -> Result<Response<Self::SearchLogStream>, Status> {
        let request = request.into_inner();
        let log = self.log(&request.log)?;
        let source =
            if request.literal { regex::escape(&request.pattern) } else { request.pattern };
        let pattern = regex::RegexBuilder::new(&source)
            .case_insensitive(request.ignore_case)
            .build()
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let mut hits: Vec<LogHit> = log
            .lines()
            .iter()
            .enumerate()
            .filter(|(index, text)| {
                let number = *index as u64 + 1;
                let inside = if request.backward {
                    number <= request.from_line
                } else {
                    number >= request.from_line
                };
                inside && pattern.is_match(&String::from_utf8_lossy(text))
            })
            .map(|(index, text)| LogHit {
                line: Some(log.line(index + 1, text)),
                searched_to: index as u64 + 1,
                done: false,
            })
            .collect();
        if request.backward {
            hits.reverse();
        }
        hits.push(LogHit { line: None, searched_to: log.lines().len() as u64, done: true });
        Ok(Response::new(Box::pin(tokio_stream::iter(hits).map(Ok))))
    }

    type RawLogStream = Stream<RawBytes>;
    async fn raw_log(
        &self,
        request: Request<RawLogRequest>,
    ) -> Result<Response<Self::RawLogStream>, Status> {
        let log = self.log(&request.into_inner().log)?;
        let pieces: Vec<RawBytes> =
            log.text.chunks(1000).map(|data| RawBytes { data: data.to_vec().into() }).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces).map(Ok))))
    }

    type ArtifactStream = Stream<RawBytes>;

    async fn artifacts(
        &self,
        _: Request<ArtifactsRequest>,
    ) -> Result<Response<ArtifactsReply>, Status> {
        Ok(Response::new(ArtifactsReply::default()))
    }

    async fn artifact(
        &self,
        _: Request<ArtifactRequest>,
    ) -> Result<Response<Self::ArtifactStream>, Status> {
        Err(Status::not_found("this world keeps no files"))
    }

    async fn log_marks(
        &self,
        request: Request<LogMarksRequest>,
    ) -> Result<Response<LogMarksReply>, Status> {
        let log = self.log(&request.into_inner().log)?;
        let lines = log.lines();
        let with = |word: &str| -> Vec<u64> {
            let found = lines
                .iter()
                .enumerate()
                .filter(|(_, text)| String::from_utf8_lossy(text).contains(word));
            found.map(|(index, _)| index as u64 + 1).collect()
        };
        let total = lines.len() as u64;
        Ok(Response::new(LogMarksReply {
            errors: with("error"),
            warnings: with("warning"),
            total_lines: total,
            marked_to: total,
        }))
    }

    type EventsStream = Stream<Event>;
    async fn statistics(
        &self,
        _request: Request<StatisticsRequest>,
    ) -> Result<Response<StatisticsReply>, Status> {
        Ok(Response::new(StatisticsReply::default()))
    }

    async fn events(
        &self,
        _request: Request<EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::empty())))
    }

    async fn wait(&self, _request: Request<WaitRequest>) -> Result<Response<Entity>, Status> {
        Err(Status::unimplemented("the fake waits for nothing"))
    }
}

#[tonic::async_trait]
impl Control for Fake {
    async fn force(&self, request: Request<ForceRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let what = format!(
            "force {} {:?} ({})",
            request.builders.join(","),
            request.properties,
            request.reason
        );
        self.act(&request.request_id, what, |state, seq| {
            state.next_request += 1;
            let id = state.next_request;
            let one = BuildRequest {
                id,
                builder: request.builders.first().cloned().unwrap_or_default(),
                submitted_at_ms: state.now_ms,
                reason: request.reason.clone(),
                ..BuildRequest::default()
            };
            let entity = Entity { of: Some(Of::Request(one)) };
            state.entities.insert((Kind::Request.into(), id.to_string()), (seq, Some(entity)));
            Accepted {
                made: vec![EntityId { kind: Kind::Request.into(), id: id.to_string() }],
                ..Accepted::default()
            }
        })
    }

    async fn r#try(
        &self,
        request: Request<linn_proto::control::TryRequest>,
    ) -> Result<Response<linn_proto::control::TryAnswer>, Status> {
        let request = request.into_inner();
        let what = format!("try {} ({})", request.builders.join(","), request.comment);
        let accepted = self.act(&request.request_id, what, |_, _| Accepted::default())?;
        Ok(Response::new(linn_proto::control::TryAnswer {
            accepted: Some(accepted.into_inner()),
            builders: request.builders,
            ..linn_proto::control::TryAnswer::default()
        }))
    }

    async fn rebuild(
        &self,
        request: Request<RebuildRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let latest = if request.latest { " latest" } else { "" };
        self.act(&request.request_id, format!("rebuild {}{latest}", request.build), |_, _| {
            Accepted::default()
        })
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let what = format!("stop {} ({})", request.build, request.reason);
        self.act(&request.request_id, what, |state, seq| {
            let now_ms = state.now_ms;
            if let Some((at, Some(Entity { of: Some(Of::Build(build)) }))) =
                state.entities.get_mut(&(Kind::Build.into(), request.build.clone()))
            {
                *at = seq;
                build.state = BuildState::Finished.into();
                build.results = Results::Cancelled.into();
                build.complete_at_ms = Some(now_ms);
            }
            Accepted::default()
        })
    }

    async fn cancel(&self, request: Request<CancelRequest>) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let what = format!("cancel {} ({})", request.request, request.reason);
        self.act(&request.request_id, what, |_, _| Accepted::default())
    }

    async fn set_priority(
        &self,
        _request: Request<SetPriorityRequest>,
    ) -> Result<Response<Accepted>, Status> {
        Ok(Response::new(Accepted::default()))
    }

    async fn worker_control(
        &self,
        request: Request<WorkerControlRequest>,
    ) -> Result<Response<Accepted>, Status> {
        let request = request.into_inner();
        let what = format!("{:?} {} ({})", request.verb(), request.worker, request.reason);
        self.act(&request.request_id, what, |_, _| Accepted::default())
    }

    async fn scheduler_control(
        &self,
        _request: Request<SchedulerControlRequest>,
    ) -> Result<Response<Accepted>, Status> {
        Ok(Response::new(Accepted::default()))
    }

    async fn pin(
        &self,
        _request: Request<linn_proto::control::PinRequest>,
    ) -> Result<Response<Accepted>, Status> {
        Ok(Response::new(Accepted::default()))
    }

    async fn retention(
        &self,
        _request: Request<linn_proto::control::RetentionRequest>,
    ) -> Result<Response<linn_proto::control::RetentionReply>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn poll_source(
        &self,
        _request: Request<PollSourceRequest>,
    ) -> Result<Response<Accepted>, Status> {
        Ok(Response::new(Accepted::default()))
    }

    async fn reconfigure(
        &self,
        _: Request<linn_proto::control::ReconfigureRequest>,
    ) -> Result<Response<linn_proto::control::Reconfigured>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn shutdown(
        &self,
        _request: Request<ShutdownRequest>,
    ) -> Result<Response<Accepted>, Status> {
        Ok(Response::new(Accepted::default()))
    }
}
