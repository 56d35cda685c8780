//! From the arguments to an exit code.

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
#[cfg(feature = "console")]
use tokio::runtime::Builder;

use super::args::{Cli, Command, WorkerCommand};
use super::failure::{Failure, say, shown};
#[cfg(feature = "console")]
use super::logging;

/// The whole program. The caller has called [`linn_worker::supervise_if_asked`] before, where there is a worker.
#[must_use]
pub fn main() -> ExitCode {
    silence_panics();
    // C37: whatever is asked for, first the terminal that a killed console left behind is mended.
    #[cfg(feature = "console")]
    linn_console::heal_terminal();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    // The hook has told of a panic already; what is left of it is the exit code.
    match std::panic::catch_unwind(|| perform(cli)) {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => failure.tell(),
        Err(_) => ExitCode::from(5),
    }
}

fn perform(cli: Cli) -> Result<ExitCode, Failure> {
    let Some(command) = cli.command else {
        #[cfg(feature = "console")]
        return super::console::run(&cli.global, cli.global.ascii);
        #[cfg(not(feature = "console"))]
        return Err(Failure::usage("this linn was built without the console")
            .hint("`linn --help` lists what it has"));
    };
    match command {
        #[cfg(all(feature = "master", feature = "console"))]
        Command::Up(args) => super::up::run(&args, cli.global.ascii),
        #[cfg(all(feature = "master", feature = "console"))]
        Command::Demo(args) => super::demo::run(&args, cli.global.ascii),
        #[cfg(feature = "master")]
        Command::Master(args) => super::daemon::run(&args),
        #[cfg(feature = "master")]
        Command::Check(args) => super::check::run(&args, cli.global.json),
        #[cfg(all(feature = "master", feature = "console"))]
        Command::Init => super::init::run(cli.global.json),
        #[cfg(all(feature = "master", feature = "console"))]
        Command::Plan(args) => super::plan::perform(&args, &cli.global),
        #[cfg(feature = "master")]
        Command::Replay(args) => super::replay::run(&args, cli.global.json),
        #[cfg(feature = "master")]
        Command::Worker(WorkerCommand::Run(args)) => super::worker::run(args, &cli.global),
        #[cfg(feature = "console")]
        Command::Worker(WorkerCommand::Verb(verb)) => {
            logging::for_people();
            let code = small_runtime()?.block_on(linn_console::cli::run_worker(verb, &cli.global));
            Ok(exit_code(code))
        }
        #[cfg(feature = "console")]
        Command::Scripting(linn_console::cli::Scripting::Completions(shell)) => {
            use clap::CommandFactory;
            Ok(exit_code(linn_console::cli::completions::write(&shell, &mut Cli::command())))
        }
        #[cfg(feature = "console")]
        Command::Scripting(command) => {
            logging::for_people();
            let code = small_runtime()?.block_on(linn_console::cli::run(command, &cli.global));
            Ok(exit_code(code))
        }
    }
}

/// For commands that make a few calls: threads would only cost time.
#[cfg(feature = "console")]
pub(super) fn small_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::internal("the system refuses what a program needs to run").why(error.to_string())
    })
}

#[cfg(feature = "console")]
pub(super) fn exit_code(code: linn_console::cli::ExitCode) -> ExitCode {
    ExitCode::from(u8::try_from(code.0).unwrap_or(5))
}

/// Help and version go to standard output; a mistake goes to standard error, with the words of the command line made safe.
fn misread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that has seen enough is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if let Some(name) = to_come(error) {
        return Failure::usage(format!("`{name}` is not in this version of linn yet"))
            .hint("`linn --help` lists what is, `linn man` explains it")
            .tell();
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let help = error.render().to_string();
        say("error: a command is missing here");
        say(&help);
        return ExitCode::from(2);
    }
    let text = error.render().to_string();
    let mut lines: Vec<String> = text.lines().map(shown).filter(|line| !line.is_empty()).collect();
    for line in &mut lines {
        if let Some(tip) = line.trim_start().strip_prefix("tip: ") {
            *line = format!("try: {tip}");
        }
    }
    let tipped = lines.iter().any(|line| line.starts_with("try: "));
    lines.retain(|line| !line.starts_with("For more information"));
    if !tipped {
        lines.push("try: --help, which has an example".to_owned());
    }
    say(&lines.join("\n"));
    ExitCode::from(2)
}

/// Commands that the documents promise and that a later version brings: a hint at something that sounds alike would mislead.
const TO_COME: [&str; 14] = [
    "backup", "can", "doctor", "invite", "join", "login", "logout", "notify", "restore", "revoke",
    "token", "user", "users", "verify",
];

/// The command that was asked for, if it is one of those.
fn to_come(error: &clap::Error) -> Option<&'static str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => TO_COME.into_iter().find(|known| known == name),
        _ => None,
    }
}

/// A panic is a mistake of linn's: people are told so in the usual three lines, and where to look for the rest.
fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic
            .payload()
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        // Standard output was closed: whoever read it has seen enough. The words are those of `println!` and `eprintln!`.
        if words.starts_with("failed printing to std") && words.contains("Broken pipe") {
            std::process::exit(0);
        }
        tracing::error!(place, words, "panic");
        Failure::internal(format!("linn made a mistake of its own, at {place}"))
            .why(words)
            .hint("report it with these lines; nothing that was acknowledged is lost")
            .tell();
    }));
}
