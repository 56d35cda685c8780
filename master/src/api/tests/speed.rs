//! A measurement, not a test: what a forced one-step build costs the master, by thread.
//!
//! ```text
//! cargo test --release -p linn-master --lib api::tests::speed -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linn_proto::console::WaitRequest;
use linn_proto::control::ForceRequest;
use linn_proto::entity::Kind;
use linn_proto::worker::to_worker;
use tokio::runtime::{Builder, Runtime};

use super::site::{FakeWorker, Site, made};

const BUILDS: usize = 3_000;

/// CPU of each named group of threads of this process.
fn cpu() -> BTreeMap<String, Duration> {
    let mut by_name: BTreeMap<String, Duration> = BTreeMap::new();
    let tick = 1000 / rustix::param::clock_ticks_per_second();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let (head, rest) = stat.rsplit_once(") ").unwrap();
        let name = head.split_once('(').unwrap().1.to_owned();
        let fields: Vec<u64> =
            rest.split(' ').skip(11).take(2).map(|it| it.parse().unwrap()).collect();
        let spent = Duration::from_millis(fields.iter().sum::<u64>() * tick);
        *by_name.entry(name).or_default() += spent;
    }
    by_name
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build().unwrap()
}

fn measure(slots: usize) {
    let (master, client) = (runtime("master"), runtime("client"));
    let names: Vec<String> = (0..slots).map(|slot| format!("b{slot}")).collect();
    let builder = |name: &String| {
        let step = "shell(\"true\", command = [\"true\"])";
        format!("builder(\"{name}\", workers = [\"w\"], factory = [{step}])")
    };
    let mut lines = vec!["worker(\"w\")".to_owned()];
    lines.extend(names.iter().map(builder));
    lines.push(format!("force_scheduler(\"f\", builders = {names:?})"));
    let star = lines.join("\n");
    let site = Arc::new(master.block_on(Site::start(&star)));
    let before = cpu();
    let began = Instant::now();
    client.block_on(async {
        let mut worker = FakeWorker::join(&site, "w").await;
        let working = tokio::spawn(async move {
            while let Some(said) = worker.try_hear().await {
                if let to_worker::Msg::Start(start) = said {
                    worker.finish(start.command, 0, 0).await;
                }
            }
        });
        let mut forcing = tokio::task::JoinSet::new();
        for name in names {
            let site = site.clone();
            forcing.spawn(async move {
                for _ in 0..BUILDS / slots {
                    let builders = vec![name.clone()];
                    let request = ForceRequest { builders, ..ForceRequest::default() };
                    let accepted = site.force(request).await.unwrap();
                    let r#ref = made(&accepted, Kind::Buildset).remove(0);
                    let request = WaitRequest { kind: Kind::Buildset.into(), r#ref };
                    site.console().wait(request).await.unwrap();
                }
            });
        }
        forcing.join_all().await;
        working.abort();
    });
    let wall = began.elapsed();
    let after = cpu();
    let count = u32::try_from(BUILDS / slots * slots).unwrap();
    println!(
        "{slots} slots: {:.0} builds/s, {:?}",
        f64::from(count) / wall.as_secs_f64(),
        site.running.metrics()
    );
    for (name, spent) in after {
        let spent = spent.saturating_sub(before.get(&name).copied().unwrap_or_default());
        println!("  {name:16} {:?} a build", spent / count);
    }
    let site = Arc::into_inner(site).expect("nobody else has it");
    drop(master.block_on(site.stop()));
}

#[test]
#[ignore = "a measurement"]
fn forced_builds() {
    measure(1);
    measure(50);
}
