//! A master as small as can be: keeps log bytes, answers hellos from what it kept, lets the test decide the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linn_proto::worker::worker_server::{Worker, WorkerServer};
use linn_proto::worker::{
    Acked, FetchRequest, FileChunk, FileStored, Finished, Forget, FromWorker, HeldAnswer, Hello,
    Interrupt, Kill, KillIt, LogAcked, LogAppend, LogLimits, Refused, Resume, Shell, Start,
    Started, Stream as LogStream, Timeouts, ToWorker, Welcome, from_worker, held_answer, start,
    to_worker,
};
use sha2::Digest as _;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// Nothing that a test waits for takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Offset, stream and time of a piece.
type Span = (u64, LogStream, i64);

/// What the master has heard and kept.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) hellos: Vec<Hello>,
    pub(crate) starts: BTreeMap<u64, Vec<Started>>,
    pub(crate) finishes: BTreeMap<u64, Finished>,
    pub(crate) finish_count: BTreeMap<u64, usize>,
    pub(crate) logs: BTreeMap<(u64, String), Vec<u8>>,
    pub(crate) spans: BTreeMap<(u64, String), Vec<Span>>,
    pub(crate) properties: Vec<(u64, String, String)>,
    pub(crate) links: Vec<(u64, String, String)>,
    pub(crate) progress: Vec<(u64, f64)>,
    pub(crate) left: usize,
    pub(crate) sessions: u64,
    /// Every byte that came, repeats included.
    pub(crate) received: u64,
    /// Files that came, by their digest.
    pub(crate) files: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The next piece from there on is refused, once.
    pub(crate) cut_files_at: Option<u64>,
    /// What downloads bring.
    pub(crate) offered: Option<Vec<u8>>,
    /// From where each was asked for.
    pub(crate) fetches: Vec<u64>,
    unknown: BTreeSet<u64>,
    killed: BTreeSet<u64>,
    control: Option<mpsc::Sender<Result<ToWorker, Status>>>,
    acks: Option<mpsc::Sender<Result<LogAcked, Status>>>,
    hold_acks: bool,
    spool_limit: u64,
    refuse: Option<Refused>,
}

impl Kept {
    fn give(&mut self, asked: &FetchRequest) -> Result<Vec<Result<FileChunk, Status>>, Status> {
        self.fetches.push(asked.offset);
        let Some(file) = &self.offered else {
            return Err(Status::not_found("this build kept no such file"));
        };
        let sha256 = sha2::Sha256::digest(file).to_vec();
        let from = if asked.sha256 == sha256 { asked.offset } else { 0 };
        let mut pieces = Vec::new();
        let mut at = from;
        while pieces.is_empty() || at < file.len() as u64 {
            let end = (at + 1000).min(file.len() as u64);
            let data = file[usize::try_from(at).unwrap()..usize::try_from(end).unwrap()].to_vec();
            let (command, size) = (asked.command, file.len() as u64);
            let sha256 = sha256.clone();
            if self.cut_files_at.take_if(|cut| at >= *cut).is_some() {
                pieces.push(Err(Status::unavailable("cut by the test")));
                break;
            }
            pieces.push(Ok(FileChunk { command, sha256, size, offset: at, data: data.into() }));
            at = end;
        }
        Ok(pieces)
    }
}

#[derive(Clone)]
struct Service {
    kept: Arc<Mutex<Kept>>,
    changed: watch::Sender<u64>,
}

