//! Checkouts with Subversion, against a repository made here.

use std::path::{Path, PathBuf};
use std::process::Command;

use linn_proto::worker::{Checkout, CheckoutMode, Ending, Finished, Patch, Vcs, start};

use crate::master::{sh, with};
use crate::{World, ending, succeeded, why};

fn run(program: &str, dir: &Path, args: &[&str]) -> String {
    let out = Command::new(program).args(args).current_dir(dir).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// The usual layout: `trunk` is changed in 2 and 4, `branches/1.0` is made in 3.
struct Repository {
    path: PathBuf,
    tree: PathBuf,
}

impl Repository {
    fn new(dir: &Path) -> Self {
        let repository = Self { path: dir.join("repo"), tree: dir.join("tree") };
        let url = format!("file://{}", repository.path.display());
        run("svnadmin", dir, &["create", "repo"]);
        run(
            "svn",
            dir,
            &["mkdir", "-q", "-m", "x", &format!("{url}/trunk"), &format!("{url}/branches")],
        );
        run("svn", dir, &["checkout", "-q", &url, "tree"]);
        repository.write("trunk/a.txt", "one\n");
        run("svn", &repository.tree, &["copy", "-q", "trunk", "branches/1.0"]);
        repository.commit();
        repository.write("trunk/a.txt", "two\n");
        repository
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.tree.join(file), text).unwrap();
        run("svn", &self.tree, &["add", "-q", "--force", "trunk"]);
        self.commit();
    }

    fn commit(&self) {
        run("svn", &self.tree, &["commit", "-q", "-m", "x"]);
        run("svn", &self.tree, &["update", "-q"]);
    }

    fn checkout(&self) -> Checkout {
        Checkout {
            repository: self.path.to_str().unwrap().into(),
            workdir: "build".into(),
            mode: CheckoutMode::Incremental.into(),
            vcs: Vcs::Svn.into(),
            ..Checkout::default()
        }
    }

    fn full(&self, method: &str) -> Checkout {
        Checkout { mode: CheckoutMode::Full.into(), method: method.into(), ..self.checkout() }
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

#[tokio::test]
async fn trunk_branches_and_revisions() {
    let world = World::new().await;
    let repository = Repository::new(world.dir.path());
    let text = || std::fs::read_to_string(world.build_dir().join("a.txt")).unwrap();

    let finished = check_out(&world, 1, repository.checkout()).await;
    assert!(succeeded(&finished), "{finished:?}\n{}", world.master.text(1));
    assert_eq!((got(&finished), text()), ("4".into(), "two\n".into()));
    let old = Checkout { revision: Some("2".into()), ..repository.checkout() };
    let finished = check_out(&world, 2, old).await;
    assert_eq!((got(&finished), text()), ("2".into(), "one\n".into()));
    assert!(world.master.text(2).contains("$ svn update"), "{}", world.master.text(2));
    let branch = Checkout { branch: Some("branches/1.0".into()), ..repository.checkout() };
    let finished = check_out(&world, 3, branch.clone()).await;
    assert_eq!((got(&finished), text()), ("4".into(), "one\n".into()));
    assert!(world.master.text(3).contains("$ svn switch"), "{}", world.master.text(3));

    repository.write("trunk/a.txt", "three\n");
    let url = Checkout {
        repository: format!("file://{}/", repository.path.display()),
        ..repository.checkout()
    };
    let finished = check_out(&world, 4, url).await;
    assert_eq!((got(&finished), text()), ("5".into(), "three\n".into()));
    // A branch that is gone was there at an earlier revision.
    run("svn", &repository.tree, &["remove", "-q", "branches/1.0"]);
    repository.commit();
    let then = Checkout { revision: Some("4".into()), ..branch.clone() };
    assert_eq!(got(&check_out(&world, 5, then).await), "4");
    let finished = check_out(&world, 6, branch).await;
    assert_eq!(ending(&finished), Ending::Failed);
    assert!(why(&finished).starts_with("there is no `branches/1.0` in "), "{finished:?}");

    for (id, branch) in (10..).zip(["--config-dir=x", "../etc", "a\"b"]) {
        let what = Checkout { branch: Some(branch.into()), ..repository.checkout() };
        let finished = check_out(&world, id, what).await;
        assert!(why(&finished).contains("cannot be a branch"), "{finished:?}");
    }
    for (id, address) in (20..).zip(["svn+ssh://-oProxyCommand=x/y", "svn+evil://h/x", "ext::x"]) {
        let what = Checkout { repository: address.into(), ..repository.checkout() };
        let finished = check_out(&world, id, what).await;
        assert_eq!(ending(&finished), Ending::NotStarted);
        assert!(why(&finished).contains("cannot be a repository"), "{finished:?}");
    }
    let named = Checkout { revision: Some("HEAD".into()), ..repository.checkout() };
    assert!(why(&check_out(&world, 30, named).await).contains("in svn it is a number"));
}

#[tokio::test]
async fn methods_patches_and_what_a_killed_svn_left() {
    let world = World::new().await;
    let repository = Repository::new(world.dir.path());
    run("svn", &repository.tree, &["propset", "-q", "svn:ignore", "*.o", "trunk"]);
    repository.commit();
    let dirty = |id| {
        let script = "echo x > new.txt; echo x > new.o; echo changed > a.txt";
        world.master.run(sh(id, script))
    };
    let there = |name: &str| world.build_dir().join(name).exists();
    let text = || std::fs::read_to_string(world.build_dir().join("a.txt")).unwrap();
    assert!(succeeded(&check_out(&world, 1, repository.checkout()).await));
    for (id, method, untracked, ignored) in
        [(10, "", true, true), (20, "clean", false, true), (30, "fresh", false, false)]
    {
        dirty(id).await;
        let what = if method.is_empty() { repository.checkout() } else { repository.full(method) };
        assert!(succeeded(&check_out(&world, id + 1, what).await), "{}", world.master.text(id + 1));
        assert_eq!((there("new.txt"), there("new.o")), (untracked, ignored), "{method}");
        assert_eq!(text(), "two\n");
    }
    for (id, method) in [(40, "clobber"), (50, "copy")] {
        dirty(id).await;
        assert!(succeeded(&check_out(&world, id + 1, repository.full(method)).await));
        assert!(!there("new.txt") && !there("new.o"), "{method}");
    }

    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n two\n+patched\n";
    let patch = Some(Patch { level: 1, diff: diff.into(), subdir: String::new() });
    let finished = check_out(&world, 60, Checkout { patch, ..repository.checkout() }).await;
    assert!(succeeded(&finished), "{}", world.master.text(60));
    assert_eq!(text(), "two\npatched\n");
    world.master.run(sh(61, "echo x > new.txt")).await;
    assert!(succeeded(&check_out(&world, 62, repository.checkout()).await));
    assert_eq!(text(), "two\n");
    assert!(!there("new.txt"), "TY-5: a patched tree is cleaned whatever the method");

    // A killed svn leaves its locks and work that is not done yet.
    let lock = "INSERT INTO wc_lock (wc_id, local_dir_relpath, locked_levels) VALUES (1, '', -1);";
    let script = format!(
        "import sqlite3; db = sqlite3.connect('.svn/wc.db'); db.execute(\"{lock}\"); db.commit()"
    );
    run("python3", &world.build_dir(), &["-c", &script]);
    assert!(succeeded(&check_out(&world, 70, repository.checkout()).await));
    // One that is spoilt is made anew.
    std::fs::write(world.build_dir().join(".svn/wc.db"), "rubbish").unwrap();
    let finished = check_out(&world, 71, repository.checkout()).await;
    assert!(succeeded(&finished), "{}", world.master.text(71));
}
