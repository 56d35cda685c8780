//! Checkouts with git, against repositories made here.

use std::path::{Path, PathBuf};

use linn_proto::worker::{Checkout, CheckoutMode, Ending, Finished, Patch, start};

use crate::master::{sh, with};
use crate::{World, ending, git, names, succeeded, why};

/// A repository with two commits on `main`, one on `side`, and a tag.
fn repository(dir: &Path) -> PathBuf {
    let path = dir.join("repo");
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet"]);
    commit(&path, "a.txt", "one\n");
    git(&path, &["tag", "v1"]);
    commit(&path, "a.txt", "two\n");
    git(&path, &["branch", "side", "v1"]);
    path
}

fn commit(repository: &Path, file: &str, text: &str) -> String {
    std::fs::write(repository.join(file), text).unwrap();
    git(repository, &["add", "."]);
    git(repository, &["commit", "--quiet", "--allow-empty", "-m", text.trim()]);
    git(repository, &["rev-parse", "HEAD"])
}

fn of(repository: &Path) -> Checkout {
    Checkout {
        repository: repository.to_str().unwrap().into(),
        workdir: "build".into(),
        branch: Some("main".into()),
        mode: CheckoutMode::Incremental.into(),
        ..Checkout::default()
    }
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
async fn branches_revisions_and_the_default_branch() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let tip = git(&repository, &["rev-parse", "main"]);
    let first = git(&repository, &["rev-parse", "v1"]);
    let file = world.build_dir().join("a.txt");

    let finished = check_out(&world, 1, of(&repository)).await;
    assert!(succeeded(&finished), "{finished:?}\n{}", world.master.text(1));
    assert_eq!((got(&finished), read(&file)), (tip.clone(), "two\n".into()));
    assert!(world.master.text(1).contains("$ git fetch"), "{}", world.master.text(1));
    world.master.until("property", |kept| (!kept.properties.is_empty()).then_some(())).await;
    assert_eq!(git(&world.build_dir(), &["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    assert_eq!(
        git(&world.build_dir(), &["remote", "get-url", "origin"]),
        repository.to_str().unwrap()
    );

    let finished =
        check_out(&world, 2, Checkout { revision: Some(first.clone()), ..of(&repository) }).await;
    assert_eq!((got(&finished), read(&file)), (first.clone(), "one\n".into()));
    let finished =
        check_out(&world, 3, Checkout { branch: Some("side".into()), ..of(&repository) }).await;
    assert_eq!(got(&finished), first);
    let finished =
        check_out(&world, 4, Checkout { branch: None, codebase: "lib".into(), ..of(&repository) })
            .await;
    assert_eq!(got(&finished), tip);
    assert!(finished.properties[0].json.contains("\"lib\""));
    let finished =
        check_out(&world, 5, Checkout { branch: Some("refs/tags/v1".into()), ..of(&repository) })
            .await;
    assert_eq!(got(&finished), first);
    let finished =
        check_out(&world, 6, Checkout { revision: Some("v1".into()), ..of(&repository) }).await;
    assert_eq!(got(&finished), first);

    let new = commit(&repository, "a.txt", "three\n");
    let finished = check_out(&world, 7, of(&repository)).await;
    assert_eq!((got(&finished), read(&file)), (new, "three\n".into()));
}

#[tokio::test]
async fn a_revision_that_no_branch_has_any_more_is_still_found() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let gone = git(&repository, &["rev-parse", "main"]);
    git(&repository, &["reset", "--quiet", "--hard", "v1"]);
    let new = commit(&repository, "a.txt", "forced\n");
    assert_ne!(gone, new);
    let finished =
        check_out(&world, 1, Checkout { revision: Some(gone.clone()), ..of(&repository) }).await;
    assert!(succeeded(&finished), "{}", world.master.text(1));
    assert_eq!(got(&finished), gone);
    assert_eq!(got(&check_out(&world, 2, of(&repository)).await), new);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_one_sentence() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let finished =
        check_out(&world, 1, Checkout { branch: Some("nope".into()), ..of(&repository) }).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).starts_with("there is no branch `nope`"), "{finished:?}");
    let unknown = Some("0123456789012345678901234567890123456789".to_owned());
    let finished = check_out(&world, 2, Checkout { revision: unknown, ..of(&repository) }).await;
    assert!(why(&finished).starts_with("there is no revision 0123"), "{finished:?}");
    let finished = check_out(&world, 3, of(&world.dir.path().join("nowhere"))).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).starts_with("cannot fetch from"), "{finished:?}");
    assert_eq!(finished.exit.unwrap().code, 128);
    for (id, bad) in [(4, "--upload-pack=touch owned"), (7, "ext::sh -c id")] {
        let what = Checkout { repository: bad.into(), ..of(&repository) };
        assert_eq!(ending(&check_out(&world, id, what).await), Ending::NotStarted, "{bad}");
    }
    let finished =
        check_out(&world, 5, Checkout { branch: Some("-x".into()), ..of(&repository) }).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    let finished =
        check_out(&world, 6, Checkout { workdir: "../x".into(), ..of(&repository) }).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
}

