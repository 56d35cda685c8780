//! `linn master`: the daemon (C19, C26, C36).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::configuration::{self, Chosen, Unusable};
use super::failure::{Failure, say};
use super::logging;
use super::signals::{Asked, Signals};
use crate::config::Facts;
use crate::reload::{Outcome, Refused};
use crate::{Ended, Master, Options, Running, StartError};

pub(super) const EXAMPLE: &str = "Example:
  linn master --dir /var/lib/linn --config /etc/linn/master.star

SIGHUP is `linn reload`. It runs until SIGTERM or SIGINT; builds that run then go on, and the next master takes them up.";

/// Local workers when nobody says how many.
pub(super) const DEFAULT_WORKERS: u32 = 2;

/// `linn master`.
#[derive(Clone, Debug, clap::Args)]
pub struct MasterArgs {
    /// The folder that holds everything: database, logs, keys, and the socket linn.sock
    #[arg(long, value_name = "DIR", default_value = ".linn")]
    dir: PathBuf,
    /// The configuration [default: master.star here, else DIR/master.star, else the built-in one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also listen on this TCP address of this machine, for example 127.0.0.1:9989
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Take webhooks over HTTP on this address, for example 0.0.0.0:8010: POST /hook/NAME
    #[arg(long, value_name = "ADDR")]
    listen_http: Option<SocketAddr>,
    /// The checkout that the built-in configuration builds.
    #[arg(long, value_name = "DIR", hide = true)]
    checkout: Option<PathBuf>,
    /// Local workers of the built-in configuration.
    #[arg(long, value_name = "N", hide = true, default_value_t = DEFAULT_WORKERS)]
    workers: u32,
    /// Started by `linn up`: leave the terminal's session, so that closing it ends nothing.
    #[arg(long, hide = true)]
    detached: bool,
}

#[cfg(feature = "console")]
impl MasterArgs {
    /// The arguments with which `linn up` starts a master that outlives it.
    pub(super) fn detached(dir: &Path, checkout: &Path, workers: u32) -> Vec<std::ffi::OsString> {
        vec![
            "master".into(),
            "--detached".into(),
            "--dir".into(),
            dir.into(),
            "--checkout".into(),
            checkout.into(),
            "--workers".into(),
            workers.to_string().into(),
        ]
    }
}

/// Runs until a signal, or until somebody asks it to end.
///
/// # Errors
/// When it cannot start, or breaks.
pub(super) fn run(args: &MasterArgs) -> Result<ExitCode, Failure> {
    if args.detached {
        // Refused only to the leader of a group of processes, which then has no terminal to lose.
        let _ = rustix::process::setsid();
    }
    logging::for_operators();
    let checkout = args.checkout.clone().unwrap_or_else(here);
    let facts = Facts::read(&checkout, args.workers);
    let Chosen { loaded, file } =
        match configuration::choose(args.config.as_deref(), &args.dir, &facts) {
            Ok(chosen) => chosen,
            Err(Unusable::Told) => return Ok(ExitCode::from(2)),
            Err(Unusable::Failed(failure)) => return Err(failure),
        };
    let notes: Vec<String> = loaded.notes.iter().map(|note| format!("note: {note}")).collect();
    let options = Options {
        dir: args.dir.clone(),
        config: loaded,
        config_file: file.clone(),
        checkout: Some((checkout, args.workers)),
        listen: args.listen,
        listen_http: args.listen_http,
    };
    runtime()?.block_on(async {
        // Before it answers, so that no signal finds it half caught.
        let mut signals = Signals::catch()?;
        let running = Master::start(options).await.map_err(|error| refusal(&error))?;
        // After a start only: before an error's first line there is nothing.
        notes.iter().for_each(|note| say(note));
        running.notes().iter().for_each(|note| say(&format!("note: {note}")));
        announce(&running, file.as_deref());
        serve(running, &mut signals, file).await
    })
}

/// The checkout that the daemon was started in, or just that folder.
fn here() -> PathBuf {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    configuration::checkout_around(&folder).map_or(folder.clone(), Path::to_owned)
}

