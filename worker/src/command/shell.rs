//! Runs one program in the build folder.

use std::io;

use linn_proto::worker::{EnvVar, Exit, Shell};

use crate::exec::env::{self, Env};
use crate::exec::folder;
use crate::exec::limits::not_started;
use crate::exec::program::Program;
use crate::exec::supervise::{COMMAND_VAR, Job, MARK_VAR};
use crate::exec::tail::Tail;
use crate::exec::watch::{Watch, exit_of};
use crate::observe::REPORT_VAR;
use crate::spool::{self, STDIO};

/// Runs the program to its end and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, shell: &Shell) -> io::Result<Exit> {
    let program = match program(watch, job, shell) {
        Ok(program) => program,
        Err(why) => return Ok(not_started(watch.logs.words().mask(&why))),
    };
    let end = watch.run(program)?;
    Ok(exit_of(watch, &end))
}

fn program(watch: &mut Watch<'_>, job: &Job, shell: &Shell) -> Result<Program, String> {
    let base = folder::of_builder(&job.dir, &job.start.builder)?;
    let workdir = folder::below(&base, &shell.workdir, "folder")?;
    let env = step_env(job, &shell.env)?;
    if shell.logfiles.contains_key(STDIO) {
        return Err(format!("a followed file cannot have the log name `{STDIO}`: choose another"));
    }
    let mut tails = Vec::new();
    for (log, name) in spool::log_names(&job.start).iter().enumerate().skip(1) {
        if let Some(file) = shell.logfiles.get(name) {
            let path = folder::below(&workdir, file, "log file")?;
            tails.push(if shell.followed.contains(name) {
                Tail::from_end(log, path)
            } else {
                Tail::new(log, path)
            });
        }
    }
    let dir = folder::make(&base, &workdir)?;
    if let Some(observe) = shell.observe.as_ref().filter(|observe| !observe.report.is_empty()) {
        folder::below(&dir, &observe.report, "test report")?;
        watch.logs.observer.read_tests_from(dir.clone(), &observe.report, &observe.report_format);
    }
    Ok(Program {
        argv: shell.argv.iter().map(Into::into).collect(),
        env,
        dir,
        stdin: shell.stdin.clone(),
        separate: shell.separate,
        pty: shell.pty,
        keep: false,
        tails,
    })
}

/// The environment of anything that runs for a command (PR-1), with the marks by which it is found again.
pub(crate) fn step_env(job: &Job, vars: &[EnvVar]) -> Result<Env, String> {
    let mut env = env::compose(&env::own(), vars)?;
    env.insert(COMMAND_VAR.into(), job.start.command.to_string().into());
    env.insert(MARK_VAR.into(), job.mark.clone().into());
    // Absolute, for the command works in another folder than this process.
    let folder = job.dir.join("spool").join(job.start.command.to_string());
    let report = std::path::absolute(spool::report_path(&folder));
    env.insert(REPORT_VAR.into(), report.unwrap_or_default().into());
    Ok(env)
}
