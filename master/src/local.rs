//! Local workers: the worker library in this process, over a pipe, by the same protocol as any other worker (F23).
//!
//! Their commands belong to supervisor processes of their own, so they outlive this process like everybody else's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use linn_core::id::WorkerName;
use linn_worker::{Settings, Worker};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Dialler;

/// How long workers may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The workers that run in this process.
pub(crate) struct LocalWorkers {
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl LocalWorkers {
    /// Starts one for each name. `dir` is the state folder; `supervisor` starts commands instead of this very program.
    pub(crate) fn start(
        names: impl IntoIterator<Item = WorkerName>,
        dir: &Path,
        supervisor: Option<&Path>,
        dialler: &Dialler,
    ) -> Self {
        let tasks = TaskTracker::new();
        let ending = CancellationToken::new();
        for name in names {
            let mut settings = Settings::new(name.as_str(), folder(dir, &name));
            if let Some(supervisor) = supervisor {
                supervisor.clone_into(&mut settings.supervisor);
            }
            tasks.spawn(run(name, settings, dialler.clone(), ending.clone()));
        }
        tasks.close();
        Self { tasks, ending }
    }

    /// Ends them; what they run goes on under its supervisors.
    pub(crate) async fn stop(&self) {
        self.ending.cancel();
        if tokio::time::timeout(END_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!("a local worker does not end; left behind");
        }
    }
}

async fn run(name: WorkerName, settings: Settings, dialler: Dialler, ending: CancellationToken) {
    let worker = match Worker::new(settings) {
        Ok(worker) => worker,
        Err(error) => {
            tracing::error!("the local worker {name} cannot be: {}", chain(&error));
            return;
        }
    };
    let connect = || {
        let dialler = dialler.clone();
        async move { Ok(dialler.channel()) }
    };
    if let Err(error) = worker.run(connect, ending).await {
        tracing::error!("the local worker {name} has ended: {}", chain(&error));
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
