//! A step of a recipe becomes a command, rendered whole: what is run, where, in which environment and within which
//! bounds (PR-1 to PR-3, SS-5, SS-6).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::change::SourceStamp;
use crate::config::{
    Builder, CheckoutMethod, EnvSetting, ShellStep, SourceStep, StepKind, StepSpec, TemplateValue,
};
use crate::id::{CommandId, LogId};
use crate::model::{
    CheckoutCommand, CommandSpec, CommandWhat, DownloadCommand, EnvEntry, Look, ShellCommand,
    TestReport, Timeouts, UploadCommand, secret,
};
use crate::render::{RenderError, Renderer, sort_of};

mod files;
mod here;
mod sequence;

/// Why there is no command.
pub(crate) enum NoCommand {
    /// A value could not be rendered: the step is an exception.
    Render(RenderError),
    /// The build has nothing to check out: the step fails (SS-6).
    NoStamp(String),
}

impl From<RenderError> for NoCommand {
    fn from(error: RenderError) -> Self {
        Self::Render(error)
    }
}

/// A rendered command and how it is shown to people.
pub(crate) struct Rendered {
    pub(crate) spec: CommandSpec,
    pub(crate) shown: String,
}

/// Renders a step that runs on a worker; `None` for one of the master's own. `first_log` is the next free log id.
pub(crate) fn render(
    renderer: &Renderer<'_>,
    builder: &Builder,
    step: &StepSpec,
    name: &str,
    id: CommandId,
    first_log: LogId,
) -> Result<Option<Rendered>, NoCommand> {
    let env = environment(renderer, builder, step)?;
    let mut logs = vec![("stdio".to_owned(), first_log)];
    let (what, shown) = match &step.kind {
        StepKind::Shell(shell) => {
            for (nth, file) in shell.logfiles.iter().enumerate() {
                logs.push((file.name.clone(), LogId(first_log.0 + 1 + nth as u64)));
            }
            let (command, shown) = shell_command(renderer, shell, env)?;
            if let Some(name) = &command.look.warning_log {
                logs.push((name.clone(), LogId(first_log.0 + logs.len() as u64)));
            }
            (CommandWhat::Shell(command), shown)
        }
        StepKind::Source(source) => {
            let command = checkout_command(renderer, source, env)?;
            let shown = show_checkout(&command);
            (CommandWhat::Checkout(command), shown)
        }
        StepKind::Files(files) => {
            let command = files::render(renderer, files)?;
            let shown = command.shown();
            (CommandWhat::Files(command), shown)
        }
        StepKind::Upload(upload) => {
            let workdir = renderer.workdir(&upload.workdir)?;
            if !upload.directory && workdir.contains(['*', '?', '[', '{']) {
                // It would become a part of the glob.
                let what = format!(
                    "the workdir `{workdir}` of an upload cannot hold `*`, `?`, `[` or `{{`"
                );
                return Err(RenderError::new(what).into());
            }
            let command = UploadCommand {
                source: files::below(renderer, &upload.workdir, "source", &upload.source)?,
                dest: renderer.text("dest", &upload.dest)?,
                directory: upload.directory,
                max_bytes: upload.max_bytes,
            };
            let shown = format!("upload {}", command.source);
            (CommandWhat::Upload(command), shown)
        }
        StepKind::Download(download) => {
            let command = DownloadCommand {
                source: renderer.text("source", &download.source)?,
                dest: files::below(renderer, &download.workdir, "dest", &download.dest)?,
                mode: download.mode,
            };
            let shown = format!("download {} to {}", command.source, command.dest);
            (CommandWhat::Download(command), shown)
        }
        StepKind::Here(here) => {
            let own = step.env.iter().map(|setting| entry(renderer, setting));
            let (command, shown) = here::render(renderer, here, own.collect::<Result<_, _>>()?)?;
            (CommandWhat::Here(command), shown)
        }
        StepKind::Assert(_)
        | StepKind::Dynamic(_)
        | StepKind::SetProperties(_)
        | StepKind::Trigger(_) => {
            return Ok(None);
        }
    };
    let limits = &step.limits;
    let capture = matches!(&step.kind, StepKind::Shell(shell) if shell.observe.property.is_some());
    let spec = CommandSpec {
        id,
        build: renderer.build.reference(),
        folder: builder.folder.clone(),
        step: name.to_owned(),
        attempt: renderer.build.attempt,
        what,
        timeouts: Timeouts {
            silence: limits.silence,
            total: limits.total,
            term_grace: limits.term_grace,
            max_lines: limits.max_lines,
            interrupt_signal: limits.interrupt_signal.clone(),
        },
        log_max_bytes: limits.log_max_bytes,
        capture,
        logs,
        secrets: BTreeSet::new(),
    };
    Ok(Some(Rendered { spec: spec.sealed(), shown }))
}

