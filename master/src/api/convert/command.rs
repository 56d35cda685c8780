//! Commands: orders to workers, and what workers say of themselves and of their commands.

use linn_core::action::HeldVerdict;
use linn_core::config::Vcs;
use linn_core::id::CommandId;
use linn_core::model::{
    Artifact, CheckoutCommand, CommandSpec, CommandWhat, EnvEntry, Exit, FilesCommand, FinalLog,
    Finished, MAX_FILES, ShellCommand, Timeouts, WorkerInfo,
};
use linn_core::properties::{MAX_PROPERTIES, MAX_PROPERTY_BYTES, unfit};
use linn_core::time::{Span, Timestamp};
use linn_proto::worker as wire;
use serde_json::Value;

use super::said;

/// How many bytes of one command's logs a worker may keep unacknowledged on its disk; then the pipe blocks.
pub(crate) const SPOOL_LIMIT_BYTES: u64 = 4 << 30;
/// The longest output that may come along with the end of a command, in bytes.
pub(super) const MAX_CAPTURED_BYTES: usize = 64 * 1024;
/// The longest sentence a worker may say about the end of a command, in bytes.
pub(super) const MAX_SENTENCE_BYTES: usize = 4 * 1024;
/// The longest text a worker may say of itself, in bytes.
const MAX_INFO_BYTES: usize = 256;

/// A command as it is sent; `masked` must not come out of it.
pub(crate) fn start(spec: &CommandSpec, masked: &[String]) -> wire::Start {
    wire::Start {
        command: spec.id.0,
        build: spec.build.to_string(),
        step: spec.step.clone(),
        builder: spec.folder.clone().unwrap_or_else(|| spec.build.builder.to_string()),
        attempt: spec.attempt,
        what: match &spec.what {
            CommandWhat::Shell(command) => Some(wire::start::What::Shell(shell(command, masked))),
            CommandWhat::Checkout(command) => {
                Some(wire::start::What::Checkout(checkout(command, masked)))
            }
            CommandWhat::Files(command) => Some(wire::start::What::Files(files(command))),
            CommandWhat::Upload(command) => Some(wire::start::What::Upload(wire::Upload {
                source: command.source.clone(),
                dest: command.dest.clone(),
                directory: command.directory,
                max_bytes: command.max_bytes,
            })),
            CommandWhat::Download(command) => Some(wire::start::What::Download(wire::Download {
                source: command.source.clone(),
                dest: command.dest.clone(),
                mode: command.mode.unwrap_or_default(),
            })),
            // Never sent: the core orders it of the master's own machine.
            CommandWhat::Here(_) => None,
        },
        timeouts: Some(timeouts(&spec.timeouts)),
        log_limits: Some(wire::LogLimits { max_bytes: spec.log_max_bytes }),
        capture: spec.capture,
    }
}

fn shell(command: &ShellCommand, masked: &[String]) -> wire::Shell {
    wire::Shell {
        argv: command.argv.clone(),
        workdir: command.workdir.clone(),
        env: env(&command.env),
        stdin: command.stdin.clone().unwrap_or_default().into_bytes(),
        separate: command.separate,
        pty: command.pty,
        masked: masked.to_vec(),
        logfiles: command.logfiles.iter().cloned().collect(),
        observe: said::observe(&command.look),
        followed: command.followed.clone(),
    }
}

fn checkout(command: &CheckoutCommand, masked: &[String]) -> wire::Checkout {
    let incremental = command.method == "incremental";
    let mode = if incremental { wire::CheckoutMode::Incremental } else { wire::CheckoutMode::Full };
    let (delay, retries) = command.retry.unwrap_or((Span::ZERO, 0));
    let vcs = match command.vcs {
        Vcs::Git => wire::Vcs::Git,
        Vcs::Hg => wire::Vcs::Hg,
        Vcs::Svn => wire::Vcs::Svn,
    };
    wire::Checkout {
        vcs: vcs.into(),
        repository: command.repository.clone(),
        workdir: command.workdir.clone(),
        branch: command.branch.clone(),
        revision: command.revision.clone(),
        mode: mode.into(),
        method: if incremental { String::new() } else { command.method.clone() },
        shallow: command.shallow.unwrap_or(0),
        submodules: command.submodules,
        retries,
        retry_delay_ms: delay.millis(),
        patch: command.patch.as_ref().map(|patch| wire::Patch {
            level: patch.level,
            diff: patch.diff.clone().into_bytes(),
            subdir: patch.subdir.clone(),
        }),
        codebase: command.codebase.clone(),
        env: env(&command.env),
        masked: masked.to_vec(),
    }
}

