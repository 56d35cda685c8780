//! Real processes for the benchmarks: a master, its workers, a client, and what the kernel says of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use linn_proto::console::console_client::ConsoleClient;
use linn_proto::console::{FollowLogRequest, LogLines};
use linn_proto::control::control_client::ControlClient;
use linn_proto::{change::change_hook_client::ChangeHookClient, console, control, entity};
use tonic::transport::{Channel, Endpoint};

/// Where cargo puts release binaries: two levels above this program.
fn release() -> PathBuf {
    let here = std::env::current_exe().expect("this program has a path");
    here.ancestors().nth(2).expect("target/release/deps").to_path_buf()
}

/// Builds `linn` and `linn-worker` optimised, so that what is measured is what is here.
fn build_binaries() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "linn-master", "-p", "linn-worker"])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the release binaries do not build");
}

/// Follows a log from its first line, as soon as there is one: nothing tells of that to who has no build yet.
pub(crate) async fn follow(
    console: &mut ConsoleClient<Channel>,
    log: &str,
) -> tonic::Streaming<LogLines> {
    let request = FollowLogRequest { log: log.to_owned(), from_line: 1 };
    loop {
        match console.follow_log(request.clone()).await {
            Ok(stream) => return stream.into_inner(),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// A process that ends with its handle.
pub(crate) struct Process(Child);

impl Process {
    /// Its id.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Processor time used so far, in seconds: user and system.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the process lives");
        let after = stat.rsplit(") ").next().expect("a stat line");
        let ticks: f64 =
            after.split(' ').skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    /// Resident memory in MiB.
    pub(crate) fn rss_mib(&self) -> f64 {
        self.status_kib("VmRSS:") / 1024.0
    }

    /// The most resident memory it ever had, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.status_kib("VmHWM:") / 1024.0
    }

    fn status_kib(&self, key: &str) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process lives");
        let line = status.lines().find(|line| line.starts_with(key)).expect("a known key");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A folder with a master in it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// The master's process.
    pub(crate) master: Option<Process>,
    /// For the client's side.
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl World {
    /// A folder with this configuration; nothing runs yet. The first one builds the programs: benchmarks of the core alone need
    /// none.
    pub(crate) fn new(config: &str) -> Self {
        static BUILT: Once = Once::new();
        BUILT.call_once(build_binaries);
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("master.star"), config).expect("the configuration is written");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self { folder, master: None, runtime }
    }

    /// Where things are.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The master's state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Starts the master; returns how long it took until it answered a question.
    pub(crate) fn start_master(&mut self) -> Duration {
        let log = fs::File::create(self.path().join("master.err")).expect("a log");
        let began = Instant::now();
        let child = Command::new(release().join("linn"))
            .args(["master", "--dir"])
            .arg(self.state())
            .arg("--config")
            .arg(self.path().join("master.star"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("linn starts");
        self.master = Some(Process(child));
        let deadline = began + Duration::from_secs(60);
        loop {
            if self.answers() {
                return began.elapsed();
            }
            assert!(Instant::now() < deadline, "the master never answered: {}", self.master_said());
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    fn answers(&self) -> bool {
        let request =
            console::ListRequest { kind: entity::Kind::Builder.into(), ..Default::default() };
        self.runtime.block_on(async {
            match self.endpoint().connect().await {
                Ok(channel) => ConsoleClient::new(channel).list(request).await.is_ok(),
                Err(_) => false,
            }
        })
    }

    fn master_said(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = fs::File::open(self.path().join("master.err")) {
            drop(file.read_to_string(&mut text));
        }
        text
    }

    fn endpoint(&self) -> Endpoint {
        let socket = self.state().join("linn.sock");
        Endpoint::from_shared(format!("unix:{}", socket.display())).expect("a socket path")
    }

    /// A connection to the master.
    pub(crate) fn channel(&self) -> Channel {
        self.runtime.block_on(self.endpoint().connect()).expect("the master answers")
    }

    /// Asking.
    pub(crate) fn console(&self) -> ConsoleClient<Channel> {
        ConsoleClient::new(self.channel()).max_decoding_message_size(64 << 20)
    }

    /// Telling.
    pub(crate) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel())
    }

    /// Submitting changes.
    pub(crate) fn hook(&self) -> ChangeHookClient<Channel> {
        ChangeHookClient::new(self.channel())
    }

    /// Starts a worker process of its own.
    pub(crate) fn start_worker(&self, name: &str) -> Process {
        let log = fs::File::create(self.path().join(format!("{name}.err"))).expect("a log");
        let child = Command::new(release().join("linn-worker"))
            .args(["run", "--name", name, "--server"])
            .arg(format!("unix:{}", self.state().join("linn.sock").display()))
            .arg("--dir")
            .arg(self.path().join(name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("linn-worker starts");
        Process(child)
    }

    /// Waits until so many workers are there.
    pub(crate) fn wait_workers(&self, wanted: usize) {
        let mut console = self.console();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let request = console::ListRequest {
                kind: entity::Kind::Worker.into(),
                limit: 100_000,
                ..Default::default()
            };
            let workers = self.runtime.block_on(console.list(request)).expect("workers are listed");
            let online = workers.into_inner().entities.into_iter().filter(is_online).count();
            if online >= wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{online} of {wanted} workers came: {}",
                self.master_said()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Forces one build of a builder; answers the request's id.
    pub(crate) fn force(&self, control: &mut ControlClient<Channel>, builder: &str) -> u64 {
        let request = control::ForceRequest {
            builders: vec![builder.into()],
            reason: "bench".into(),
            ..Default::default()
        };
        let accepted = self.runtime.block_on(control.force(request)).expect("forced").into_inner();
        let id = accepted.made.iter().find(|made| made.kind() == entity::Kind::Request);
        id.and_then(|made| made.id.parse().ok()).expect("a request was made")
    }

    /// Waits for a request's end and answers it.
    pub(crate) fn wait_request(&self, console: &mut ConsoleClient<Channel>, request: u64) {
        let wait =
            console::WaitRequest { kind: entity::Kind::Request.into(), r#ref: request.to_string() };
        self.runtime.block_on(console.wait(wait)).expect("the request ends");
    }
}

fn is_online(entity: &entity::Entity) -> bool {
    matches!(&entity.of, Some(entity::entity::Of::Worker(worker)) if worker.state == "online")
}

/// The value below which so many hundredths of the sorted values lie.
pub(crate) fn percentile(values: &mut [f64], hundredths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * hundredths / 100).min(values.len() - 1);
    values[at]
}
