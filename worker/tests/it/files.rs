//! The small steps on files, and that none of them leaves the build folder.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use linn_proto::worker::files::What;
use linn_proto::worker::{CopyFolder, Ending, Files, Finished, WriteFile, start};

use crate::master::with;
use crate::{World, ending, succeeded, why};

async fn act(world: &World, id: u64, what: What) -> Finished {
    world.master.run(with(id, start::What::Files(Files { what: Some(what) }))).await
}

fn base(world: &World) -> PathBuf {
    world.worker_dir().join("builds/linux")
}

fn write(dest: &str, text: &str) -> What {
    What::Write(WriteFile { dest: dest.into(), text: text.into(), mode: 0 })
}

fn copy(source: &str, dest: &str) -> What {
    What::CopyFolder(CopyFolder { source: source.into(), dest: dest.into() })
}

/// A file with a secret is its owner's alone, and a script can be run.
#[tokio::test]
async fn files_have_the_permissions_that_were_asked_for() {
    let world = World::new().await;
    let mode = |name: &str| {
        let found = std::fs::metadata(base(&world).join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    let write = |mode| What::Write(WriteFile { dest: "x".into(), text: "x".into(), mode });
    assert!(succeeded(&act(&world, 1, write(0)).await));
    assert_eq!(mode("x") & 0o600, 0o600);
    assert!(succeeded(&act(&world, 2, write(0o600)).await));
    assert_eq!(mode("x"), 0o600);
    assert!(succeeded(&act(&world, 3, write(0o777)).await));
    assert_eq!(mode("x"), 0o777);
}

#[tokio::test]
async fn folders_and_files_come_and_go() {
    let world = World::new().await;
    let base = base(&world);
    assert!(succeeded(&act(&world, 1, What::MakeFolder("a/b".into())).await));
    assert!(succeeded(&act(&world, 2, What::MakeFolder("a/b".into())).await));
    assert!(base.join("a/b").is_dir());

    assert!(succeeded(&act(&world, 3, write("a/b/c/x.txt", "one\n")).await));
    assert!(succeeded(&act(&world, 4, write("a/b/c/x.txt", "two\n")).await));
    assert_eq!(std::fs::read_to_string(base.join("a/b/c/x.txt")).unwrap(), "two\n");
    assert!(succeeded(&act(&world, 5, What::Exists("a/b/c/x.txt".into())).await));

    let finished = act(&world, 6, What::Exists("a/b".into())).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert_eq!(why(&finished), "`a/b` is a folder, not a file");
    let finished = act(&world, 7, What::Exists("a/none".into())).await;
    assert_eq!(why(&finished), "there is no file `a/none`");

    // What was at the destination is gone, and links stay links.
    symlink("x.txt", base.join("a/b/c/near")).unwrap();
    assert!(succeeded(&act(&world, 8, write("copy/old/y.txt", "old")).await));
    assert!(succeeded(&act(&world, 9, copy("a/b", "copy/old")).await), "{}", world.master.text(9));
    assert!(!base.join("copy/old/y.txt").exists());
    assert_eq!(std::fs::read_to_string(base.join("copy/old/c/x.txt")).unwrap(), "two\n");
    assert!(base.join("copy/old/c/near").is_symlink());
    let finished = act(&world, 10, copy("nowhere", "copy/new")).await;
    assert_eq!(why(&finished), "cannot copy: `nowhere` is not there");
    let finished = act(&world, 11, copy("a", "a/b/inside")).await;
    assert!(why(&finished).contains("one of them lies in the other"), "{finished:?}");

    assert!(succeeded(&act(&world, 12, What::RemoveFolder("a".into())).await));
    assert!(succeeded(&act(&world, 13, What::RemoveFolder("a".into())).await));
    assert!(!base.join("a").exists());
    let finished = act(&world, 14, What::RemoveFolder("copy/old/c/x.txt".into())).await;
    assert_eq!(why(&finished), "`copy/old/c/x.txt` is a file, not a folder");

    let remove = |file: &str| What::RemoveFile(file.into());
    assert!(succeeded(&act(&world, 15, remove("copy/old/c/near")).await));
    assert!(base.join("copy/old/c/x.txt").exists(), "the link went, not the file");
    assert!(succeeded(&act(&world, 16, remove("copy/old/c/x.txt")).await));
    assert!(!base.join("copy/old/c/x.txt").exists());
    assert!(succeeded(&act(&world, 17, remove("copy/old/c/x.txt")).await));
    let finished = act(&world, 18, remove("copy")).await;
    assert_eq!(why(&finished), "`copy` is a folder, not a file");
}

#[tokio::test]
async fn nothing_outside_the_build_folder_is_touched() {
    let world = World::new().await;
    let base = base(&world);
    let outside = world.dir.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("keep.txt"), "mine").unwrap();
    std::fs::create_dir_all(&base).unwrap();
    symlink(&outside, base.join("out")).unwrap();
    symlink(outside.join("keep.txt"), base.join("file")).unwrap();

    let climbing = [
        What::MakeFolder("out/new".into()),
        What::MakeFolder("../new".into()),
        What::RemoveFolder("out/x".into()),
        What::RemoveFolder("/".into()),
        What::RemoveFolder(".".into()),
        What::RemoveFile("out/keep.txt".into()),
        What::RemoveFile("../x".into()),
        What::Exists("out/keep.txt".into()),
        What::Exists("file".into()),
        write("out/keep.txt", "theirs"),
        write("../x", "theirs"),
        write("", "theirs"),
        copy("out", "in"),
        copy("../..", "in"),
        What::MakeFolder("a\0b".into()),
    ];
    for (id, what) in (1..).zip(climbing) {
        let shown = format!("{what:?}");
        let finished = act(&world, id, what).await;
        assert_eq!(ending(&finished), Ending::NotStarted, "{shown}: {finished:?}");
    }
    // A link in the place of a file is replaced, and one in the place of a folder is removed: what it leads to stays.
    assert!(succeeded(&act(&world, 20, write("file", "theirs")).await));
    assert!(succeeded(&act(&world, 21, What::RemoveFolder("out".into())).await));
    assert!(!base.join("out").exists() && !base.join("file").is_symlink());
    assert_eq!(std::fs::read_to_string(outside.join("keep.txt")).unwrap(), "mine");
    assert_eq!(crate::names(&outside), ["keep.txt"]);
}
