//! A worker against a small master over a real socket, running real commands under real supervisors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod checkout;
mod files;
mod hg;
mod master;
mod observe;
mod resume;
mod run;
mod speed;
mod stop;
mod svn;
mod transfer;

use std::path::{Path, PathBuf};

use linn_proto::worker::{Ending, Finished};
use linn_worker::{Settings, Worker, WorkerError};
use master::Master;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A master and a worker of this process, connected.
struct World {
    dir: tempfile::TempDir,
    master: Master,
    stop: CancellationToken,
    worker: Option<JoinHandle<Result<(), WorkerError>>>,
}

impl World {
    async fn new() -> Self {
        let mut world = Self::without_worker();
        world.worker();
        world.master.session(1).await;
        world
    }

    fn without_worker() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let master = Master::listen(dir.path());
        Self { dir, master, stop: CancellationToken::new(), worker: None }
    }

    /// Starts the worker as a task.
    fn worker(&mut self) {
        let mut settings = Settings::new("w1", self.worker_dir());
        settings.supervisor = env!("CARGO_BIN_EXE_linn-worker").into();
        let worker = Worker::new(settings).unwrap();
        let endpoint = linn_worker::endpoint(&self.master.server()).unwrap();
        let connect = move || {
            let endpoint = endpoint.clone();
            async move { endpoint.connect().await }
        };
        self.worker = Some(tokio::spawn(worker.run(connect, self.stop.clone())));
    }

    fn worker_dir(&self) -> PathBuf {
        self.dir.path().join("w")
    }

    fn build_dir(&self) -> PathBuf {
        self.worker_dir().join("builds/linux/build")
    }

    /// Waits until a file is there, or is gone. Nobody tells of files, so it is looked for.
    async fn until_file(&self, path: &Path, there: bool) {
        let look = async {
            while path.exists() != there {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let looked = tokio::time::timeout(std::time::Duration::from_secs(30), look).await;
        assert!(looked.is_ok(), "{} is there: {}", path.display(), !there);
    }

    fn spooled(&self) -> Vec<String> {
        names(&self.worker_dir().join("spool"))
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn ending(finished: &Finished) -> Ending {
    finished.exit.as_ref().unwrap().ending()
}

fn code(finished: &Finished) -> i32 {
    finished.exit.as_ref().unwrap().code
}

fn why(finished: &Finished) -> &str {
    &finished.exit.as_ref().unwrap().why
}

fn succeeded(finished: &Finished) -> bool {
    ending(finished) == Ending::Exited && code(finished) == 0
}

/// Runs git with settings of its own.
fn git(dir: &Path, args: &[&str]) -> String {
    let out = std::process::Command::new("git")
        .args([
            "-c",
            "user.name=Ana",
            "-c",
            "user.email=ana@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}
