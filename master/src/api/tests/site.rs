//! A master to speak to, and a worker that does what a test says.

use std::time::Duration;

use linn_proto::change::change_hook_client::ChangeHookClient;
use linn_proto::console::console_client::ConsoleClient;
use linn_proto::console::{self, watch_reply};
use linn_proto::control::control_client::ControlClient;
use linn_proto::control::{Accepted, ForceRequest};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Build, Entity, EntityId, Kind};
use linn_proto::worker::worker_client::WorkerClient;
use linn_proto::worker::{self as wire, from_worker, to_worker};
use sha2::Digest as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::config::{Origin, load};
use crate::{Master, Options, Running};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Fails rather than hangs.
pub(super) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("this takes too long")
}

/// A master in a folder of its own.
pub(super) struct Site {
    pub(super) dir: tempfile::TempDir,
    pub(super) running: Running,
    channel: Channel,
}

pub(super) const ONE: &str = r#"
worker("w1")
builder("linux", workers = ["w1"], factory = [shell("test", command = ["make", "test"], warning_pattern = "warning:")])
force_scheduler("f", builders = ["linux"])
"#;

impl Site {
    pub(super) async fn start(star: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir, star).await
    }

    pub(super) async fn start_in(dir: tempfile::TempDir, star: &str) -> Self {
        let file = dir.path().join("master.star");
        std::fs::write(&file, star).unwrap();
        let config = load(Origin::File(&file), None).unwrap_or_else(|wrong| panic!("{wrong}"));
        let options = Options {
            dir: dir.path().join("state"),
            config,
            config_file: Some(file),
            checkout: None,
            listen: None,
            listen_http: None,
        };
        let running = soon(Master::start(options)).await.unwrap();
        let channel = running.dial();
        Self { dir, running, channel }
    }

    /// Ends the master and gives back its folder.
    pub(super) async fn stop(self) -> tempfile::TempDir {
        soon(self.running.stop()).await;
        self.dir
    }

    pub(super) fn console(&self) -> ConsoleClient<Channel> {
        ConsoleClient::new(self.channel.clone()).max_decoding_message_size(8 << 20)
    }

    pub(super) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel.clone())
    }

    pub(super) fn hooks(&self) -> ChangeHookClient<Channel> {
        ChangeHookClient::new(self.channel.clone())
    }

    pub(super) async fn force(&self, request: ForceRequest) -> Result<Accepted, Status> {
        soon(self.control().force(request)).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn force_linux(&self) -> Accepted {
        let request =
            ForceRequest { builders: vec!["linux".to_owned()], ..ForceRequest::default() };
        self.force(request).await.unwrap()
    }

    pub(super) async fn get(&self, kind: Kind, named: &str) -> Result<Entity, Status> {
        let request = console::GetRequest { kind: kind.into(), r#ref: named.to_owned() };
        soon(self.console().get(request)).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn build(&self, named: &str) -> Build {
        build_of(self.get(Kind::Build, named).await.unwrap())
    }

    /// Waits until a thing is over.
    pub(super) async fn wait(&self, kind: Kind, named: &str) -> Entity {
        let request = console::WaitRequest { kind: kind.into(), r#ref: named.to_owned() };
        soon(self.console().wait(request)).await.unwrap().into_inner()
    }

    pub(super) async fn watch(&self, epoch: Vec<u8>, since: u64) -> Watching {
        let request = console::WatchRequest { epoch, since, builds_back: 0 };
        Watching(soon(self.console().watch(request)).await.unwrap().into_inner())
    }
}

pub(super) fn build_of(entity: Entity) -> Build {
    match entity.of {
        Some(Of::Build(build)) => build,
        other => panic!("no build: {other:?}"),
    }
}

/// A watcher's stream.
pub(super) struct Watching(pub(super) Streaming<console::WatchReply>);

impl Watching {
    pub(super) async fn next(&mut self) -> watch_reply::Msg {
        soon(self.0.message()).await.unwrap().expect("the stream goes on").msg.unwrap()
    }

    /// The snapshot, whole.
    pub(super) async fn snapshot(&mut self) -> (Vec<u8>, u64, Vec<Entity>) {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                watch_reply::Msg::Snapshot(part) => {
                    all.extend(part.entities);
                    if part.last {
                        return (part.epoch, part.seq, all);
                    }
                }
                other => panic!("no snapshot: {other:?}"),
            }
        }
    }

    /// Deltas until something holds for a value in one of them.
    pub(super) async fn until(&mut self, holds: impl Fn(&Of) -> bool) -> console::Delta {
        loop {
            if let watch_reply::Msg::Delta(delta) = self.next().await
                && delta.upserts.iter().filter_map(|entity| entity.of.as_ref()).any(&holds)
            {
                return delta;
            }
        }
    }
}

/// A worker by hand.
pub(super) struct FakeWorker {
    pub(super) say: mpsc::Sender<wire::FromWorker>,
    heard: Streaming<wire::ToWorker>,
    client: WorkerClient<Channel>,
    /// The number of its session.
    session: u64,
    /// From its Welcome on.
    pushing: Option<(mpsc::Sender<wire::LogAppend>, Streaming<wire::LogAcked>)>,
}

pub(super) fn hello(name: &str, instance: u8, held: Vec<wire::Held>) -> wire::Hello {
    wire::Hello {
        name: name.to_owned(),
        instance: vec![instance; 16],
        protocol: linn_proto::PROTOCOL,
        info: Some(wire::WorkerInfo::default()),
        held,
    }
}

impl FakeWorker {
    pub(super) async fn dial(site: &Site, hello: wire::Hello) -> Self {
        // A connection of its own, so that a cut is a cut.
        let mut client = WorkerClient::new(site.running.dial());
        let (say, said) = mpsc::channel(64);
        say.send(wire::FromWorker { msg: Some(from_worker::Msg::Hello(hello)) }).await.unwrap();
        let heard = soon(client.session(ReceiverStream::new(said))).await.unwrap().into_inner();
        Self { say, heard, client, session: 0, pushing: None }
    }

    /// Dials and is taken in.
    pub(super) async fn join(site: &Site, name: &str) -> Self {
        let mut worker = Self::dial(site, hello(name, 1, Vec::new())).await;
        assert!(worker.welcome().await.held.is_empty());
        worker
    }

    /// What the master says, but for pings, which are answered; nothing when the stream has ended.
    pub(super) async fn try_hear(&mut self) -> Option<to_worker::Msg> {
        loop {
            let said = soon(self.heard.message()).await.ok().flatten()?.msg.unwrap();
            match said {
                to_worker::Msg::Ping(wire::Ping { nonce }) => {
                    self.tell(from_worker::Msg::Pong(wire::Pong { nonce })).await;
                }
                other => return Some(other),
            }
        }
    }

    pub(super) async fn hear(&mut self) -> to_worker::Msg {
        self.try_hear().await.expect("the session goes on")
    }

    pub(super) async fn welcome(&mut self) -> wire::Welcome {
        match self.hear().await {
            to_worker::Msg::Welcome(welcome) => {
                let (push, pushed) = mpsc::channel(64);
                let mut request = Request::new(ReceiverStream::new(pushed));
                request.metadata_mut().insert("linn-session", welcome.session.into());
                let acked = soon(self.client.push_logs(request)).await.unwrap().into_inner();
                self.pushing = Some((push, acked));
                self.session = welcome.session;
                welcome
            }
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub(super) async fn start(&mut self) -> wire::Start {
        match self.hear().await {
            to_worker::Msg::Start(start) => start,
            other => panic!("no start: {other:?}"),
        }
    }

    pub(super) async fn acked(&mut self) -> u64 {
        match self.hear().await {
            to_worker::Msg::Acked(acked) => acked.command,
            other => panic!("no ack: {other:?}"),
        }
    }

    pub(super) async fn tell(&self, msg: from_worker::Msg) {
        drop(self.say.send(wire::FromWorker { msg: Some(msg) }).await);
    }

    pub(super) async fn append(&self, command: u64, offset: u64, data: &[u8]) {
        let append = wire::LogAppend {
            command,
            log: "stdio".to_owned(),
            offset,
            stream: wire::Stream::Out.into(),
            at_ms: 1,
            data: bytes::Bytes::copy_from_slice(data),
        };
        let (push, _) = self.pushing.as_ref().expect("it was taken in");
        push.send(append).await.unwrap();
    }

    pub(super) async fn durable(&mut self) -> wire::LogAcked {
        let (_, acked) = self.pushing.as_mut().expect("it was taken in");
        soon(acked.message()).await.unwrap().expect("the log stream goes on")
    }

    /// Sends a file in these pieces; whether the master then has it whole.
    pub(super) async fn store(&self, pieces: Vec<wire::FileChunk>) -> Result<bool, Status> {
        // What is sent first names the file and brings nothing of it.
        let first = wire::FileChunk { data: bytes::Bytes::new(), ..pieces[0].clone() };
        let pieces = std::iter::once(first).chain(pieces);
        let mut request = Request::new(tokio_stream::iter(pieces.collect::<Vec<_>>()));
        request.metadata_mut().insert("linn-session", self.session.into());
        let mut replies = soon(self.client.clone().store(request)).await?.into_inner();
        let mut whole = false;
        while let Some(reply) = soon(replies.message()).await? {
            whole = reply.whole;
        }
        Ok(whole)
    }

    /// What a download brings beyond `offset` bytes of `known`.
    pub(super) async fn fetch(
        &self,
        command: u64,
        offset: u64,
        known: &[u8],
    ) -> Result<Vec<u8>, Status> {
        let sha256 = sha2::Sha256::digest(known).to_vec();
        let mut request = Request::new(wire::FetchRequest { command, offset, sha256 });
        request.metadata_mut().insert("linn-session", self.session.into());
        let mut pieces = soon(self.client.clone().fetch(request)).await?.into_inner();
        let mut data = Vec::new();
        while let Some(piece) = soon(pieces.message()).await? {
            data.extend_from_slice(&piece.data);
        }
        Ok(data)
    }

    /// Ends a command with an exit code after so many bytes of output.
    pub(super) async fn finish(&self, command: u64, code: i32, bytes: u64) {
        self.finish_with(command, code, bytes, Vec::new()).await;
    }

    /// The same with the digest of that output.
    pub(super) async fn finish_with(&self, command: u64, code: i32, bytes: u64, sha256: Vec<u8>) {
        self.finish_saying(command, code, bytes, sha256, wire::Said::default()).await;
    }

    /// The same with what the command said besides.
    pub(super) async fn finish_saying(
        &self,
        command: u64,
        code: i32,
        bytes: u64,
        sha256: Vec<u8>,
        said: wire::Said,
    ) {
        let exit =
            wire::Exit { ending: wire::Ending::Exited.into(), code, ..wire::Exit::default() };
        let log = wire::FinalLog { name: "stdio".to_owned(), bytes, sha256, dropped: 0 };
        self.tell(from_worker::Msg::Finished(wire::Finished {
            command,
            exit: Some(exit),
            logs: vec![log],
            at_ms: 2,
            started_ms: 1,
            said: Some(said),
            ..wire::Finished::default()
        }))
        .await;
    }
}

/// What was made, of one kind.
pub(super) fn made(accepted: &Accepted, kind: Kind) -> Vec<String> {
    let of = |id: &&EntityId| id.kind() == kind;
    accepted.made.iter().filter(of).map(|id| id.id.clone()).collect()
}
