//! A site: a folder with a `master.star`, a real master process, real worker processes, and the command line.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test gives up: the machine is shared.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A binary that cargo has built for this test run.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("this test has a path");
    let folder = here.ancestors().nth(2).expect("target/PROFILE/deps");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo test --workspace`, which builds it",
        path.display()
    );
    path
}

/// A process that is killed with its handle.
pub struct Running(Child);

impl Running {
    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it at once, as a crash would, and waits until it is gone.
    pub fn kill_9(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }

    /// Asks it to end and answers its exit code.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        rustix::process::kill_process(pid.expect("not zero"), rustix::process::Signal::TERM)
            .expect("a child that was not waited for can be signalled");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "process {} does not end on TERM", self.pid());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_9();
    }
}

/// A folder in which a master lives.
pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    /// A folder with this configuration; nothing runs yet.
    ///
    /// # Panics
    /// When the folder cannot be made.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("linn-site-").tempdir().expect("a folder");
        fs::write(folder.path().join("master.star"), config).expect("the configuration is written");
        Self { folder }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The master's state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The master's local socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.state().join("linn.sock")
    }

    /// Starts the master and waits until it answers.
    pub fn master(&self) -> Running {
        self.master_with(&[])
    }

    /// The same, with more arguments.
    pub fn master_with(&self, more: &[&str]) -> Running {
        let mut running = self.spawn("linn", "master.err", |command| {
            command.arg("master").arg("--dir").arg(self.state());
            command.arg("--config").arg(self.path().join("master.star"));
            command.args(more);
        });
        self.until_it_answers(&mut running);
        running
    }

    fn until_it_answers(&self, master: &mut Running) {
        let deadline = Instant::now() + PATIENCE;
        while !self.linn(["builders", "--json"]).status.success() {
            if let Some(status) = master.0.try_wait().expect("a child can be waited for") {
                panic!("the master ended with {status}: {}", self.said("master.err"));
            }
            assert!(
                Instant::now() < deadline,
                "the master never answered: {}",
                self.said("master.err")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts a worker process that dials this socket.
    pub fn worker_at(&self, name: &str, socket: &Path) -> Running {
        self.spawn("linn-worker", &format!("{name}.err"), |command| {
            command.args(["run", "--name", name, "--server"]);
            command.arg(format!("unix:{}", socket.display()));
            command.arg("--dir").arg(self.path().join(name));
        })
    }

    /// Starts a worker process and waits until the master has it.
    pub fn worker(&self, name: &str) -> Running {
        let running = self.worker_at(name, &self.socket());
        self.until_worker(name, "online");
        running
    }

    /// Waits until a worker is in a state.
    ///
    /// # Panics
    /// When it never is.
    pub fn until_worker(&self, name: &str, state: &str) {
        self.until(&format!("worker {name} is {state}"), || {
            let workers = self.json(["workers"]);
            workers.iter().any(|worker| worker["name"] == name && worker["state"] == state)
        });
    }

    /// Asks again and again until something holds: for what has no event to wait for from outside.
    ///
    /// # Panics
    /// When it never does.
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "never: {what}\nmaster: {}\nevents: {}",
                self.said("master.err"),
                String::from_utf8_lossy(&self.linn(["events"]).stdout)
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn spawn(&self, name: &str, log: &str, fill: impl FnOnce(&mut Command)) -> Running {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path().join(log))
            .expect("a log");
        let mut command = Command::new(binary(name));
        fill(&mut command);
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.env_remove("LINN_SERVER");
        Running(command.spawn().expect("the binary starts"))
    }

    /// What a process wrote on standard error.
    #[must_use]
    pub fn said(&self, log: &str) -> String {
        fs::read_to_string(self.path().join(log)).unwrap_or_default()
    }

    /// A `linn` command against this site's master, not yet run.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary("linn"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env("LINN_SERVER", format!("unix:{}", self.socket().display()));
        command.env_remove("NO_COLOR");
        command
    }

    /// Runs a `linn` command to its end.
    ///
    /// # Panics
    /// When the binary cannot be started.
    pub fn linn<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(arguments).output().expect("linn runs")
    }

    /// Runs a `linn` command that must succeed; answers what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let ran = self.linn(arguments);
        assert!(
            ran.status.success(),
            "linn failed with {}: {}\nmaster: {}",
            ran.status,
            String::from_utf8_lossy(&ran.stderr),
            self.said("master.err")
        );
        String::from_utf8(ran.stdout).expect("linn prints UTF-8")
    }

    /// Runs a reading command with `--json`; answers its objects.
    ///
    /// # Panics
    /// When it fails or prints something else.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<Value> {
        let mut all: Vec<_> =
            arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        all.push("--json".into());
        self.ok(all)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
            .collect()
    }

    /// One build with all that is known of it.
    #[must_use]
    pub fn build(&self, reference: &str) -> Value {
        self.json(["build", reference]).pop().expect("one build")
    }

    /// Waits until `linn events -f` tells of something; answers that event.
    ///
    /// # Panics
    /// When it never does.
    pub fn until_event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut command = self.command(["events", "-f", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("linn runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (say, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        let found = loop {
            let Ok(line) = heard.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            else {
                break None;
            };
            let event: Value = serde_json::from_str(&line).expect("a JSON object a line");
            if wanted(&event) {
                break Some(event);
            }
            seen.push(line);
        };
        drop(child.kill());
        drop(child.wait());
        found.unwrap_or_else(|| panic!("never: {what}; seen:\n{}", seen.join("\n")))
    }
}