fn shell_command(
    renderer: &Renderer<'_>,
    shell: &ShellStep,
    env: Vec<EnvEntry>,
) -> Result<(ShellCommand, String), RenderError> {
    let (argv, shown) = if shell.then.is_empty() {
        words(renderer, &shell.command)?
    } else {
        let all: Vec<_> = [&shell.command].into_iter().chain(&shell.then).collect();
        sequence::render(renderer, &all)?
    };
    let stdin =
        shell.stdin.as_ref().map(|stdin| renderer.handled_text("stdin", stdin)).transpose()?;
    let command = ShellCommand {
        argv,
        workdir: renderer.workdir(&shell.workdir)?,
        env,
        stdin,
        pty: shell.use_pty,
        separate: kept_apart(shell),
        logfiles: shell
            .logfiles
            .iter()
            .map(|it| Ok((it.name.clone(), renderer.text("the path of a log", &it.path)?)))
            .collect::<Result<_, RenderError>>()?,
        followed: shell.logfiles.iter().filter(|it| it.follow).map(|it| it.name.clone()).collect(),
        look: look(renderer, shell)?,
    };
    Ok((command, shown))
}

/// The words of a command, and how it is shown.
fn words(
    renderer: &Renderer<'_>,
    command: &TemplateValue,
) -> Result<(Vec<String>, String), RenderError> {
    let (argv, shown) = match renderer.handled(command)? {
        // PR-3: text goes to the shell, a list is run as it is.
        Value::String(text) if !text.trim().is_empty() => {
            let shown = secret::shown(&text);
            (vec!["/bin/sh".to_owned(), "-c".to_owned(), text], shown)
        }
        Value::Array(items) => {
            let mut argv = Vec::new();
            flatten(&items, &mut argv)?;
            let shown =
                argv.iter().map(|word| quoted_and_shown(word)).collect::<Vec<_>>().join(" ");
            (argv, shown)
        }
        Value::String(_) => (Vec::new(), String::new()),
        other => {
            let what = format!("the command must be text or a list, not {}", sort_of(&other));
            return Err(RenderError::new(what));
        }
    };
    if argv.first().is_none_or(String::is_empty) {
        return Err(RenderError::new("the command is empty"));
    }
    Ok((argv, shown))
}

/// Whether standard error must not get between what is read from standard output: what the command warns of is no part of a
/// property, and would tear packets of subunit.
fn kept_apart(shell: &ShellStep) -> bool {
    let packets = |report: &TestReport| {
        report.format == "subunit" && report.path.is_none() && shell.observe.report.is_none()
    };
    shell.observe.property.is_some() || shell.observe.tests.as_ref().is_some_and(packets)
}

/// The log of counted warnings, unless the step has one of that name already.
pub(crate) const WARNINGS_LOG: &str = "warnings";

/// What the worker looks for in what the program writes.
fn look(renderer: &Renderer<'_>, shell: &ShellStep) -> Result<Look, RenderError> {
    let mut report = shell.observe.tests.clone();
    if let (Some(report), Some(path)) = (&mut report, &shell.observe.report) {
        let path = renderer.text("report", path)?;
        if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
            let what = format!("the report `{path}` is no file below the work folder");
            return Err(RenderError::new(what));
        }
        report.path = Some(path);
    }
    let taken = shell.logfiles.iter().any(|log| log.name == WARNINGS_LOG);
    let counts = shell.warning_pattern.is_some();
    Ok(Look {
        warning_pattern: shell.warning_pattern.clone(),
        suppressions: shell.observe.suppressions.clone(),
        warning_log: (counts && !taken).then(|| WARNINGS_LOG.to_owned()),
        report,
    })
}

/// The words of a command. Lists in lists are laid flat, as Buildbot does; numbers become text.
fn flatten(items: &[Value], argv: &mut Vec<String>) -> Result<(), RenderError> {
    for item in items {
        match item {
            Value::String(text) => argv.push(text.clone()),
            Value::Number(number) => argv.push(number.to_string()),
            Value::Array(items) => flatten(items, argv)?,
            other => {
                let what = format!("a word of the command is {}, not text", sort_of(other));
                return Err(RenderError::new(what));
            }
        }
    }
    Ok(())
}