/// One line when it answers.
fn announce(running: &Running, config: Option<&Path>) {
    let config = config
        .map_or_else(|| "the built-in configuration".to_owned(), |file| file.display().to_string());
    let listening = running.listening().map(|at| format!(" and http://{at}")).unwrap_or_default();
    let hooks = running.takes_hooks().map(|at| format!(", takes hooks at http://{at}/hook/"));
    let listening = format!("{listening}{}", hooks.unwrap_or_default());
    let socket = running.socket().display();
    let pid = std::process::id();
    say(&format!("linn master {pid} answers at unix:{socket}{listening}, following {config}"));
}

/// How often is looked whether the configuration has changed.
const LOOK_AT_CONFIG: Duration = Duration::from_secs(5);
const HOW_TO_FOLLOW: &str = "`linn plan` shows what that changes, `linn reload` follows it";

/// Until it is asked to end, then to the end. A second signal does not wait.
async fn serve(
    running: Running,
    signals: &mut Signals,
    config: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let stamp = || std::fs::metadata(config.as_ref()?).ok()?.modified().ok();
    let mut known = stamp();
    let mut look = tokio::time::interval(LOOK_AT_CONFIG);
    loop {
        tokio::select! {
            _ = look.tick(), if config.is_some() => {
                let found = stamp();
                if found.is_some() && found != known {
                    known = found;
                    let file = config.as_deref().unwrap_or_else(|| Path::new("")).display();
                    say(&format!("note: {file} has changed; {HOW_TO_FOLLOW}"));
                }
            }
            ended = running.wait() => {
                return match ended {
                    Ended::Asked => {
                        finish(running, signals).await;
                        Ok(ExitCode::SUCCESS)
                    }
                    Ended::Broken(why) => {
                        running.stop().await;
                        Err(broken(why))
                    }
                };
            }
            asked = signals.next() => match asked {
                Asked::End => {
                    finish(running, signals).await;
                    return Ok(ExitCode::SUCCESS);
                }
                Asked::Reload => {
                    // Signals are heard while it is evaluated.
                    let reloader = running.reloader();
                    drop(tokio::spawn(async move { tell(reloader.reload("SIGHUP").await) }));
                }
            }
        }
    }
}

/// What a reload without anybody to answer came to.
fn tell(outcome: Result<Outcome, Refused>) {
    match outcome {
        Ok(outcome) => {
            outcome.notes.iter().for_each(|note| say(&format!("note: {note}")));
            if outcome.differences.is_empty() {
                say("no changes");
            }
            outcome.differences.iter().for_each(|difference| say(&difference.to_string()));
        }
        Err(why) => {
            say(&why.to_string());
            say("note: the configuration from before is still followed");
        }
    }
}

async fn finish(running: Running, signals: &mut Signals) {
    let again = async { while signals.next().await != Asked::End {} };
    tokio::select! {
        () = running.stop() => {}
        () = again => {
            // Whatever still runs here would be waited for if this returned. Nothing that was acknowledged is lost by it.
            eprintln!("note: ended at once, at a second signal; running builds go on and are taken up at the next start");
            std::process::exit(ENDED_AT_ONCE);
        }
    }
}

/// The exit code after a second signal: the end was not orderly.
const ENDED_AT_ONCE: i32 = 5;

/// Why a master that ran does no longer.
pub(super) fn broken(why: String) -> Failure {
    Failure::internal("the master had to end")
        .why(why)
        .hint("start it again when that is mended; running builds go on and are taken up then")
}

/// Why a master does not start.
pub(super) fn refusal(error: &StartError) -> Failure {
    Failure::new(u8::try_from(error.exit_code()).unwrap_or(5), error.to_string())
        .why(error.why())
        .hint(error.hint())
}

/// The runtime of a master.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    crate::runtime().map_err(|error| {
        Failure::internal("the system refuses what a master needs to run").why(error.to_string())
    })
}
