//! A master of a few canned things, on a socket of its own, that can die and come back.
//!
//! It lives in its own runtime: dropping that is as sudden as `kill -9`, connections and all.

mod control;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use linn_proto::change::change_hook_server::{ChangeHook, ChangeHookServer};
use linn_proto::change::{
    ExplainReply, ExplainRequest, Judgement, NewChange, SubmitReply, SubmitRequest, explain_request,
};
use linn_proto::common::Results;
use linn_proto::console::console_server::{Console, ConsoleServer};
use linn_proto::console::*;
use linn_proto::control::control_server::ControlServer;
use linn_proto::control::*;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{
    Build, BuildRequest, BuildState, BuildSummary, Builder, Buildset, Change, Entity, EntityId,
    Event, Kind, Log, Scheduler, Source, Step, StepState, Worker,
};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt, wrappers::UnixListenerStream};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};

use crate::client::{HINT_KEY, PROTOCOL_KEY, WHY_KEY, encode_sentence};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What it holds and what it was asked; survives its deaths.
#[derive(Default)]
pub(super) struct World {
    /// The bytes of linux#42/test/stdio.
    pub(super) log: Vec<u8>,
    pub(super) log_complete: bool,
    /// Streams of logs and events break after so many messages, so often.
    pub(super) breaks_after: usize,
    pub(super) breaks: usize,
    /// So many calls of Control and Submit are answered UNAVAILABLE *after* they were taken.
    pub(super) unheard: usize,
    /// The result of everything that is waited for.
    pub(super) results: Results,
    /// What Submit answers instead, if anything.
    pub(super) refuse_changes: Option<Code>,
    pub(super) changes: Vec<NewChange>,
    /// Request ids and what they asked for, in order of arrival.
    pub(super) asked: Vec<(String, String)>,
    /// The `linn-protocol` of the last call.
    pub(super) protocol: Option<String>,
    /// How many builds `List` finds.
    pub(super) builds: u32,
    pub(super) lists: Vec<ListRequest>,
    /// How many streams followed a log.
    pub(super) follows: usize,
}

/// The master.
pub(super) struct Fake {
    runtime: Option<Runtime>,
    dir: tempfile::TempDir,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    finished: Arc<watch::Sender<bool>>,
}

impl Fake {
    /// Listening.
    pub(super) fn start() -> Self {
        let world = World { results: Results::Success, builds: 3, ..Default::default() };
        let shared = Shared {
            world: Arc::new(Mutex::new(world)),
            finished: Arc::new(watch::Sender::new(true)),
        };
        let mut fake = Self { runtime: None, dir: tempfile::tempdir().expect("a folder"), shared };
        fake.rise();
        fake
    }

    /// Comes (back) to life on the same socket.
    pub(super) fn rise(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let _ = std::fs::remove_file(self.socket());
        let listener = std::os::unix::net::UnixListener::bind(self.socket()).expect("a socket");
        listener.set_nonblocking(true).expect("non-blocking");
        let shared = self.shared.clone();
        runtime.spawn(async move {
            let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
            let incoming = UnixListenerStream::new(listener);
            Server::builder()
                .serve_with_incoming(tower::service_fn(services(shared)), incoming)
                .await
        });
        self.runtime = Some(runtime);
    }

    /// Completes when nobody waits any more.
    pub(super) async fn nobody_waits(&self) {
        while self.shared.finished.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Dies at once.
    pub(super) fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("linn.sock")
    }

