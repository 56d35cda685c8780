//! `linn-worker run`, and `linn worker run` in the master's binary: the same arguments and the same code.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::link;
use crate::settings::{File, Settings};
use crate::worker::{Worker, WorkerError};

/// Fewer unacknowledged bytes than one piece of a log has, and nothing would ever be sent.
const LEAST_WINDOW_BYTES: u64 = 64 << 10;

/// Arguments of `run`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Example:\n  linn-worker run --name mac-mini-3 --server unix:/srv/linn/linn.sock --dir /var/lib/linn-worker"
)]
pub struct RunArgs {
    /// The worker's name in the master's configuration
    #[arg(long)]
    pub name: Option<String>,
    /// Where the master is: unix:PATH, or http://127.0.0.1:PORT
    #[arg(long, env = "LINN_SERVER")]
    pub server: Option<String>,
    /// The worker's folder: builds, mirrors, spool, and worker.toml with its settings
    #[arg(long, default_value = ".linn-worker")]
    pub dir: PathBuf,
}

/// Why `run` ended badly: what to print and the exit code of the process (cli.md).
#[derive(Debug)]
pub struct RunError {
    /// One or more lines: `error: ...`, then perhaps `why:` and `try:`.
    pub message: String,
    /// 2 for a mistake in arguments or settings, 3 when refused, 5 for trouble of this machine.
    pub code: u8,
}

impl RunError {
    fn new(code: u8, error: &dyn std::error::Error, advice: &str) -> Self {
        let mut lines = vec![format!("error: {error}")];
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            lines.push(format!("why: {}", text.trim_end().replace('\n', "\n     ")));
            source = cause.source();
        }
        if !advice.is_empty() {
            lines.push(format!("try: {advice}"));
        }
        Self { message: lines.join("\n"), code }
    }

    fn usage(what: &str, advice: &str) -> Self {
        Self { message: format!("error: {what}\ntry: {advice}"), code: 2 }
    }
}

impl From<WorkerError> for RunError {
    fn from(error: WorkerError) -> Self {
        match &error {
            WorkerError::InUse { .. } => Self::new(
                3,
                &error,
                "give this worker another folder with --dir, or end the other one",
            ),
            WorkerError::Refused(_) => Self::new(3, &error, ""),
            WorkerError::Folder { .. } => {
                Self::new(3, &error, "give a folder that can be written with --dir")
            }
        }
    }
}

/// Runs a worker until SIGTERM or SIGINT; what it runs then goes on and is taken up by the next one.
///
/// `default_server`: the master to use when neither arguments, environment nor settings name one. `supervisor`: see
/// [`Settings::supervisor`]; `None` for this very program.
///
/// # Errors
///
/// When arguments or settings are wrong, the folder is in use, or the master refuses the worker.
pub async fn run(args: RunArgs, default_server: Option<String>) -> Result<(), RunError> {
    let file =
        File::read(&args.dir.join("worker.toml")).map_err(|error| RunError::new(2, &error, ""))?;
    let name = args.name.or(file.name).ok_or_else(|| {
        RunError::usage(
            "this worker has no name",
            "--name NAME, as the master's configuration has it",
        )
    })?;
    let server = args.server.or(file.server).or(default_server).ok_or_else(|| {
        RunError::usage(
            "no master to work for",
            "--server unix:PATH, the socket in the master's folder",
        )
    })?;
    let endpoint = link::endpoint(&server).map_err(|error| RunError::new(2, &error, ""))?;
    let mut settings = Settings::new(name, args.dir);
    settings.admin = file.admin.unwrap_or_default();
    if let Some(bytes) = file.log_window_bytes {
        if bytes < LEAST_WINDOW_BYTES {
            let why =
                format!("log_window_bytes = {bytes} is too little for any log to get through");
            return Err(RunError::usage(&why, "at least 65536, or leave it out"));
        }
        settings.log_window_bytes = bytes;
    }
    let worker = Worker::new(settings)?;
    let stop = CancellationToken::new();
    end_on_signal(stop.clone()).map_err(|error| RunError::new(5, &error, ""))?;
    tracing::info!("working for {server}");
    let connect = move || {
        let endpoint = endpoint.clone();
        async move { endpoint.connect().await }
    };
    Ok(worker.run(connect, stop).await?)
}

fn end_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// cli.md, exit codes: what the user can mend is refused with 3; 5 is for mistakes of linn's own.
    #[test]
    fn a_folder_that_cannot_be_used_is_no_mistake_of_linn() {
        let source = std::io::Error::from(std::io::ErrorKind::ReadOnlyFilesystem);
        let error = WorkerError::Folder { dir: "/srv/w".into(), source };
        assert_eq!(RunError::from(error).code, 3);
    }
}
