//! Local workers: the worker library in this process, over a pipe, by the same protocol as any other worker (F23).
//!
//! Their commands belong to supervisor processes of their own, so they outlive this process like everybody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linn_core::config::Config;
use linn_core::id::WorkerName;
use linn_worker::{Settings, Worker};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Dialler;

/// How long workers may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How long a worker that could not be is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The workers that run in this process.
pub(crate) struct LocalWorkers(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    /// Starts commands instead of this very program.
    supervisor: Option<PathBuf>,
    dialler: Dialler,
    tasks: TaskTracker,
    ending: CancellationToken,
    known: Mutex<Known>,
}

/// Who is to run, and who does.
#[derive(Default)]
struct Known {
    wanted: BTreeSet<WorkerName>,
    running: BTreeMap<WorkerName, CancellationToken>,
}

impl LocalWorkers {
    /// None yet. `dir` is the state folder.
    pub(crate) fn new(dir: &Path, supervisor: Option<&Path>, dialler: Dialler) -> Self {
        Self(Arc::new(Shared {
            dir: dir.to_owned(),
            supervisor: supervisor.map(Path::to_owned),
            dialler,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            known: Mutex::default(),
        }))
    }

    /// Runs those that the configuration wants and nobody else. One that is not declared any more goes on until the master
    /// has shown it out, which is when its builds have ended (RC-3); one that is somebody else's now ends at once, and what
    /// it runs goes on under its supervisors.
    pub(crate) fn follow(&self, config: &Config) {
        if self.0.ending.is_cancelled() {
            return;
        }
        let local = config.workers.values().filter(|worker| worker.local);
        let wanted: BTreeSet<_> = local.map(|worker| worker.name.clone()).collect();
        let mut known = self.0.lock();
        for (name, ending) in &known.running {
            if !wanted.contains(name) && config.workers.contains_key(name) {
                ending.cancel();
            }
        }
        for name in &wanted {
            if !known.running.contains_key(name) {
                let ending = self.0.ending.child_token();
                known.running.insert(name.clone(), ending.clone());
                self.0.tasks.spawn(stay(self.0.clone(), name.clone(), ending));
            }
        }
        known.wanted = wanted;
    }

    /// Ends them; what they run goes on under its supervisors.
    pub(crate) async fn stop(&self) {
        self.0.ending.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(END_PATIENCE, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("a local worker does not end; left behind");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // Whole entries go in and out, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a worker that has ended is to run again; if not, it is forgotten, and may be started anew.
    fn goes_on(&self, name: &WorkerName) -> bool {
        let mut known = self.lock();
        let wanted = known.wanted.contains(name) && !self.ending.is_cancelled();
        if !wanted {
            known.running.remove(name);
        }
        wanted
    }
}

/// A worker for as long as it is wanted. One that was shown out and is declared again comes back.
async fn stay(shared: Arc<Shared>, name: WorkerName, mut ending: CancellationToken) {
    loop {
        run(&shared, &name, ending.clone()).await;
        if !shared.goes_on(&name) {
            return;
        }
        if ending.is_cancelled() {
            // Somebody else's for a moment, and ours again.
            ending = shared.ending.child_token();
            shared.lock().running.insert(name.clone(), ending.clone());
        } else {
            // It could not be, or was turned away.
            tokio::select! {
                () = tokio::time::sleep(AGAIN_AFTER) => {}
                () = ending.cancelled() => {}
            }
        }
    }
}

async fn run(shared: &Shared, name: &WorkerName, ending: CancellationToken) {
    let mut settings = Settings::new(name.as_str(), folder(&shared.dir, name));
    if let Some(supervisor) = &shared.supervisor {
        settings.supervisor.clone_from(supervisor);
    }
    let worker = match Worker::new(settings) {
        Ok(worker) => worker,
        Err(error) => {
            tracing::error!("the local worker {name} cannot be: {}", chain(&error));
            return;
        }
    };
    let connect = || {
        let dialler = shared.dialler.clone();
        async move { Ok(dialler.channel()) }
    };
    if let Err(error) = worker.run(connect, ending).await {
        if shared.lock().wanted.contains(name) {
            tracing::error!("the local worker {name} has ended: {}", chain(&error));
        } else {
            tracing::info!("the local worker {name} has ended, as it is not declared any more");
        }
    }
}

/// Where a worker keeps its things. A name made of dots must not lead out of the folder.
fn folder(dir: &Path, name: &WorkerName) -> PathBuf {
    let name = name.as_str();
    let safe = if name.starts_with('.') { format!("_{name}") } else { name.to_owned() };
    dir.join("workers").join(safe)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let dir = Path::new("/srv/linn");
        assert_eq!(folder(dir, &"local-1".into()), Path::new("/srv/linn/workers/local-1"));
        assert_eq!(folder(dir, &"..".into()), Path::new("/srv/linn/workers/_.."));
    }
}
