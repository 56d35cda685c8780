//! A worker and its folder: opened once, run until it is told to end.

use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::rand::GetRandomFlags;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::agent::Agent;
use crate::info;
use crate::session::Greeting;
use crate::settings::Settings;
use crate::spool::{self, Spool};

/// Why a worker ended, or never began.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Another worker has the folder.
    #[error("{} is in use by another worker{}", dir.display(), pid.map(|pid| format!(", pid {pid}")).unwrap_or_default())]
    InUse {
        /// The worker's folder.
        dir: PathBuf,
        /// Who has it, when that could be read.
        pid: Option<u32>,
    },
    /// The folder cannot be used.
    #[error("cannot use the worker's folder {}", dir.display())]
    Folder {
        /// The worker's folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The master does not want this worker, now or later (contract C39).
    #[error("the master refuses this worker: {0}")]
    Refused(String),
}

/// A worker that is not connected yet: the only one of its folder.
#[derive(Debug)]
pub struct Worker {
    settings: Settings,
    spool: Spool,
    instance: [u8; 16],
    lock: File,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Closing is not enough: a program that another thread is just starting has a copy of every descriptor until its
        // `exec`, and with it the lock.
        drop(self.lock.unlock());
    }
}

impl Worker {
    /// Opens the worker's folder, making it when it is not there.
    ///
    /// # Errors
    ///
    /// When another worker has the folder, or it cannot be written.
    pub fn new(mut settings: Settings) -> Result<Self, WorkerError> {
        let folder = |source| WorkerError::Folder { dir: settings.dir.clone(), source };
        // What steps are given and what they leave is nobody else's business. A folder that is there stays as it is.
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(&settings.dir).map_err(folder)?;
        // Supervisors work from another folder: the path must not depend on this process's own.
        let dir = settings.dir.canonicalize().map_err(folder)?;
        let lock = lock(&dir)?;
        let instance = instance(&dir).map_err(folder)?;
        let spool = Spool::open(&dir).map_err(folder)?;
        fs::create_dir_all(dir.join("builds")).map_err(folder)?;
        settings.dir = dir;
        Ok(Self { settings, spool, instance, lock })
    }

    /// Works until `stop` is cancelled or the master refuses this worker for good. Commands that run then go on under
    /// their supervisors, and the next worker of the folder takes them up.
    ///
    /// `connect` is called for every attempt to reach the master; between attempts there is a jittered back-off.
    ///
    /// # Errors
    ///
    /// When the master refuses the worker, or the folder fails.
    pub async fn run<C, F>(self, connect: C, stop: CancellationToken) -> Result<(), WorkerError>
    where
        C: Fn() -> F + Send,
        F: Future<Output = Result<Channel, tonic::transport::Error>> + Send + 'static,
    {
        let greeting = Greeting {
            name: self.settings.name.clone(),
            instance: self.instance.to_vec(),
            info: info::describe(&self.settings.admin, &self.settings.dir),
        };
        let failed = |source| WorkerError::Folder { dir: self.settings.dir.clone(), source };
        let mut agent =
            Agent::new(&self.settings, self.spool.clone(), greeting, mark(&self.instance))
                .map_err(failed)?;
        agent.take_up().map_err(failed)?;
        agent.run(&connect, &stop).await
    }
}

fn lock(dir: &Path) -> Result<File, WorkerError> {
    let failed = |source| WorkerError::Folder { dir: dir.to_owned(), source };
    let options = File::options().read(true).write(true).create(true).truncate(false).clone();
    let mut file = options.open(dir.join("lock")).map_err(failed)?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut text = String::new();
        let _ = file.read_to_string(&mut text);
        return Err(WorkerError::InUse { dir: dir.to_owned(), pid: text.trim().parse().ok() });
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(failed)?;
    Ok(file)
}

/// The number of this folder, made once.
fn instance(dir: &Path) -> io::Result<[u8; 16]> {
    let path = dir.join("instance");
    match fs::read(&path) {
        Ok(bytes) => {
            if let Ok(instance) = <[u8; 16]>::try_from(bytes.as_slice()) {
                return Ok(instance);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut instance = [0; 16];
    rustix::rand::getrandom(&mut instance[..], GetRandomFlags::empty())?;
    // Under the folder's lock: whole or not at all is all that is needed.
    let beside = dir.join("instance.new");
    spool::private_file(&beside)?.write_all(&instance)?;
    fs::rename(beside, path)?;
    Ok(instance)
}

/// What steps carry in their environment, to be found by. The instance itself is not for them to know: who knows it
/// could pass for this worker.
fn mark(instance: &[u8; 16]) -> String {
    Sha256::digest(instance).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_worker_and_the_second_hears_the_pid() {
        let dir = tempfile::tempdir().unwrap();
        let first = Worker::new(Settings::new("a", dir.path())).unwrap();
        let error = Worker::new(Settings::new("a", dir.path())).unwrap_err();
        assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
        drop(first);
        Worker::new(Settings::new("a", dir.path())).unwrap();
    }

    #[test]
    fn the_instance_stays_and_differs_between_folders() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = instance(one.path()).unwrap();
        assert_eq!(instance(one.path()).unwrap(), first);
        assert_ne!(instance(other.path()).unwrap(), first);
    }
}