#[tokio::test]
async fn each_mode_cleans_as_it_says() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    commit(&repository, ".gitignore", "*.o\n");
    let build = world.build_dir();
    let full = |method: &str| Checkout {
        mode: CheckoutMode::Full.into(),
        method: method.into(),
        ..of(&repository)
    };
    let mut id = 0;
    for (what, left) in [
        (of(&repository), vec!["new", "x.o"]),
        (full("clean"), vec!["x.o"]),
        (full("fresh"), vec![]),
        (full(""), vec![]),
        (full("clobber"), vec![]),
        (full("copy"), vec![]),
    ] {
        id += 1;
        std::fs::create_dir_all(&build).unwrap();
        let finished = check_out(&world, id * 10, of(&repository)).await;
        assert!(succeeded(&finished));
        std::fs::write(build.join("new"), "").unwrap();
        std::fs::write(build.join("x.o"), "").unwrap();
        std::fs::write(build.join("a.txt"), "changed\n").unwrap();
        let finished = check_out(&world, id * 10 + 1, what.clone()).await;
        assert!(succeeded(&finished), "{finished:?}\n{}", world.master.text(id * 10 + 1));
        let expected: Vec<_> = [".git", ".gitignore", "a.txt"].into_iter().chain(left).collect();
        assert_eq!(names(&build), expected, "{what:?}");
        assert_eq!(read(build.join("a.txt")), "two\n");
    }
}

#[tokio::test]
async fn a_folder_that_is_no_tree_is_made_one_and_nothing_above_is_touched() {
    let world = World::new().await;
    // The worker's folder lies inside somebody's own checkout.
    git(world.dir.path(), &["init", "--quiet"]);
    std::fs::write(world.dir.path().join("mine"), "precious\n").unwrap();
    let repository = repository(world.dir.path());
    std::fs::create_dir_all(world.build_dir().join(".git")).unwrap();
    std::fs::write(world.build_dir().join("stale"), "").unwrap();
    let finished = check_out(&world, 1, of(&repository)).await;
    assert!(succeeded(&finished), "{}", world.master.text(1));
    assert_eq!(names(&world.build_dir()), [".git", "a.txt"]);
    // A tree that git cannot use, and the lock of a git that was killed.
    std::fs::write(world.build_dir().join(".git/index.lock"), "").unwrap();
    assert!(succeeded(&check_out(&world, 2, of(&repository)).await));
    std::fs::write(world.build_dir().join(".git/config"), "[nonsense").unwrap();
    let finished = check_out(&world, 3, of(&repository)).await;
    assert!(succeeded(&finished), "{}", world.master.text(3));
    assert_eq!(read(world.dir.path().join("mine")), "precious\n");
}