    pub(super) fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().expect("not poisoned")
    }

    /// Whether what is waited for has ended.
    pub(super) fn set_finished(&self, finished: bool) {
        self.shared.finished.send_replace(finished);
    }

    /// Completes when somebody waits for something to end.
    pub(super) async fn somebody_waits(&self) {
        while self.shared.finished.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// The three services by their paths.
fn services(
    shared: Shared,
) -> impl Fn(http::Request<Body>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Clone {
    move |request| {
        let shared = shared.clone();
        Box::pin(async move {
            match request.uri().path().split('/').nth(1).unwrap_or_default() {
                "linn.console.v1.Console" => ConsoleServer::new(shared).call(request).await,
                "linn.control.v1.Control" => ControlServer::new(shared).call(request).await,
                _ => ChangeHookServer::new(shared).call(request).await,
            }
        })
    }
}

type Answer = Result<http::Response<Body>, std::convert::Infallible>;

impl Drop for Fake {
    fn drop(&mut self) {
        self.die();
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("not poisoned")
    }

    fn heard<T>(&self, request: &Request<T>) {
        let protocol = request.metadata().get(PROTOCOL_KEY).and_then(|value| value.to_str().ok());
        self.world().protocol = protocol.map(str::to_owned);
    }

    /// Takes an order; UNAVAILABLE when its answer is to get lost.
    fn order(&self, id: &str, what: String) -> Result<(), Status> {
        let mut world = self.world();
        world.asked.push((id.to_owned(), what));
        if world.unheard > 0 {
            world.unheard -= 1;
            return Err(Status::unavailable("restarting"));
        }
        Ok(())
    }

    fn lines(&self) -> Vec<LogLine> {
        let world = self.world();
        let bytes = world.log.strip_suffix(b"\n").unwrap_or(&world.log);
        if world.log.is_empty() {
            return Vec::new();
        }
        let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
        lines
            .map(|(text, number)| LogLine {
                number,
                at_ms: 1_790_000_000_000,
                text: text.into(),
                ..Default::default()
            })
            .collect()
    }

    fn page(&self, lines: Vec<LogLine>) -> LogLines {
        let total_lines = self.lines().len() as u64;
        let world = self.world();
        LogLines {
            lines,
            total_lines,
            total_bytes: world.log.len() as u64,
            complete: world.log_complete,
            header: "$ make test\nin /build".into(),
            footer: if world.log_complete { "exit 0".into() } else { String::new() },
        }
    }

    /// The messages, or their beginning and a broken link.
    fn breaking<T: Send + 'static>(&self, messages: Vec<T>) -> Response<Replies<T>> {
        let mut world = self.world();
        let mut messages: Vec<Result<T, Status>> = messages.into_iter().map(Ok).collect();
        if world.breaks > 0 && messages.len() > world.breaks_after {
            world.breaks -= 1;
            messages.truncate(world.breaks_after);
            messages.push(Err(Status::unavailable("restarting")));
        }
        Response::new(Box::pin(tokio_stream::iter(messages)))
    }

    fn results(&self) -> i32 {
        self.world().results.into()
    }

    fn of(&self, kind: Kind, id: &str) -> Option<Entity> {
        let of = match (kind, id) {
            (Kind::Build, "linux" | "linux#42") => Of::Build(self.build(42)),
            (Kind::Buildset, "5") => Of::Buildset(Buildset {
                id: 5,
                results: self.results(),
                requests: vec![17, 18],
                ..Default::default()
            }),
            (Kind::Request, "17" | "18") => {
                let builder = if id == "17" { "linux" } else { "mac" };
                Of::Request(BuildRequest {
                    id: id.parse().ok()?,
                    builder: builder.into(),
                    buildset: 5,
                    results: self.results(),
                    ..Default::default()
                })
            }
            (Kind::Change, id) => {
                let id: u64 = id.parse().ok()?;
                let change =
                    self.world().changes.get(usize::try_from(id).ok()?.checked_sub(1)?)?.clone();
                Of::Change(Change {
                    id,
                    author: change.author,
                    branch: change.branch,
                    revision: change.revision,
                    key: change.key,
                    ..Default::default()
                })
            }
            (Kind::Worker, "w1") => Of::Worker(Worker {
                name: "w1".into(),
                state: "paused".into(),
                ..Default::default()
            }),
            (Kind::Scheduler, "all") => {
                Of::Scheduler(Scheduler { name: "all".into(), ..Default::default() })
            }
            (Kind::Source, "up") => Of::Source(Source { name: "up".into(), ..Default::default() }),
            _ => return None,
        };
        Some(Entity { of: Some(of) })
    }

    fn build(&self, number: u32) -> Build {
        Build {
            builder: "linux".into(),
            number,
            worker: "w1".into(),
            state: BuildState::Finished.into(),
            results: self.results(),
            started_at_ms: 1_790_000_000_000,
            complete_at_ms: Some(1_790_000_062_000),
            blamelist: vec!["Ana \u{1b}[2J <ana@example.org>".into()],
            steps: vec![Step {
                number: 1,
                name: "test".into(),
                state: StepState::Finished.into(),
                results: self.results(),
                logs: vec![Log { name: "stdio".into(), ..Default::default() }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn found(&self, kind: Kind, id: &str) -> Result<Entity, Status> {
        self.of(kind, id).ok_or_else(|| {
            let mut metadata = MetadataMap::new();
            metadata
                .insert(WHY_KEY, encode_sentence("it wasn't built – yet").parse().expect("ASCII"));
            metadata
                .insert(HINT_KEY, encode_sentence("look at `linn builds`").parse().expect("ASCII"));
            Status::with_metadata(Code::NotFound, format!("there is no {id}"), metadata)
        })
    }

    fn accepted(&self, kind: Kind, id: &str) -> Result<Response<Accepted>, Status> {
        let entity = self.found(kind, id)?;
        let made = vec![EntityId { kind: kind.into(), id: id.to_owned() }];
        Ok(Response::new(Accepted { seq: 1, made, entities: vec![entity] }))
    }
}

#[tonic::async_trait]
impl Console for Shared {
    type WatchStream = Replies<WatchReply>;
    type FollowLogStream = Replies<LogLines>;
    type SearchLogStream = Replies<LogHit>;
    type RawLogStream = Replies<RawBytes>;
    type EventsStream = Replies<Event>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListReply>, Status> {
        let request = request.into_inner();
        self.world().lists.push(request.clone());
        let one = |of: Of| vec![Entity { of: Some(of) }];
        let entities = match request.kind() {
            Kind::Build => {
                let newest = match request.before {
                    0 => self.world().builds,
                    before => u32::try_from(before).expect("small") - 1,
                };
                let oldest = newest.saturating_sub(request.limit);
                let page = (oldest..newest).rev().map(|number| Of::Build(self.build(number + 1)));
                let entities = page.map(|of| Entity { of: Some(of) }).collect();
                let next_before = if oldest == 0 { 0 } else { u64::from(oldest) + 1 };
                return Ok(Response::new(ListReply { entities, next_before }));
            }
            Kind::Builder => one(Of::Builder(Builder {
                name: "linux".into(),
                state: "idle".into(),
                recent: vec![BuildSummary {
                    number: 42,
                    results: self.results(),
                    ..Default::default()
                }],
                description: "evil \u{1b}]0;x\u{7}".into(),
                ..Default::default()
            })),
            Kind::Worker => one(Of::Worker(Worker { name: "w1".into(), ..Default::default() })),
            Kind::Scheduler => {
                one(Of::Scheduler(Scheduler { name: "all".into(), ..Default::default() }))
            }
            Kind::Source => one(Of::Source(Source { name: "up".into(), ..Default::default() })),
            Kind::Lock => one(Of::Lock(linn_proto::entity::Lock {
                name: "db".into(),
                capacity: 1,
                ..Default::default()
            })),
            Kind::Request => self.of(Kind::Request, "17").into_iter().collect(),
            Kind::Buildset => self.of(Kind::Buildset, "5").into_iter().collect(),
            Kind::Change => self.of(Kind::Change, "1").into_iter().collect(),
            Kind::Master | Kind::Unspecified => Vec::new(),
        };
        Ok(Response::new(ListReply { entities, next_before: 0 }))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Entity>, Status> {
        self.heard(&request);
        let request = request.into_inner();
        self.found(request.kind(), &request.r#ref).map(Response::new)
    }

    async fn read_log(
        &self,
        request: Request<ReadLogRequest>,
    ) -> Result<Response<LogLines>, Status> {
        let request = request.into_inner();
        self.found(Kind::Build, request.log.split('/').next().unwrap_or_default())?;
        let from = u64::try_from(request.from_line).expect("this client counts from the start");
        let most = request.lines.min(4096) as usize;
        let lines = self.lines().into_iter().filter(|line| line.number >= from).take(most);
        let lines = lines.collect();
        Ok(Response::new(self.page(lines)))
    }

    async fn follow_log(
        &self,
        request: Request<FollowLogRequest>,
    ) -> Result<Response<Self::FollowLogStream>, Status> {
        let from = u64::try_from(request.into_inner().from_line).expect("counted from the start");
        let lines: Vec<LogLine> =
            self.lines().into_iter().filter(|line| line.number >= from).collect();
        let mut pieces: Vec<LogLines> =
            lines.chunks(2).map(|lines| self.page(lines.to_vec())).collect();
        pieces.push(self.page(Vec::new()));
        self.world().follows += 1;
        Ok(self.breaking(pieces))
    }

    async fn search_log(
        &self,
        request: Request<SearchLogRequest>,
    ) -> Result<Response<Self::SearchLogStream>, Status> {
        let request = request.into_inner();
        let pattern = regex::bytes::Regex::new(&request.pattern)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let total = self.lines().len() as u64;
        let mut hits: Vec<LogHit> = self
            .lines()
            .into_iter()
            .filter(|line| line.number >= request.from_line && pattern.is_match(&line.text))
            .take(request.limit as usize)
            .map(|line| LogHit { searched_to: line.number, line: Some(line), done: false })
            .collect();
        hits.push(LogHit { line: None, searched_to: total, done: true });
        Ok(self.breaking(hits))
    }

    async fn raw_log(
        &self,
        request: Request<RawLogRequest>,
    ) -> Result<Response<Self::RawLogStream>, Status> {
        let offset = usize::try_from(request.into_inner().offset).expect("small");
        let rest = self.world().log[offset..].to_vec();
        let pieces = rest.chunks(3).map(|data| RawBytes { data: data.to_vec().into() }).collect();
        Ok(self.breaking(pieces))
    }

    type ArtifactStream = Replies<RawBytes>;

    async fn artifacts(
        &self,
        _: Request<ArtifactsRequest>,
    ) -> Result<Response<ArtifactsReply>, Status> {
        let one = |name: &str, bytes| ArtifactInfo {
            name: name.to_owned(),
            bytes,
            sha256: "ab".repeat(32),
            step: "upload".to_owned(),
        };
        let artifacts = vec![one("dist/a.txt", 7), one("evil\u{1b}[2J", 1)];
        Ok(Response::new(ArtifactsReply { artifacts }))
    }

    async fn artifact(
        &self,
        request: Request<ArtifactRequest>,
    ) -> Result<Response<Self::ArtifactStream>, Status> {
        let asked = request.into_inner();
        if asked.name != "dist/a.txt" {
            return Err(Status::not_found(format!("no file {}", asked.name)));
        }
        let offset = usize::try_from(asked.offset).expect("small");
        let rest = self.world().log[offset..].to_vec();
        let pieces = rest.chunks(3).map(|data| RawBytes { data: data.to_vec().into() }).collect();
        Ok(self.breaking(pieces))
    }

    async fn log_marks(
        &self,
        _: Request<LogMarksRequest>,
    ) -> Result<Response<LogMarksReply>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn statistics(
        &self,
        request: Request<StatisticsRequest>,
    ) -> Result<Response<StatisticsReply>, Status> {
        let request = request.into_inner();
        if request.builder != "linux" {
            return Err(Status::not_found("no such builder"));
        }
        let all = [(3, "tests-failed", 0.0), (3, "warnings", 2.5), (2, "tests-failed", 4.0)];
        let wanted = |it: &&(u32, &str, f64)| request.name.is_empty() || it.1 == request.name;
        let one = |&(number, name, value): &(u32, &str, f64)| Statistic {
            number,
            name: name.to_owned(),
            value,
        };
        let values = all.iter().filter(wanted).map(one).collect();
        Ok(Response::new(StatisticsReply { values }))
    }

    async fn events(
        &self,
        request: Request<EventsRequest>,
    ) -> Result<Response<Self::EventsStream>, Status> {
        let request = request.into_inner();
        let since = request.since.unwrap_or(0);
        let event = |seq| Event {
            seq,
            at_ms: 1_790_000_000_000,
            kind: "build_started".into(),
            subject: "linux#42".into(),
            json: r#"{"worker":"w1"}"#.into(),
        };
        let events = (since + 1..=6).map(event).collect();
        let events = self.breaking(events);
        if !request.follow {
            return Ok(events);
        }
        let mut finished = self.finished.subscribe();
        let of = |seq, kind: &str, subject: &str, json: &str| Event {
            seq,
            at_ms: 1_790_000_000_000,
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            json: json.to_owned(),
        };
        let word = crate::cli::paint::word(self.world().results).unwrap_or_default();
        let results = format!(
            "{{\"results\":\"{word}\",\"text\":\"as it went\",\"logs\":[{{\"name\":\"stdio\"}}]}}"
        );
        let told = [
            of(7, "build_started", "linux#43", r#"{"worker":"w2","requests":[17]}"#),
            of(8, "build_started", "mac#9", r#"{"worker":"w3","requests":[99]}"#),
            of(9, "step_finished", "linux#43/unit tests", &results),
            of(10, "build_finished", "linux#43", &results),
            of(11, "buildset_finished", "5", &results),
        ];
        let (sender, more) = tokio::sync::mpsc::channel(told.len());
        tokio::spawn(async move {
            let _ = finished.wait_for(|finished| *finished).await;
            for event in told {
                let _ = sender.send(Ok(event)).await;
            }
            // A journal that is followed has no end.
            sender.closed().await;
        });
        let more = tokio_stream::wrappers::ReceiverStream::new(more);
        Ok(Response::new(Box::pin(events.into_inner().chain(more))))
    }

    async fn wait(&self, request: Request<WaitRequest>) -> Result<Response<Entity>, Status> {
        let request = request.into_inner();
        self.found(request.kind(), &request.r#ref)?;
        let mut finished = self.finished.subscribe();
        let _ = finished.wait_for(|finished| *finished).await;
        self.found(request.kind(), &request.r#ref).map(Response::new)
    }
}

#[tonic::async_trait]
impl ChangeHook for Shared {
    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainReply>, Status> {
        let rule = match request.into_inner().of {
            Some(explain_request::Of::Id(1)) => "branch",
            Some(explain_request::Of::Change(change)) if change.branch.is_none() => "codebases",
            _ => "",
        };
        let judgement = Judgement {
            scheduler: "commits".into(),
            takes: rule.is_empty(),
            important: rule.is_empty(),
            rule: rule.into(),
            detail: String::new(),
        };
        Ok(Response::new(ExplainReply { judgements: vec![judgement] }))
    }

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitReply>, Status> {
        let changes = request.into_inner().changes;
        let mut world = self.world();
        if let Some(code) = world.refuse_changes {
            return Err(Status::new(code, "these changes are refused"));
        }
        let keys = world.changes.iter().map(|change| change.key.clone()).zip(1_u64..);
        let mut known: BTreeMap<String, u64> = keys.filter(|(key, _)| !key.is_empty()).collect();
        let mut ids = Vec::new();
        for change in changes {
            if let Some(id) = known.get(&change.key) {
                ids.push(*id);
                continue;
            }
            let key = change.key.clone();
            world.changes.push(change);
            let id = world.changes.len() as u64;
            ids.push(id);
            if !key.is_empty() {
                known.insert(key, id);
            }
        }
        if world.unheard > 0 {
            world.unheard -= 1;
            return Err(Status::unavailable("restarting"));
        }
        Ok(Response::new(SubmitReply { seq: 1, ids }))
    }
}
