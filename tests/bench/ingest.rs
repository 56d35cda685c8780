//! A step prints 100 MB in lines of 80 bytes: how fast it is durable, what it costs, when it is sealed.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use linn_proto::console::GetRequest;
use linn_proto::entity::{Kind, entity::Of};

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::World;

const BYTES: u64 = 100_000_000;

/// 100 MB of lines, all different enough to be a fair log, made beforehand: a program that makes them while they are
/// measured would be what is measured. Buildbot's script prints its log the same way.
fn lines() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut out = std::io::BufWriter::new(file.as_file_mut());
    for n in 0..BYTES / 80 {
        let object = n % 1000;
        writeln!(
            out,
            "{n:07} compiling src/module_{object:05}.c -O2 -Wall -o build/objects/{object:06}.o is ok "
        )
        .expect("room on the disk");
    }
    out.flush().expect("room on the disk");
    drop(out);
    file
}

fn config(lines: &Path) -> String {
    let lines = lines.display();
    format!(
        "worker(\"w0\")\n\
         builder(\"b\", workers = [\"w0\"], factory = [shell(\"print\", command = [\"cat\", \"{lines}\"])])\n\
         force_scheduler(\"force\", builders = [\"b\"])\n"
    )
}

/// One log of 100 MB.
pub(crate) fn hundred_megabytes(peer: &Peer) -> Vec<Figure> {
    let lines = lines();
    let mut world = World::new(&config(lines.path()));
    world.start_master();
    let _worker = world.start_worker("w0");
    world.wait_workers(1);
    let master = world.master.as_ref().expect("started");
    let (rss, mut control, mut console) = (master.rss_mib(), world.control(), world.console());
    let began = Instant::now();
    let request = world.force(&mut control, "b");
    world.wait_request(&mut console, request);
    // A build ends only when its logs are durable.
    let seconds = began.elapsed().as_secs_f64();
    let growth = master.peak_mib() - rss;
    let get = GetRequest { kind: Kind::Build.into(), r#ref: "b#1".into() };
    let built = world.runtime.block_on(console.get(get)).expect("the build is there").into_inner();
    let Some(Of::Build(build)) = built.of else { panic!("a build was asked for") };
    assert_eq!(build.steps[0].logs[0].bytes, BYTES, "{}", build.text);
    let ended = Instant::now();
    let sealed = loop {
        if sealed(&world.state().join("logs")) {
            break ended.elapsed();
        }
        if ended.elapsed() > Duration::from_secs(60) {
            break Duration::MAX;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let theirs = peer.measure("bench_log_ingest.py", &["--mb", "20"]);
    let rate = number(theirs.as_ref(), "mb_per_s");
    let seal = number(theirs.as_ref(), "after_build_compress_s");
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let megabytes = BYTES as f64 / 1e6;
    vec![
        Figure::times(
            "100 MB of 80-byte lines, to durable",
            megabytes / seconds,
            "MB/s",
            rate,
            40.0,
        ),
        Figure::at_least("  the same, absolute", megabytes / seconds, "MB/s", 120.0).beside(rate),
        Figure::at_most("  master RSS growth, peak", growth, "MiB", 16.0),
        Figure::at_most("  sealed after the end", sealed.as_secs_f64(), "s", 5.0).beside(seal),
    ]
}

/// Whether there is a sealed log and no plain one left.
fn sealed(folder: &std::path::Path) -> bool {
    let mut found = (false, false);
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "zst") {
                found.0 = true;
            } else if path.extension().is_some_and(|ending| ending == "log") {
                found.1 = true;
            }
        }
    }
    found == (true, false)
}
