//! Sends what a repository's hook has found, so that nothing is lost and no push fails for want of a master (C38).
//!
//! Order of things: send what earlier runs kept, send the new. Whatever cannot be delivered is in the spool when this
//! returns, except what the master finds *wrong*: trying that again would not help.

use std::time::Duration;

use linn_proto::change::NewChange;
use linn_proto::entity::Kind as Thing;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::send;
use super::spool::Spool;
use crate::cli::io::{Io, Stop};
use crate::cli::json;
use crate::cli::session::Door;
use crate::cli::{Done, ExitCode};
use crate::client::{ClientError, Kind, Master, connect};

/// How long a push waits for a master, at most. C38 allows 5 s for all of it; the rest is for the repository's answers.
const DELIVERY: Duration = Duration::from_secs(4);

/// Sends the changes, after what the spool has. `notes` are sentences about what was left out.
pub(super) async fn deliver(
    at: Door<'_>,
    spool: &Spool,
    changes: &[NewChange],
    mut notes: Vec<String>,
) -> Done {
    let kept = spool.read(&mut notes)?;
    for note in notes {
        at.io.tell(&format!("linn: {note}"));
    }
    if kept.is_empty() && changes.is_empty() {
        return Ok(ExitCode::DONE);
    }
    let deadline = Instant::now() + DELIVERY;
    let addr = at.addr();
    let io = at.io;
    let delivery = async {
        let master = Master::new(connect(&addr?).await?);
        for push in &kept {
            match send::submit(&master, &push.changes).await.map_err(Trouble::from) {
                Ok(_) => spool.forget(push)?,
                Err(Trouble::Final(error)) => {
                    spool.refuse(push);
                    io.tell(&format!("linn: an earlier push was refused: {error}"));
                }
                Err(later @ Trouble::Later(_)) => return Err(later),
            }
        }
        let ids = send::submit(&master, changes).await?;
        Ok((master, ids))
    };
    let delivered = match timeout_at(deadline, delivery).await {
        Ok(delivered) => delivered,
        Err(_) => Err(Trouble::Later(ClientError::unreachable("the master does not answer"))),
    };
    match delivered {
        Ok((master, ids)) if at.global.json => {
            print(&master, &ids, io).await?;
            Ok(ExitCode::DONE)
        }
        Ok(_) => Ok(ExitCode::DONE),
        Err(Trouble::Final(error)) => Err(error.into()),
        Err(Trouble::Later(error)) => keep(spool, changes, error, io),
    }
}

/// Why a push was not delivered.
enum Trouble {
    /// The master looked at it and found it wrong: it would again.
    Final(ClientError),
    /// Nobody there, no right, not now, or a wrong address: another time it may work.
    Later(ClientError),
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let error = ClientError::from_status(&status);
        if error.kind() == Kind::Usage { Self::Final(error) } else { Self::Later(error) }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Later(error)
    }
}

/// Nothing is lost: the changes wait in the spool. Only a master that is away is nobody's mistake.
fn keep(spool: &Spool, changes: &[NewChange], error: ClientError, io: &mut Io) -> Done {
    if !changes.is_empty() {
        spool.keep(changes)?;
    }
    if error.kind() != Kind::Unreachable {
        return Err(error.into());
    }
    io.tell(&format!("linn: {error}; this push is kept and sent with the next one"));
    Ok(ExitCode::DONE)
}

async fn print(master: &Master, ids: &[u64], io: &mut Io) -> Result<(), Stop> {
    for id in ids {
        let request =
            linn_proto::console::GetRequest { kind: Thing::Change.into(), r#ref: id.to_string() };
        let change = master.console().get(request).await?.into_inner();
        io.json(&json::entity(&change))?;
    }
    Ok(())
}