fn files(command: &FilesCommand) -> wire::Files {
    use wire::files::What;
    let what = match command {
        FilesCommand::MakeFolder(dir) => What::MakeFolder(dir.clone()),
        FilesCommand::RemoveFolder(dir) => What::RemoveFolder(dir.clone()),
        FilesCommand::CopyFolder { source, dest } => {
            What::CopyFolder(wire::CopyFolder { source: source.clone(), dest: dest.clone() })
        }
        FilesCommand::RemoveFile(file) => What::RemoveFile(file.clone()),
        FilesCommand::Exists(file) => What::Exists(file.clone()),
        FilesCommand::Write { dest, text, mode } => What::Write(wire::WriteFile {
            dest: dest.clone(),
            text: text.clone().into_bytes(),
            mode: mode.unwrap_or_default(),
        }),
    };
    wire::Files { what: Some(what) }
}

fn env(entries: &[EnvEntry]) -> Vec<wire::EnvVar> {
    let one = |entry: &EnvEntry| wire::EnvVar {
        name: entry.name.clone(),
        value: entry.value.clone(),
        prepend: entry.prepend,
    };
    entries.iter().map(one).collect()
}

fn timeouts(timeouts: &Timeouts) -> wire::Timeouts {
    wire::Timeouts {
        silence_ms: timeouts.silence.map_or(0, Span::millis),
        total_ms: timeouts.total.map_or(0, Span::millis),
        term_grace_ms: timeouts.term_grace.millis(),
        max_lines: timeouts.max_lines.unwrap_or(0),
        interrupt_signal: timeouts.interrupt_signal.clone(),
    }
}

/// What becomes of a command that a worker holds; `acked` says how far each log is durable here.
pub(crate) fn held_answer(
    command: CommandId,
    verdict: HeldVerdict,
    acked: impl IntoIterator<Item = (String, u64)>,
) -> wire::HeldAnswer {
    use wire::held_answer::Answer;
    wire::HeldAnswer {
        command: command.0,
        answer: Some(match verdict {
            HeldVerdict::Resume => {
                Answer::Resume(wire::Resume { acked_to: acked.into_iter().collect() })
            }
            HeldVerdict::Forget => Answer::Forget(wire::Forget {}),
            HeldVerdict::Kill => Answer::Kill(wire::KillIt {}),
        }),
    }
}

/// What a worker holds: command, and whether that has ended.
pub(crate) fn read_held(held: &[wire::Held]) -> Vec<(CommandId, bool)> {
    held.iter()
        .map(|one| (CommandId(one.command), one.state() == wire::HeldState::Finished))
        .collect()
}

/// What a worker says of itself, cut to size.
pub(crate) fn read_info(info: wire::WorkerInfo) -> WorkerInfo {
    let cut = |text: String| text.chars().take(MAX_INFO_BYTES).collect();
    WorkerInfo {
        version: cut(info.version),
        platform: cut(info.platform),
        admin: cut(info.admin),
        host: cut(info.host),
        boot_id: cut(info.boot_id),
        cpus: info.cpus,
        memory_bytes: info.memory_bytes,
        folder: cut(info.folder),
    }
}

/// A property that a command found; `None`: what came is no property.
pub(crate) fn read_property(found: &wire::PropertyFound) -> Option<(String, Value)> {
    let named = !found.name.is_empty() && found.name.len() <= 256;
    let fits = found.json.len() <= MAX_PROPERTY_BYTES;
    let value = (named && fits).then(|| serde_json::from_str(&found.json).ok()).flatten()?;
    unfit(&value).is_none().then(|| (found.name.clone(), value))
}

/// The files that a worker says an upload is made of; the error is a sentence.
pub(crate) fn read_files(said: &[wire::StoredFile], most: u64) -> Result<Vec<Artifact>, String> {
    if said.len() > MAX_FILES {
        return Err(format!(
            "the upload has {} files, and at most {MAX_FILES} are kept",
            said.len()
        ));
    }
    let mut left = most;
    let mut files = Vec::with_capacity(said.len());
    for file in said {
        if !Artifact::is_name(&file.name) {
            let name: String = file.name.chars().take(100).collect();
            return Err(format!("`{}` cannot be the name of an upload", name.escape_debug()));
        }
        if file.sha256.len() != 32 {
            return Err("the worker told no digest of a file".to_owned());
        }
        left = left
            .checked_sub(file.bytes)
            .ok_or_else(|| format!("the upload is larger than {most} bytes"))?;
        let sha256 = file.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        files.push(Artifact { name: file.name.clone(), bytes: file.bytes, sha256 });
    }
    Ok(files)
}

