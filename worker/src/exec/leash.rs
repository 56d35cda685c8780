//! The agent's end of the line to one supervisor.
//!
//! A task for each supervisor; the agent never waits for it: a command goes in through a channel of one, steering
//! through a watched state of which only the latest value matters.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use crate::exec::frame::{Decoder, Report, Run, Steer, ToSupervisor, encode};

/// One supervisor of this agent's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeashId(pub(crate) u64);

/// What a leash tells the agent.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "moved once and never kept in bulk")]
pub(crate) enum Told {
    /// The supervisor said something.
    Report { leash: LeashId, report: Report },
    /// The supervisor is gone, or the connection to it.
    Gone { leash: LeashId },
}

/// Holds one supervisor. Dropping it lets the supervisor go: an idle one ends, a busy one goes on alone.
#[derive(Debug)]
pub(crate) struct Leash {
    pub(crate) id: LeashId,
    run: mpsc::Sender<Run>,
    steer: watch::Sender<Steer>,
}

impl Leash {
    /// `child`: the supervisor's process when it is our child, to be reaped.
    pub(crate) fn new(
        id: LeashId,
        stream: UnixStream,
        child: Option<Child>,
        steer: Steer,
        told: mpsc::Sender<Told>,
    ) -> Self {
        let (run, runs) = mpsc::channel(1);
        let (steer, steers) = watch::channel(steer);
        tokio::spawn(hold(id, stream, child, runs, steers, told));
        Self { id, run, steer }
    }

    /// Gives a command to an idle supervisor; false when the supervisor is gone.
    pub(crate) fn run(&self, run: Run, steer: Steer) -> bool {
        self.steer.send_replace(steer);
        self.run.try_send(run).is_ok()
    }

    /// Changes what the supervisor should know.
    pub(crate) fn steer(&self, change: impl FnOnce(&mut Steer)) {
        self.steer.send_if_modified(|steer| {
            let before = steer.clone();
            change(steer);
            *steer != before
        });
    }
}

async fn hold(
    id: LeashId,
    stream: UnixStream,
    child: Option<Child>,
    runs: mpsc::Receiver<Run>,
    steers: watch::Receiver<Steer>,
    told: mpsc::Sender<Told>,
) {
    // However the talk ended, the connection is over.
    let _ = talk(id, stream, runs, steers, &told).await;
    let _ = told.send(Told::Gone { leash: id }).await;
    if let Some(mut child) = child {
        let _ = child.wait().await;
    }
}

async fn talk(
    id: LeashId,
    mut stream: UnixStream,
    mut runs: mpsc::Receiver<Run>,
    mut steers: watch::Receiver<Steer>,
    told: &mpsc::Sender<Told>,
) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut decoder = Decoder::default();
    let mut buffer = Vec::with_capacity(4096);
    let mut run = None;
    // An adopted supervisor is told at once how things stand.
    steers.mark_changed();
    loop {
        tokio::select! {
            read = reader.read_buf(&mut buffer) => {
                if read? == 0 {
                    return Ok(());
                }
                decoder.feed(&buffer);
                buffer.clear();
                while let Some(report) = decoder.next::<Report>().map_err(io::Error::other)? {
                    if told.send(Told::Report { leash: id, report }).await.is_err() {
                        return Ok(());
                    }
                }
                continue;
            }
            given = runs.recv() => match given {
                Some(given) => run = Some(given),
                None => return Ok(()),
            },
            changed = steers.changed() => if changed.is_err() {
                return Ok(());
            },
        }
        let steer = Some(steers.borrow_and_update().clone());
        writer.write_all(&encode(&ToSupervisor { run: run.take(), steer })).await?;
    }
}