#[tokio::test]
async fn shallow_takes_the_last_commits_only() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    for n in 0..5 {
        commit(&repository, "a.txt", &format!("more {n}\n"));
    }
    let tip = git(&repository, &["rev-parse", "main"]);
    let finished = check_out(&world, 1, Checkout { shallow: 1, ..of(&repository) }).await;
    assert!(succeeded(&finished), "{}", world.master.text(1));
    assert_eq!(got(&finished), tip);
    assert_eq!(git(&world.build_dir(), &["rev-list", "--count", "HEAD"]), "1");
    let old = git(&repository, &["rev-parse", "v1"]);
    let finished = check_out(
        &world,
        2,
        Checkout { shallow: 1, revision: Some(old.clone()), ..of(&repository) },
    )
    .await;
    assert!(succeeded(&finished), "{}", world.master.text(2));
    assert_eq!((got(&finished), read(world.build_dir().join("a.txt"))), (old, "one\n".into()));
}

#[tokio::test]
async fn submodules_come_along_when_asked_for() {
    let world = World::new().await;
    let inner = world.dir.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "--quiet"]);
    commit(&inner, "deep.txt", "deep\n");
    let repository = repository(world.dir.path());
    git(&repository, &["submodule", "--quiet", "add", inner.to_str().unwrap(), "sub"]);
    git(&repository, &["commit", "--quiet", "-m", "sub"]);
    let deep = world.build_dir().join("sub/deep.txt");
    assert!(succeeded(&check_out(&world, 1, of(&repository)).await));
    assert!(!deep.exists());
    let what = Checkout { submodules: true, mode: CheckoutMode::Full.into(), ..of(&repository) };
    let finished = check_out(&world, 2, what.clone()).await;
    assert!(succeeded(&finished), "{}", world.master.text(2));
    assert_eq!(read(&deep), "deep\n");
    std::fs::write(world.build_dir().join("sub/left"), "").unwrap();
    assert!(succeeded(&check_out(&world, 3, what).await));
    assert!(!world.build_dir().join("sub/left").exists());
}

#[tokio::test]
async fn a_patch_is_laid_over_and_cleaned_up_by_the_next_checkout() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-two\n+patched\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+new\n";
    let patch =
        |level, diff: &str, subdir: &str| Patch { level, diff: diff.into(), subdir: subdir.into() };
    let patched = |patch| Checkout { patch: Some(patch), ..of(&repository) };
    let finished = check_out(&world, 1, patched(patch(1, diff, ""))).await;
    assert!(succeeded(&finished), "{}", world.master.text(1));
    assert_eq!(read(world.build_dir().join("a.txt")), "patched\n");
    assert_eq!(read(world.build_dir().join("new.txt")), "new\n");
    assert!(succeeded(&check_out(&world, 2, of(&repository)).await));
    assert_eq!(read(world.build_dir().join("a.txt")), "two\n");
    assert!(!world.build_dir().join("new.txt").exists());

    // TY-5: failure to patch fails the step; TY-6: and nothing outside the tree is touched.
    let finished =
        check_out(&world, 3, patched(patch(1, &diff.replace("-two", "-other"), ""))).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).starts_with("the patch does not apply"), "{finished:?}");
    let outside = diff.replace("b/new.txt", "b/../../outside.txt");
    assert_eq!(
        ending(&check_out(&world, 4, patched(patch(1, &outside, ""))).await),
        Ending::Failed
    );
    assert!(!world.worker_dir().join("builds/outside.txt").exists());
    let finished = check_out(&world, 5, patched(patch(1, diff, "../x"))).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).contains("leaves the build folder"), "{finished:?}");

    commit(&repository, "a.txt", "two\n");
    std::fs::create_dir(repository.join("dir")).unwrap();
    commit(&repository, "dir/b.txt", "b\n");
    let diff = "--- b.txt\n+++ b.txt\n@@ -1 +1 @@\n-b\n+c\n";
    let finished = check_out(&world, 6, patched(patch(0, diff, "dir"))).await;
    assert!(succeeded(&finished), "{}", world.master.text(6));
    assert_eq!(read(world.build_dir().join("dir/b.txt")), "c\n");
}

