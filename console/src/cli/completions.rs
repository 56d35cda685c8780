//! `linn completions`: what a shell needs to complete linn's commands.

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;

use super::io::Stop;
use super::session::Door;
use super::{Done, ExitCode, Global, Scripting};

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn completions bash > ~/.local/share/bash-completion/completions/linn";

/// `linn completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    /// The completions of `command`, the binary's whole parser: it knows commands that are not here.
    #[must_use]
    pub fn script(&self, command: &mut Command) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "linn", &mut script);
        script
    }
}

/// Prints the completions of `command` on standard output, for a binary that has more commands than [`Scripting`].
pub fn write(completions: &Completions, command: &mut Command) -> ExitCode {
    let mut io = super::Io::standard();
    let done = print(&completions.script(command), &mut io).map(|()| ExitCode::DONE);
    super::finish(done, &mut io)
}

pub(crate) fn run(completions: &Completions, at: &mut Door<'_>) -> Done {
    let command = Scripting::augment_subcommands(Command::new("linn"));
    let mut command = Global::augment_args(command);
    print(&completions.script(&mut command), at.io)?;
    Ok(ExitCode::DONE)
}

fn print(script: &[u8], io: &mut super::Io) -> Result<(), Stop> {
    io.bytes(script)
}