/// The end of a command, its logs as they were settled here.
///
/// A worker's clock may be wrong, so its moments are kept between `since`, when the command was ordered, and `now`, when
/// its end was heard of; how long it took is believed as far as that leaves room.
pub(crate) fn read_finished(
    said: wire::Finished,
    logs: Vec<FinalLog>,
    since: Timestamp,
    now: Timestamp,
) -> Finished {
    let took = Span(said.at_ms.saturating_sub(said.started_ms).max(0));
    let at = Timestamp(said.at_ms.min(now.0).max(since.0));
    let began = Timestamp(at.0.saturating_sub(took.millis()).max(since.0.min(at.0)));
    let started_at = (said.started_ms > 0).then_some(began);
    let mut captured = said.captured;
    captured.truncate(MAX_CAPTURED_BYTES);
    Finished {
        command: CommandId(said.command),
        exit: said.exit.as_ref().map_or_else(
            || Exit::Lost("the worker did not say how it ended".to_owned()),
            read_exit,
        ),
        logs,
        properties: said.properties.iter().take(MAX_PROPERTIES).filter_map(read_property).collect(),
        artifacts: Vec::new(),
        captured,
        said: said::read(said.said.unwrap_or_default()),
        started_at,
        at,
    }
}

fn read_exit(exit: &wire::Exit) -> Exit {
    let ending = exit.ending();
    let why = |otherwise: &str| {
        let said: String = exit.why.chars().take(MAX_SENTENCE_BYTES).collect();
        if said.is_empty() { otherwise.to_owned() } else { said }
    };
    match ending {
        wire::Ending::Exited => Exit::Exited(exit.code),
        wire::Ending::Signalled => Exit::Signalled(exit.signal),
        wire::Ending::TimedOutSilent => Exit::TimedOutSilent,
        wire::Ending::TimedOut => Exit::TimedOut,
        wire::Ending::MaxLines => Exit::MaxLines,
        wire::Ending::Interrupted => Exit::Interrupted,
        wire::Ending::NotStarted => Exit::NotStarted(why("the worker could not start it")),
        wire::Ending::Failed => Exit::Failed(why("the worker did not say why")),
        wire::Ending::Unfit => Exit::Unfit(why("the worker did not say why")),
        wire::Ending::Lost => Exit::Lost(why("its machine went away")),
        wire::Ending::Unspecified => {
            Exit::Lost("the worker told of an end that this master does not know".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(started_ms: i64, at_ms: i64) -> wire::Finished {
        let exit = wire::Exit { ending: wire::Ending::Exited.into(), ..wire::Exit::default() };
        wire::Finished { command: 7, at_ms, started_ms, exit: Some(exit), ..Default::default() }
    }

    fn moments(started_ms: i64, at_ms: i64) -> (Option<i64>, i64) {
        let said = finished(started_ms, at_ms);
        let read = read_finished(said, Vec::new(), Timestamp(40_000), Timestamp(50_000));
        assert_eq!(read.exit, Exit::Exited(0));
        (read.started_at.map(|at| at.0), read.at.0)
    }

    #[test]
    fn a_workers_clock_is_believed_within_reason() {
        assert_eq!(moments(41_000, 45_000), (Some(41_000), 45_000), "agrees with ours");
        assert_eq!(moments(998_500, 1_000_000), (Some(48_500), 50_000), "runs ahead");
        assert_eq!(moments(500, 2_000), (Some(40_000), 40_000), "runs behind");
        assert_eq!(moments(0, 45_000), (None, 45_000), "never started");
    }

    #[test]
    fn an_end_without_words_is_a_loss() {
        let said = wire::Finished::default();
        let read = read_finished(said, Vec::new(), Timestamp(1), Timestamp(1));
        assert!(matches!(read.exit, Exit::Lost(_)));
        assert_eq!(read.started_at, None);
    }

    #[test]
    fn what_is_no_property_is_none() {
        let found = |name: &str, json: &str| {
            let (name, json) = (name.to_owned(), json.to_owned());
            read_property(&wire::PropertyFound { command: 1, name, json })
        };
        assert_eq!(found("n", "[1]"), Some(("n".to_owned(), serde_json::json!([1]))));
        assert_eq!(found("", "1"), None);
        assert_eq!(found("n", "{"), None);
        assert_eq!(found("n", &"1".repeat(MAX_PROPERTY_BYTES + 1)), None);
        assert_eq!(found("n", &format!("{}{}", "[".repeat(99), "]".repeat(99))), None);
    }
}
