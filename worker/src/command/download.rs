//! Puts a file that the agent has fetched into its place (`transfer.rs` fetches it).

use std::fs::{self, File};
use std::io;

use linn_proto::worker::{Download, Exit};

use super::failure::{self, Failure};
use super::files::place;
use super::shell::step_env;
use super::tools::Tools;
use crate::exec::folder::{self, Last};
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;
use crate::id::CommandId;
use crate::transfer;

/// Places it and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, what: &Download) -> io::Result<Exit> {
    let outcome = step_env(job, &[])
        .map_err(Failure::Refused)
        .and_then(|env| perform(&mut Tools { watch, job, env }, what));
    Ok(failure::exit(watch, outcome, "the download"))
}

fn perform(tools: &mut Tools<'_, '_>, what: &Download) -> Result<(), Failure> {
    let command = CommandId(tools.job.start.command).to_string();
    let spool = tools.job.dir.join("spool").join(command);
    let fetched = transfer::fetched(&spool).map_err(Failure::failed)?;
    let base = tools.base()?;
    fs::create_dir_all(&base)?;
    let base = base.canonicalize()?;
    let path = folder::inside(&base, &what.dest, "file", Last::AsItIs).map_err(Failure::Refused)?;
    let mut from = File::open(fetched)?;
    place(&base, &path, &what.dest, what.mode, |mut file| {
        io::copy(&mut from, &mut file).map(drop)
    })?;
    let bytes = fs::metadata(&path)?.len();
    tools.watch.say(&format!("{} ({bytes} bytes)", what.dest));
    Ok(())
}
