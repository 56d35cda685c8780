//! Checkouts with Mercurial, against repositories made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use linn_proto::worker::{Checkout, CheckoutMode, Ending, Finished, Patch, Vcs, start};

use crate::master::{sh, with};
use crate::{World, ending, succeeded, why};

fn hg(dir: &Path, args: &[&str]) -> String {
    let out = Command::new("hg")
        .args(["--config", "ui.username=Ana <ana@example.com>"])
        .args(args)
        .current_dir(dir)
        .env("HGRCPATH", "")
        .env("HGPLAIN", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "hg {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Two commits on `default`, one on `side branch`, which begins at the first.
fn repository(dir: &Path) -> PathBuf {
    let path = dir.join("repo");
    std::fs::create_dir(&path).unwrap();
    hg(&path, &["init"]);
    std::fs::write(path.join(".hgignore"), "syntax: glob\n*.o\n").unwrap();
    commit(&path, "a.txt", "one\n");
    hg(&path, &["branch", "-q", "side branch"]);
    commit(&path, "a.txt", "side\n");
    hg(&path, &["update", "-q", "0"]);
    commit(&path, "a.txt", "two\n");
    path
}

fn commit(repository: &Path, file: &str, text: &str) -> String {
    std::fs::write(repository.join(file), text).unwrap();
    hg(repository, &["commit", "-q", "-A", "-m", text.trim()]);
    hg(repository, &["log", "-r", ".", "-T", "{node}"])
}

fn of(repository: &Path) -> Checkout {
    Checkout {
        repository: repository.to_str().unwrap().into(),
        workdir: "build".into(),
        mode: CheckoutMode::Incremental.into(),
        vcs: Vcs::Hg.into(),
        ..Checkout::default()
    }
}

fn full(repository: &Path, method: &str) -> Checkout {
    Checkout { mode: CheckoutMode::Full.into(), method: method.into(), ..of(repository) }
}

async fn check_out(world: &World, id: u64, what: Checkout) -> Finished {
    world.master.run(with(id, start::What::Checkout(what))).await
}

fn got(finished: &Finished) -> String {
    let property = finished.properties.iter().find(|found| found.name == "got_revision").unwrap();
    let value: serde_json::Value = serde_json::from_str(&property.json).unwrap();
    value.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn branches_revisions_and_what_comes_later() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let id = |rev: &str| hg(&repository, &["log", "-r", rev, "-T", "{node}"]);
    let (first, side, tip) = (id("0"), id("1"), id("2"));
    let file = world.build_dir().join("a.txt");

    let finished = check_out(&world, 1, of(&repository)).await;
    assert!(succeeded(&finished), "{finished:?}\n{}", world.master.text(1));
    assert_eq!((got(&finished), read(&file)), (tip.clone(), "two\n".into()));
    let on_side = Checkout { branch: Some("side branch".into()), ..of(&repository) };
    assert_eq!(got(&check_out(&world, 2, on_side).await), side);
    let at_first = Checkout { revision: Some(first.clone()), ..of(&repository) };
    assert_eq!(got(&check_out(&world, 3, at_first).await), first);
    assert!(!world.master.text(3).contains("hg pull"), "it was there already");
    let short = Checkout { revision: Some(side[..12].into()), ..of(&repository) };
    assert_eq!(got(&check_out(&world, 4, short).await), side);
    assert_eq!(read(&file), "side\n");

    let new = commit(&repository, "b.txt", "three\n");
    let finished = check_out(&world, 5, of(&repository)).await;
    assert_eq!((got(&finished), read(world.build_dir().join("b.txt"))), (new, "three\n".into()));

    let nowhere = Checkout { branch: Some("nope".into()), ..of(&repository) };
    let finished = check_out(&world, 6, nowhere).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).starts_with("there is no branch `nope` in "), "{finished:?}");
    assert!(world.build_dir().join("b.txt").exists(), "the tree is kept");
    for (id, branch) in (7..).zip(["--config=x", "a\"b", "../x"]) {
        let what = Checkout { branch: Some(branch.into()), ..of(&repository) };
        let finished = check_out(&world, id, what).await;
        assert_eq!(ending(&finished), Ending::NotStarted);
        assert!(why(&finished).contains("cannot be a branch"), "{finished:?}");
    }
    let option = Checkout { repository: "ssh://-oProxyCommand=x/y".into(), ..of(&repository) };
    let finished = check_out(&world, 20, option).await;
    assert!(why(&finished).contains("its host begins with `-`"), "{finished:?}");
}

#[tokio::test]
async fn methods_patches_and_what_a_killed_hg_left() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let dirty = |id| {
        let script = "echo x > new.txt; echo x > new.o; echo changed > a.txt";
        world.master.run(sh(id, script))
    };
    let there = |name: &str| world.build_dir().join(name).exists();
    assert!(succeeded(&check_out(&world, 1, of(&repository)).await));
    for (id, method, untracked, ignored) in
        [(10, "", true, true), (20, "clean", false, true), (30, "fresh", false, false)]
    {
        dirty(id).await;
        let what = if method.is_empty() { of(&repository) } else { full(&repository, method) };
        assert!(succeeded(&check_out(&world, id + 1, what).await), "{}", world.master.text(id + 1));
        assert_eq!((there("new.txt"), there("new.o")), (untracked, ignored), "{method}");
        assert_eq!(read(world.build_dir().join("a.txt")), "two\n");
    }
    for (id, method) in [(40, "clobber"), (50, "copy")] {
        dirty(id).await;
        assert!(succeeded(&check_out(&world, id + 1, full(&repository, method)).await));
        assert!(!there("new.txt") && !there("new.o"), "{method}");
    }

    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n two\n+patched\n";
    let patch = |diff: &str| Some(Patch { level: 1, diff: diff.into(), subdir: String::new() });
    let finished = check_out(&world, 60, Checkout { patch: patch(diff), ..of(&repository) }).await;
    assert!(succeeded(&finished), "{}", world.master.text(60));
    assert_eq!(read(world.build_dir().join("a.txt")), "two\npatched\n");
    let wrong = diff.replace(" two", " three");
    let finished =
        check_out(&world, 61, Checkout { patch: patch(&wrong), ..of(&repository) }).await;
    assert!(why(&finished).starts_with("the patch does not apply"), "{finished:?}");
    assert_eq!(read(world.build_dir().join("a.txt")), "two\n");
    let outside = "--- a/../../x\n+++ b/../../x\n@@ -0,0 +1 @@\n+x\n";
    let finished =
        check_out(&world, 62, Checkout { patch: patch(outside), ..of(&repository) }).await;
    assert_eq!(ending(&finished), Ending::Failed, "{}", world.master.text(62));

    // A killed hg leaves its locks and half a transaction.
    let kept = world.build_dir().join(".hg");
    std::os::unix::fs::symlink("elsewhere:1", kept.join("wlock")).unwrap();
    std::os::unix::fs::symlink("elsewhere:1", kept.join("store/lock")).unwrap();
    let new = commit(&repository, "c.txt", "four\n");
    assert_eq!(got(&check_out(&world, 70, of(&repository)).await), new);
    // One that is spoilt is made anew.
    std::fs::write(kept.join("store/00changelog.i"), "rubbish").unwrap();
    let finished = check_out(&world, 71, of(&repository)).await;
    assert_eq!(got(&finished), new, "{}", world.master.text(71));
}