/// A running master.
pub(crate) struct Master {
    service: Service,
    pub(crate) socket: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Master {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Master {
    pub(crate) fn listen(dir: &Path) -> Self {
        let service = Service { kept: Arc::default(), changed: watch::Sender::new(0) };
        let socket = dir.join("m.sock");
        Self { server: serve(&socket, service.clone()), service, socket }
    }

    /// Ends the server with all connections; what was kept stays.
    pub(crate) fn stop(&mut self) {
        self.server.abort();
        self.drop_link();
        let _ = std::fs::remove_file(&self.socket);
    }

    pub(crate) fn listen_again(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
        self.server = serve(&self.socket, self.service.clone());
    }

    pub(crate) fn server(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.service.kept.lock().unwrap())
    }

    /// Waits until `look` sees something.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&mut Kept) -> Option<T>,
    ) -> T {
        let mut changed = self.service.changed.subscribe();
        let wait = async {
            loop {
                if let Some(seen) = self.with(&mut look) {
                    return seen;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    pub(crate) async fn session(&self, number: u64) {
        self.until("a session", |kept| {
            (kept.sessions >= number && kept.control.is_some()).then_some(())
        })
        .await;
    }

    pub(crate) fn say(&self, msg: to_worker::Msg) {
        let control = self.with(|kept| kept.control.clone()).expect("a session");
        control.try_send(Ok(ToWorker { msg: Some(msg) })).unwrap();
    }

    pub(crate) fn start(&self, start: Start) {
        self.say(to_worker::Msg::Start(start));
    }

    pub(crate) fn interrupt(&self, command: u64, reason: &str) {
        self.say(to_worker::Msg::Interrupt(Interrupt { command, reason: reason.into() }));
    }

    pub(crate) fn kill(&self, command: u64, reason: &str) {
        self.say(to_worker::Msg::Kill(Kill { command, reason: reason.into() }));
    }

    pub(crate) fn ack(&self, command: u64) {
        self.with(|kept| kept.unknown.insert(command));
        self.say(to_worker::Msg::Acked(Acked { command }));
    }

    /// Cuts both streams, as a lost connection does.
    pub(crate) fn drop_link(&self) {
        self.with(|kept| {
            if let Some(control) = kept.control.take() {
                let _ = control.try_send(Err(Status::unavailable("cut by the test")));
            }
            kept.acks = None;
        });
    }

    /// Answers the next hello about this command with the order to kill it.
    pub(crate) fn fence(&self, command: u64) {
        self.with(|kept| kept.killed.insert(command));
    }

    pub(crate) fn refuse(&self, refused: Option<Refused>) {
        self.with(|kept| kept.refuse = refused);
    }

    pub(crate) fn set_spool_limit(&self, bytes: u64) {
        self.with(|kept| kept.spool_limit = bytes);
    }

    pub(crate) fn hold_acks(&self) {
        self.with(|kept| kept.hold_acks = true);
    }

    /// Acknowledges all that has come and goes on doing so.
    pub(crate) fn release_acks(&self) {
        self.with(|kept| {
            kept.hold_acks = false;
            for ((command, log), bytes) in &kept.logs {
                if let Some(acks) = &kept.acks {
                    let durable_to = bytes.len() as u64;
                    let _ = acks.try_send(Ok(LogAcked {
                        command: *command,
                        log: log.clone(),
                        durable_to,
                        expected: None,
                    }));
                }
            }
        });
    }

    /// Waits for the result and for all its log bytes.
    pub(crate) async fn finished(&self, command: u64) -> Finished {
        self.until(&format!("the end of {command}"), |kept| {
            let finished = kept.finishes.get(&command)?;
            let whole = finished.logs.iter().all(|log| {
                let kept = kept.logs.get(&(command, log.name.clone())).map_or(0, Vec::len);
                kept as u64 >= log.bytes
            });
            whole.then(|| finished.clone())
        })
        .await
    }

    pub(crate) fn log(&self, command: u64, log: &str) -> Vec<u8> {
        self.with(|kept| kept.logs.get(&(command, log.to_owned())).cloned().unwrap_or_default())
    }

    pub(crate) fn text(&self, command: u64) -> String {
        String::from_utf8_lossy(&self.log(command, "stdio")).into_owned()
    }

    /// Waits until the log has this text in it.
    pub(crate) async fn printed(&self, command: u64, text: &str) {
        self.until(text, |kept| {
            let log = kept.logs.get(&(command, "stdio".to_owned()))?;
            String::from_utf8_lossy(log).contains(text).then_some(())
        })
        .await;
    }

    /// Runs a command to its end and acknowledges it.
    pub(crate) async fn run(&self, start: Start) -> Finished {
        let command = start.command;
        self.start(start);
        let finished = self.finished(command).await;
        self.ack(command);
        finished
    }
}

fn serve(socket: &Path, service: Service) -> tokio::task::JoinHandle<()> {
    let incoming = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
    tokio::spawn(async move {
        let _ = tonic::transport::Server::builder()
            .serve_with_incoming(WorkerServer::new(service), incoming)
            .await;
    })
}

impl Service {
    fn changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn hello(kept: &mut Kept, hello: &Hello) -> to_worker::Msg {
        kept.hellos.push(hello.clone());
        if let Some(refused) = kept.refuse.clone() {
            return to_worker::Msg::Refused(refused);
        }
        kept.sessions += 1;
        let held = hello.held.iter().map(|held| {
            let id = held.command;
            let answer = if kept.unknown.contains(&id) {
                held_answer::Answer::Forget(Forget {})
            } else if kept.killed.contains(&id) {
                held_answer::Answer::Kill(KillIt {})
            } else {
                let logs = kept.logs.iter().filter(|((command, _), _)| *command == id);
                let acked_to =
                    logs.map(|((_, log), bytes)| (log.clone(), bytes.len() as u64)).collect();
                held_answer::Answer::Resume(Resume { acked_to })
            };
            HeldAnswer { command: id, answer: Some(answer) }
        });
        to_worker::Msg::Welcome(Welcome {
            session: kept.sessions,
            epoch: vec![1],
            held: held.collect(),
            ping_every_ms: 0,
            spool_limit_bytes: kept.spool_limit,
        })
    }

    fn heard(&self, message: FromWorker, control: &mpsc::Sender<Result<ToWorker, Status>>) {
        let mut kept = self.kept.lock().unwrap();
        match message.msg {
            Some(from_worker::Msg::Hello(hello)) => {
                let answer = Self::hello(&mut kept, &hello);
                control.try_send(Ok(ToWorker { msg: Some(answer) })).unwrap();
                kept.control = Some(control.clone());
            }
            Some(from_worker::Msg::Started(started)) => {
                kept.starts.entry(started.command).or_default().push(started);
            }
            Some(from_worker::Msg::Property(found)) => {
                kept.properties.push((found.command, found.name, found.json));
            }
            Some(from_worker::Msg::Link(found)) => {
                kept.links.push((found.command, found.name, found.url));
            }
            Some(from_worker::Msg::Progress(told)) => {
                kept.progress.push((told.command, told.share));
            }
            Some(from_worker::Msg::Finished(finished)) => {
                *kept.finish_count.entry(finished.command).or_default() += 1;
                kept.finishes.insert(finished.command, finished);
            }
            Some(from_worker::Msg::Leaving(_)) => kept.left += 1,
            Some(from_worker::Msg::Pong(_)) | None => {}
        }
        drop(kept);
        self.changed();
    }

    fn keep(&self, piece: &FileChunk) -> Result<FileStored, Status> {
        let mut kept = self.kept.lock().unwrap();
        let cut_at = kept.cut_files_at.take_if(|at| piece.offset >= *at);
        let file = kept.files.entry(piece.sha256.clone()).or_default();
        if cut_at.is_some() {
            return Err(Status::unavailable("cut by the test"));
        }
        assert!(piece.offset <= file.len() as u64, "the first reply says from where");
        if piece.offset == file.len() as u64 {
            file.extend_from_slice(&piece.data);
        }
        let stored_to = file.len() as u64;
        drop(kept);
        self.changed();
        Ok(FileStored { stored_to, whole: stored_to == piece.size })
    }

    fn append(&self, piece: &LogAppend) {
        let mut kept = self.kept.lock().unwrap();
        kept.received += piece.data.len() as u64;
        let key = (piece.command, piece.log.clone());
        let log = kept.logs.entry(key.clone()).or_default();
        let length = log.len() as u64;
        let mut expected = None;
        if piece.offset > length {
            expected = Some(length);
        } else if let Some(new) = piece.data.get(usize::try_from(length - piece.offset).unwrap()..)
        {
            log.extend_from_slice(new);
            kept.spans.entry(key).or_default().push((piece.offset, piece.stream(), piece.at_ms));
        }
        let durable_to = kept.logs[&(piece.command, piece.log.clone())].len() as u64;
        if let Some(acks) = kept.acks.as_ref().filter(|_| !kept.hold_acks) {
            let acked =
                LogAcked { command: piece.command, log: piece.log.clone(), durable_to, expected };
            let _ = acks.try_send(Ok(acked));
        }
        drop(kept);
        self.changed();
    }
}

type Out<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Worker for Service {
    type SessionStream = Out<ToWorker>;
    type PushLogsStream = Out<LogAcked>;
    type StoreStream = Out<FileStored>;
    type FetchStream = Out<FileChunk>;

    async fn store(
        &self,
        request: Request<Streaming<FileChunk>>,
    ) -> Result<Response<Self::StoreStream>, Status> {
        let (out, answers) = mpsc::channel(16);
        let (service, mut pieces) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Some(Ok(piece)) = pieces.next().await {
                let reply = service.keep(&piece);
                let ended = reply.is_err();
                if out.send(reply).await.is_err() || ended {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn fetch(
        &self,
        request: Request<FetchRequest>,
    ) -> Result<Response<Self::FetchStream>, Status> {
        let asked = request.into_inner();
        let pieces = self.kept.lock().unwrap().give(&asked)?;
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }

    async fn session(
        &self,
        request: Request<Streaming<FromWorker>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (control, out) = mpsc::channel(4096);
        let (service, mut messages) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                service.heard(message, &control);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(out))))
    }

    async fn push_logs(
        &self,
        request: Request<Streaming<LogAppend>>,
    ) -> Result<Response<Self::PushLogsStream>, Status> {
        assert!(request.metadata().contains_key(linn_worker::SESSION_METADATA));
        let (acks, out) = mpsc::channel(65536);
        self.kept.lock().unwrap().acks = Some(acks);
        let (service, mut pieces) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Some(Ok(piece)) = pieces.next().await {
                service.append(&piece);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(out))))
    }
}

/// A command that runs `script` in a shell.
pub(crate) fn sh(command: u64, script: &str) -> Start {
    argv(command, &["/bin/sh", "-c", script])
}

pub(crate) fn argv(command: u64, argv: &[&str]) -> Start {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    with(command, start::What::Shell(Shell { argv, workdir: "build".into(), ..Shell::default() }))
}

pub(crate) fn with(command: u64, what: start::What) -> Start {
    Start {
        command,
        build: format!("linux#{command}"),
        step: "test".into(),
        builder: "linux".into(),
        attempt: 1,
        timeouts: Some(Timeouts { term_grace_ms: 30_000, ..Timeouts::default() }),
        log_limits: Some(LogLimits::default()),
        capture: false,
        what: Some(what),
    }
}

/// The same command of another builder: those of one builder run one after the other.
pub(crate) fn of(builder: &str, start: Start) -> Start {
    Start { builder: builder.to_owned(), ..start }
}

/// Changes the shell part of a command.
pub(crate) fn shell(mut start: Start, change: impl FnOnce(&mut Shell)) -> Start {
    let Some(start::What::Shell(shell)) = &mut start.what else { panic!("no shell") };
    change(shell);
    start
}

/// Changes the limits of a command.
pub(crate) fn limits(mut start: Start, change: impl FnOnce(&mut Timeouts)) -> Start {
    change(start.timeouts.as_mut().unwrap());
    start
}
