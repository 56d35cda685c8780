//! Five hundred workers connect at once to a fresh master.

use std::sync::Arc;
use std::time::Instant;

use linn_proto::worker::worker_client::WorkerClient;
use linn_proto::worker::{FromWorker, Hello, WorkerInfo, from_worker, to_worker};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::World;

const WORKERS: usize = 500;

/// Each on a connection of its own, all in one process; the clock stops when the last is welcome.
pub(crate) fn five_hundred_at_once(peer: &Peer) -> Vec<Figure> {
    let mut world = World::new(&format!(
        "NAMES = [\"w%d\" % i for i in range({WORKERS})]\n\
         [worker(name) for name in NAMES]\n\
         builder(\"b\", workers = NAMES, factory = [shell(\"t\", command = \"true\")])\n"
    ));
    world.start_master();
    let address = Arc::new(format!("unix:{}", world.state().join("linn.sock").display()));
    let began = Instant::now();
    let welcomed = world.runtime.block_on(async {
        let mut joins = Vec::new();
        for n in 0..WORKERS {
            joins.push(tokio::spawn(connect(Arc::clone(&address), n)));
        }
        let mut held = Vec::new();
        for join in joins {
            held.extend(join.await.expect("the task ends"));
        }
        held.len()
    });
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(welcomed, WORKERS, "every worker is welcome");
    let theirs = peer
        .measure("bench_workers.py", &["--counts", "500", "--stagger-ms", "60", "--timeout", "60"]);
    let all = number(theirs.as_ref(), "rows/0/process_start_to_all_s");
    vec![Figure::at_most("500 workers at once, all welcome", seconds, "s", 3.0).beside(all)]
}

/// Dials, says Hello, waits to be welcome; what it returns keeps the connection up.
async fn connect(
    address: Arc<String>,
    n: usize,
) -> Option<(tokio::sync::mpsc::Sender<FromWorker>, tonic::Streaming<linn_proto::worker::ToWorker>)>
{
    let channel = Endpoint::from_shared(address.to_string()).ok()?.connect().await.ok()?;
    let (say, said) = tokio::sync::mpsc::channel(4);
    let hello = Hello {
        name: format!("w{n}"),
        instance: vec![u8::try_from(n % 251).ok()?; 16],
        protocol: linn_proto::PROTOCOL,
        info: Some(WorkerInfo { version: "bench".into(), ..Default::default() }),
        held: Vec::new(),
    };
    say.send(FromWorker { msg: Some(from_worker::Msg::Hello(hello)) }).await.ok()?;
    let mut heard =
        WorkerClient::new(channel).session(ReceiverStream::new(said)).await.ok()?.into_inner();
    let first = heard.next().await?.ok()?;
    matches!(first.msg, Some(to_worker::Msg::Welcome(_))).then_some((say, heard))
}