/// The same with the names of its secrets, which need no quotation marks of their own.
fn quoted_and_shown(word: &str) -> String {
    let (shown, bare) = (secret::shown(word), secret::filled(word, |_| "x".to_owned()));
    if quoted(&bare) == bare { shown } else { quoted(&shown) }
}

/// A word as one would type it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn checkout_command(
    renderer: &Renderer<'_>,
    source: &SourceStep,
    env: Vec<EnvEntry>,
) -> Result<CheckoutCommand, NoCommand> {
    let stamp = renderer.build.stamps.iter().find(|stamp| stamp.codebase == source.codebase);
    let Some(stamp) = stamp else {
        return Err(NoCommand::NoStamp(if source.codebase.as_str().is_empty() {
            "the build has no source stamp".to_owned()
        } else {
            format!("the build has no source stamp for the codebase {}", source.codebase)
        }));
    };
    let repository = repository(renderer, source, stamp)?;
    // SS-5: the tip of the default branch, whatever the stamp says.
    let (branch, revision, patch) = if source.always_use_latest {
        let declared = renderer.config.codebases.get(&source.codebase);
        (declared.and_then(|codebase| codebase.branch.clone()), None, None)
    } else {
        (stamp.branch.clone(), stamp.revision.clone(), stamp.patch.clone())
    };
    let method = match source.method {
        CheckoutMethod::Incremental => "incremental",
        CheckoutMethod::Clobber => "clobber",
        CheckoutMethod::Fresh => "fresh",
        CheckoutMethod::Clean => "clean",
        CheckoutMethod::Copy => "copy",
    };
    Ok(CheckoutCommand {
        vcs: source.vcs,
        repository,
        codebase: source.codebase.to_string(),
        workdir: renderer.workdir(&source.workdir)?,
        branch,
        revision,
        method: method.to_owned(),
        shallow: source.shallow,
        submodules: source.submodules,
        retry: source.retry,
        patch,
        env,
    })
}

/// The step's own setting, else the stamp's, else the declared codebase's.
fn repository(
    renderer: &Renderer<'_>,
    source: &SourceStep,
    stamp: &SourceStamp,
) -> Result<String, NoCommand> {
    if let Some(repository) = &source.repository {
        return Ok(renderer.text("repository", repository)?);
    }
    if !stamp.repository.is_empty() {
        return Ok(stamp.repository.clone());
    }
    let declared = renderer.config.codebases.get(&source.codebase);
    match declared.map(|codebase| codebase.repository.as_str()) {
        Some(repository) if !repository.is_empty() => Ok(repository.to_owned()),
        _ => Err(NoCommand::NoStamp("nothing says which repository to check out".to_owned())),
    }
}

fn show_checkout(command: &CheckoutCommand) -> String {
    let mut shown = format!("{} {}", command.vcs.word(), quoted(&command.repository));
    if let Some(branch) = &command.branch {
        shown.push(' ');
        shown.push_str(&quoted(branch));
    }
    if let Some(revision) = &command.revision {
        shown.push('@');
        shown.push_str(&quoted(revision));
    }
    shown
}

/// The builder's settings, then the step's; a variable that both set is the step's (PR-1).
fn environment(
    renderer: &Renderer<'_>,
    builder: &Builder,
    step: &StepSpec,
) -> Result<Vec<EnvEntry>, RenderError> {
    let own = |name: &str| step.env.iter().any(|setting| setting.name == name);
    let builders = builder.env.iter().filter(|setting| !own(&setting.name));
    builders.chain(&step.env).map(|setting| entry(renderer, setting)).collect()
}

/// `PYTHONPATH` goes before what is there; a list is joined by the path separator; `None` removes (PR-1).
fn entry(renderer: &Renderer<'_>, setting: &EnvSetting) -> Result<EnvEntry, RenderError> {
    let name = setting.name.clone();
    let wrong = |value: &Value| {
        RenderError::new(format!("the variable {name} must be text, not {}", sort_of(value)))
    };
    let value = match &setting.value {
        None => None,
        Some(value) => match renderer.handled(value)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Array(items) => {
                let words = items.iter().map(|item| item.as_str().ok_or_else(|| wrong(item)));
                Some(words.collect::<Result<Vec<_>, _>>()?.join(":"))
            }
            other => return Err(wrong(&other)),
        },
    };
    let prepend = name == "PYTHONPATH" && value.is_some();
    Ok(EnvEntry { name, value, prepend })
}
