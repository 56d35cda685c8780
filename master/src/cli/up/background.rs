//! The master of `linn up` as a process of its own, and the way to it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use linn_console::client::{Master, ServerAddr, connect, request_id};
use linn_proto::control::ShutdownRequest;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::checkout::{Checkout, State};
use crate::cli::console::of_client;
use crate::cli::daemon::MasterArgs;
use crate::cli::dial::answers;
use crate::cli::failure::{Failure, say};

/// How long a master may take until it answers: a large database is loaded in seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end.
const END_PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks whether it answers or has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A master that runs apart from this process.
pub(super) struct Background {
    address: ServerAddr,
    /// `None`: it was there before us.
    child: Option<Child>,
}

/// What came of starting one.
pub(super) enum Started {
    /// It is there.
    Answers(Box<Background>),
    /// It ended instead, and has told why.
    Ended(ExitCode),
}

impl Background {
    /// The master that answers in that folder, if there is one.
    pub(super) async fn join(state: &State) -> Option<Self> {
        let address = ServerAddr::of_folder(state.dir());
        answers(state.dir()).await.then_some(Self { address, child: None })
    }

    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started or does not answer.
    pub(super) async fn start(
        checkout: &Checkout,
        state: &State,
        workers: u32,
    ) -> Result<Started, Failure> {
        let address = ServerAddr::of_folder(state.dir());
        let mut child = spawn(checkout, state, workers)?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if answers(state.dir()).await {
                return Ok(Started::Answers(Box::new(Self { address, child: Some(child) })));
            }
            if let Some(status) = child.try_wait().map_err(|error| cannot_start(&error))? {
                // Perhaps somebody else's `linn up` was quicker, and its master has the folder.
                if let Some(master) = Self::join(state).await {
                    return Ok(Started::Answers(Box::new(master)));
                }
                say(&last_words(&state.log()));
                let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(5);
                return Ok(Started::Ended(ExitCode::from(code)));
            }
            if Instant::now() > deadline {
                let seconds = START_PATIENCE.as_secs();
                return Err(Failure::unreachable(format!(
                    "the master does not answer after {seconds} s"
                ))
                .why(format!("its own words are in {}", state.log().display()))
                .hint(
                    "try `linn up` again; if it goes on like this, run `linn master` to see why",
                ));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The process, where it was started by us and still runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Ends it, and waits until it has ended.
    ///
    /// # Errors
    /// When it cannot be asked, or does not end.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let channel = connect(&self.address).await.map_err(|error| of_client(&error))?;
        let request = ShutdownRequest { request_id: request_id() };
        Master::new(channel)
            .control()
            .shutdown(request)
            .await
            .map_err(|status| of_client(&status.into()))?;
        let ended = async {
            match &mut self.child {
                Some(child) => drop(child.wait().await),
                None => {
                    while connect(&self.address).await.is_ok() {
                        sleep(LOOK_AGAIN).await;
                    }
                }
            }
        };
        timeout(END_PATIENCE, ended).await.map_err(|_| {
            Failure::internal(format!(
                "the master does not end within {} s",
                END_PATIENCE.as_secs()
            ))
            .hint("it may still be writing; see whether it goes away with `linn builders`")
        })
    }
}

fn spawn(checkout: &Checkout, state: &State, workers: u32) -> Result<Child, Failure> {
    let log = File::create(state.log()).map_err(|error| cannot_start(&error))?;
    let same = log.try_clone().map_err(|error| cannot_start(&error))?;
    // The program that runs, even when its file has been replaced meanwhile.
    Command::new("/proc/self/exe")
        .arg0("linn")
        .args(MasterArgs::detached(state.dir(), checkout.top(), workers))
        .current_dir(checkout.top())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(same)
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| cannot_start(&error))
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::internal("the master cannot be started").why(error.to_string())
}

/// What a master said before it ended.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    match lines.as_slice() {
        [] => "error: the master ended without a word".to_owned(),
        lines => lines[lines.len().saturating_sub(200)..].join("\n"),
    }
}
