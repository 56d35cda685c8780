//! `linn hook git`: a post-receive hook (C28).

use super::GitHook;
use super::commits;
use super::deliver::deliver;
use super::refs;
use super::repository::Repository;
use super::spool::Spool;
use crate::cli::Done;
use crate::cli::session::Door;
use crate::client::ClientError;

/// The most that one push can say: a hundred thousand refs.
const MAX_INPUT_BYTES: u64 = 16 << 20;

pub(super) async fn run(hook: GitHook, at: Door<'_>) -> Done {
    let input = at.io.read_input(MAX_INPUT_BYTES).map_err(|error| {
        ClientError::usage("cannot read the ref updates on standard input").why(error.to_string())
    })?;
    let moved = refs::parse(&input)?;
    let repository = Repository::find(at.place).await?;
    let spool = Spool::of(repository.folder());
    let found = commits::find(&repository, &hook, &moved).await?;
    deliver(at, &spool, &found.changes, found.notes).await
}
