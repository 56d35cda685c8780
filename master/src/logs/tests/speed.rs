//! Measures; run it in release with `cargo test --release -p linn-master logs::tests::speed -- --ignored --nocapture`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::super::{LogStore, Pattern, Start};
use super::*;

fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// Most memory ever in use, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures"]
fn how_fast() {
    runtime().block_on(async {
        let folder = tempfile::tempdir_in(".").unwrap();
        let store = LogStore::open(folder.path()).unwrap();
        for piece in [64 * 1024, 256 * 1024] {
            let key = key(piece as u64);
            let line = b"[ 42%] Building CXX object src/CMakeFiles/some.dir/a/file/of/a/usual/length.cc\n";
            let bytes: Bytes = line.repeat(1_250_000).into();
            let megabytes = bytes.len() as f64 / 1e6;
            let said = digest(&bytes);
            let memory = peak();
            let (began, before) = (Instant::now(), processor());
            let mut offset = 0;
            while offset < bytes.len() {
                let data = bytes.slice(offset..(offset + piece).min(bytes.len()));
                let at = Timestamp(1 + offset as i64 / 10_000);
                store.append(&key, offset as u64, Stream::Out, at, data.clone()).await.unwrap();
                offset += data.len();
            }
            let taken = began.elapsed();
            store.settle(&key, bytes.len() as u64, Some(said)).await.unwrap();
            println!(
                "{megabytes:.0} MB in pieces of {} KiB: taken in at {:.0} MB/s, durable at {:.0} MB/s, {:?} of processor, \
                 {} KiB more memory (targets: 150 MB/s, 16 MiB)",
                piece / 1024,
                megabytes / taken.as_secs_f64(),
                megabytes / began.elapsed().as_secs_f64(),
                processor() - before,
                peak() - memory
            );
            let window = |what: &'static str| {
                let (store, key) = (store.clone(), key.clone());
                async move {
                    let began = Instant::now();
                    for nth in 0..200 {
                        let start = Start::Line(nth * 6_000 + 1);
                        assert_eq!(store.read_lines(&key, start, 50).await.unwrap().lines.len(), 50);
                    }
                    println!("  50 lines anywhere, {what}: {:?}", began.elapsed() / 200);
                    let began = Instant::now();
                    let pattern = Pattern::literal("not there", false).unwrap();
                    assert_eq!(store.count_matches(&key, &pattern).await.unwrap(), 0);
                    println!("  searched through, {what}: {:.0} MB/s", megabytes / began.elapsed().as_secs_f64());
                }
            };
            window("plain").await;
            let (began, before) = (Instant::now(), processor());
            store.seal(key.build, BTreeSet::new()).await.unwrap();
            println!("  sealed in {:?}, {:?} of processor (target 5 s)", began.elapsed(), processor() - before);
            window("sealed").await;
        }
        let (began, before) = (Instant::now(), processor());
        for log in 0..500 {
            let key = key(1_000_000 + log);
            let data = Bytes::from_static(b"hello\n");
            store.append(&key, 0, Stream::Out, Timestamp(1), data).await.unwrap();
            store.settle(&key, 6, None).await.unwrap();
        }
        println!("small logs one after another: {:?} each, {:?} of processor", began.elapsed() / 500, (processor() - before) / 500);
        let began = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for log in 0..500 {
            let store = store.clone();
            all.spawn(async move {
                let key = key(2_000_000 + log);
                let data = Bytes::from_static(b"hello\n");
                store.append(&key, 0, Stream::Out, Timestamp(1), data).await.unwrap();
                store.settle(&key, 6, None).await.unwrap();
            });
        }
        all.join_all().await;
        println!("500 small logs at once: {:?} each", began.elapsed() / 500);
    });
}
