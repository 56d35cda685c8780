//! Uploads and downloads: what is chosen, what is refused, and how they go on after a cut.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use linn_proto::worker::{Download, Ending, Finished, Upload, start};

use crate::master::{sh, with};
use crate::{World, ending, succeeded, why};

fn base(world: &World) -> PathBuf {
    world.worker_dir().join("builds/linux")
}

fn upload(source: &str, dest: &str) -> Upload {
    Upload { source: source.into(), dest: dest.into(), directory: false, max_bytes: 1 << 30 }
}

async fn send(world: &World, id: u64, what: Upload) -> Finished {
    world.master.start(with(id, start::What::Upload(what)));
    let finished = world.master.finished(id).await;
    // As a master does: the end is taken when every file is there.
    world
        .master
        .until("the files", |kept| {
            let whole = |file: &linn_proto::worker::StoredFile| {
                kept.files.get(&file.sha256).map_or(0, Vec::len) as u64 == file.bytes
            };
            finished.files.iter().all(whole).then_some(())
        })
        .await;
    world.master.ack(id);
    finished
}

fn names(finished: &Finished) -> Vec<(&str, u64)> {
    finished.files.iter().map(|file| (file.name.as_str(), file.bytes)).collect()
}

async fn make(world: &World) {
    let script = "mkdir -p dist/deep .hid; printf one > dist/a.txt; printf three > dist/b.txt; \
        printf x > dist/deep/c.txt; : > dist/empty; ln -s /etc/passwd dist/out.txt";
    let start = crate::master::shell(sh(1, script), |shell| shell.workdir = String::new());
    assert!(succeeded(&world.master.run(start).await));
}

#[tokio::test]
async fn files_globs_and_folders_are_kept() {
    let world = World::new().await;
    make(&world).await;
    let finished = send(&world, 2, upload("dist/a.txt", "")).await;
    assert!(succeeded(&finished), "{finished:?}");
    assert_eq!(names(&finished), [("a.txt", 3)]);
    let sent = world.master.with(|kept| kept.files[&finished.files[0].sha256].clone());
    assert_eq!(sent, b"one");
    assert_eq!(names(&send(&world, 3, upload("dist/a.txt", "x/y.txt")).await), [("x/y.txt", 3)]);
    assert_eq!(names(&send(&world, 4, upload("dist/a.txt", "x/")).await), [("x/a.txt", 3)]);
    let globbed = send(&world, 5, upload("dist/*.txt", "all")).await;
    assert_eq!(names(&globbed), [("all/a.txt", 3), ("all/b.txt", 5)], "links are left out");
    let deep = send(&world, 6, upload("**/*.txt", "")).await;
    assert_eq!(names(&deep), [("a.txt", 3), ("b.txt", 5), ("c.txt", 1)]);
    let folder = Upload { directory: true, ..upload("dist", "d") };
    let kept = send(&world, 7, folder).await;
    assert_eq!(names(&kept), [("d/a.txt", 3), ("d/b.txt", 5), ("d/deep/c.txt", 1), ("d/empty", 0)]);
}

#[tokio::test]
async fn what_cannot_be_kept_is_a_sentence() {
    let world = World::new().await;
    make(&world).await;
    symlink("/etc", base(&world).join("etc")).unwrap();
    std::fs::write(base(&world).join("dist/deep/a.txt"), "other").unwrap();
    let cases = [
        (upload("none.txt", ""), Ending::Failed, "there is no file `none.txt`"),
        (upload("dist", ""), Ending::Failed, "there is no file `dist`"),
        (upload("*.zip", ""), Ending::Failed, "no file matches `*.zip`"),
        (upload("[", ""), Ending::NotStarted, "`[` is no glob"),
        (upload("../x", ""), Ending::NotStarted, "leaves the build folder"),
        (upload("/etc/*", ""), Ending::NotStarted, "leaves the build folder"),
        (upload("etc/passwd", ""), Ending::NotStarted, "over a link that leaves"),
        (upload("**/a.txt", ""), Ending::Failed, "the same name"),
        (Upload { max_bytes: 7, ..upload("dist/*.txt", "") }, Ending::Failed, "max_bytes of 7"),
        (Upload { directory: true, ..upload("none", "") }, Ending::Failed, "no folder `none`"),
    ];
    for (id, (what, how, sentence)) in (10..).zip(cases) {
        let finished = send(&world, id, what).await;
        assert_eq!(ending(&finished), how, "{finished:?}");
        assert!(why(&finished).contains(sentence), "{finished:?}");
        assert!(finished.files.is_empty());
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut() {
    let world = World::new().await;
    let script = "head -c 3000000 /dev/urandom > big.bin";
    let start = crate::master::shell(sh(1, script), |shell| shell.workdir = String::new());
    assert!(succeeded(&world.master.run(start).await));
    let bytes = std::fs::read(base(&world).join("big.bin")).unwrap();
    world.master.with(|kept| kept.cut_files_at = Some(1_000_000));
    let finished = send(&world, 2, upload("big.bin", "")).await;
    let sent = world.master.with(|kept| kept.files[&finished.files[0].sha256].clone());
    assert!(sent == bytes, "{} of {} bytes", sent.len(), bytes.len());

    // A new link: what was not acknowledged is looked at again, and is there.
    world.master.drop_link();
    world.master.session(2).await;
    let finished = send(&world, 3, upload("big.bin", "again")).await;
    assert_eq!(names(&finished), [("again", 3_000_000)]);
}

fn download(dest: &str) -> start::What {
    start::What::Download(Download { source: "tools/x".into(), dest: dest.into(), mode: 0 })
}

#[tokio::test]
async fn a_download_is_resumed_and_put_in_its_place_whole() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..10_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    world.master.with(|kept| {
        kept.offered = Some(bytes.clone());
        kept.cut_files_at = Some(5_000);
    });
    let finished = world.master.run(with(1, download("in/x.bin"))).await;
    assert!(succeeded(&finished), "{finished:?}");
    assert!(std::fs::read(base(&world).join("in/x.bin")).unwrap() == bytes);
    assert_eq!(world.master.with(|kept| kept.fetches.clone()), [0, 5_000]);

    world.master.with(|kept| kept.offered = Some(Vec::new()));
    assert!(succeeded(&world.master.run(with(2, download("in/x.bin"))).await));
    assert_eq!(std::fs::read(base(&world).join("in/x.bin")).unwrap(), b"");
    let finished = world.master.run(with(3, download("../x"))).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    world.master.with(|kept| kept.offered = None);
    let finished = world.master.run(with(4, download("x"))).await;
    assert_eq!(why(&finished), "this build kept no such file");
}