#[tokio::test]
async fn two_builders_share_a_mirror() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let starts = (1..=6).map(|id| linn_proto::worker::Start {
        builder: format!("b{id}"),
        ..with(id, start::What::Checkout(of(&repository)))
    });
    starts.for_each(|start| world.master.start(start));
    for id in 1..=6 {
        let finished = world.master.finished(id).await;
        assert!(succeeded(&finished), "{}", world.master.text(id));
    }
    let mirrors = names(&world.worker_dir().join("mirrors"));
    assert_eq!(mirrors.iter().filter(|name| name.ends_with(".git")).count(), 1, "{mirrors:?}");
}

#[tokio::test]
async fn a_vanished_repository_is_tried_again_as_often_as_asked() {
    let world = World::new().await;
    let place = world.dir.path().join("later/repo");
    let what = Checkout { retries: 1000, retry_delay_ms: 20, ..of(&place) };
    world.master.start(with(1, start::What::Checkout(what)));
    world.master.printed(1, "again in 20 ms").await;
    let repository = repository(world.dir.path());
    std::fs::create_dir(world.dir.path().join("later")).unwrap();
    std::fs::rename(&repository, &place).unwrap();
    assert!(succeeded(&world.master.finished(1).await), "{}", world.master.text(1));
}

#[tokio::test]
async fn a_checkout_can_be_stopped_while_it_waits() {
    let world = World::new().await;
    let what =
        Checkout { retries: 9, retry_delay_ms: 600_000, ..of(&world.dir.path().join("nowhere")) };
    world.master.start(with(1, start::What::Checkout(what)));
    world.master.printed(1, "again in").await;
    world.master.interrupt(1, "no longer wanted");
    let finished = world.master.finished(1).await;
    assert_eq!((ending(&finished), why(&finished)), (Ending::Interrupted, "no longer wanted"));
}

#[tokio::test]
async fn hooks_of_a_tree_do_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    let repository = repository(world.dir.path());
    assert!(succeeded(&check_out(&world, 1, of(&repository)).await));
    let hooks = world.build_dir().join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::fs::write(hooks.join("post-checkout"), "#!/bin/sh\ntouch owned\n").unwrap();
    std::fs::set_permissions(hooks.join("post-checkout"), PermissionsExt::from_mode(0o755))
        .unwrap();
    commit(&repository, "a.txt", "again\n");
    assert!(succeeded(&check_out(&world, 2, of(&repository)).await));
    assert!(!world.build_dir().join("owned").exists());
    assert!(succeeded(&world.master.run(sh(3, "git log -1")).await));
}

#[tokio::test]
async fn a_link_in_place_of_the_tree_is_not_followed() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    let other = world.dir.path().join("other");
    git(world.dir.path(), &["clone", "--quiet", repository.to_str().unwrap(), "other"]);
    std::fs::write(other.join("mine"), "precious\n").unwrap();
    std::fs::create_dir_all(world.build_dir().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&other, world.build_dir()).unwrap();
    let what = Checkout { mode: CheckoutMode::Full.into(), ..of(&repository) };
    assert!(succeeded(&check_out(&world, 1, what).await), "{}", world.master.text(1));
    assert!(!world.build_dir().is_symlink());
    assert_eq!(read(other.join("mine")), "precious\n");
}

/// A git that was killed leaves locks behind, and nobody else would ever remove them (L1).
#[tokio::test]
async fn locks_of_a_killed_git_do_not_stop_the_next_fetch() {
    let world = World::new().await;
    let repository = repository(world.dir.path());
    assert!(succeeded(&check_out(&world, 1, of(&repository)).await));
    let mirrors = std::fs::read_dir(world.worker_dir().join("mirrors")).unwrap();
    let mirror = mirrors
        .map(|entry| entry.unwrap().path())
        .find(|path| path.join("HEAD").exists())
        .expect("the mirror");
    for lock in ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"] {
        std::fs::write(mirror.join(lock), "").unwrap();
    }
    let tip = commit(&repository, "a.txt", "three\n");
    let finished = check_out(&world, 2, of(&repository)).await;
    assert!(succeeded(&finished), "{}", why(&finished));
    assert_eq!(got(&finished), tip);
}
