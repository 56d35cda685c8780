//! `linn hook hg` and `linn hook svn` in real repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .current_dir(folder)
        .args(args)
        .env("HGRCPATH", "/dev/null")
        .env("HGPLAIN", "1")
        .env("HGENCODING", "utf-8")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn spooled(folder: &Path) -> usize {
    fs::read_dir(folder.join("linn-spool")).map_or(0, |entries| {
        entries.filter_map(Result::ok).filter(|entry| entry.path().is_file()).count()
    })
}

/// What arrived, as `branch revision files`.
fn told(fake: &Fake) -> Vec<String> {
    let changes = &fake.world().changes;
    let said = changes.iter().map(|change| {
        let branch = change.branch.as_deref().unwrap_or("(default)");
        format!("{branch} {} {}", change.revision.as_deref().unwrap_or(""), change.files.join(" "))
    });
    said.collect()
}

/// A Mercurial repository.
struct Hg(tempfile::TempDir);

impl Hg {
    fn new() -> Self {
        let repo = Self(tempfile::tempdir().expect("a folder"));
        repo.hg(&["init"]);
        repo
    }

    fn hg(&self, args: &[&str]) -> String {
        run(self.0.path(), "hg", args)
    }

    fn commit(&self, file: &str, comments: &str) -> String {
        fs::write(self.0.path().join(file), comments).expect("written");
        self.hg(&["add", "-q", "--", file]);
        self.hg(&["commit", "-u", "Ana <ana@example.org>", "-m", comments]);
        self.hg(&["log", "-r", ".", "-T", "{node}"])
    }

    /// As hg runs it: in the root of the repository.
    async fn hook(&self, address: &str, first: &str, last: &str, more: &[&str]) -> Said {
        let vars = [("HG_NODE", first), ("HG_NODE_LAST", last)];
        let vars = vars.into_iter().filter(|(_, value)| !value.is_empty());
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let place = Place { folder: self.0.path().to_owned(), vars };
        linn_in(place, b"", &[&["--server", address, "hook", "hg"], more].concat()).await
    }
}

#[tokio::test]
async fn changesets_become_changes_of_their_branches() {
    let (fake, repo) = (Fake::start(), Hg::new());
    let first = repo.commit("a", "one");
    let second = repo.commit("b \u{e4}", "two\n\nbody \\n\ttab");
    repo.hg(&["branch", "-q", "side"]);
    let third = repo.commit("c", "three");
    let said = repo.hook(&fake.address(), &second, &third, &["--project", "p"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(told(&fake), [format!("default {second} b \u{e4}"), format!("side {third} c")]);
    let world = fake.world();
    let change = &world.changes[0];
    let name = repo.0.path().canonicalize().expect("there").display().to_string();
    assert_eq!(change.key, format!("hg {name} default {second}"));
    assert_eq!((change.author.as_str(), change.vcs.as_str()), ("Ana <ana@example.org>", "hg"));
    assert_eq!(change.comments, "two\n\nbody \\n\ttab");
    assert_eq!((change.parents.as_slice(), change.project.as_str()), (&[first][..], "p"));
}

#[tokio::test]
async fn a_changegroup_while_the_master_is_away_is_kept_and_sent_first() {
    let (mut fake, repo) = (Fake::start(), Hg::new());
    let (one, two) = (repo.commit("a", "1"), repo.commit("a", "2"));
    let kept = repo.0.path().join(".hg");
    fake.die();
    fs::remove_file(fake.socket()).expect("there");
    let said = repo.hook(&fake.address(), &one, "", &[]).await;
    assert_eq!((said.code, said.err.lines().count(), spooled(&kept)), (0, 1, 1), "{}", said.err);
    fake.rise();
    let said = repo.hook(&fake.address(), &two, &two, &[]).await;
    assert_eq!((said.code, said.err.as_str(), spooled(&kept)), (0, "", 0));
    assert_eq!(told(&fake), [format!("default {one} a"), format!("default {two} a")]);
}

#[tokio::test]
async fn what_hg_never_says_is_a_mistake() {
    let (fake, repo) = (Fake::start(), Hg::new());
    repo.commit("a", "1");
    for node in ["", "tip", "--config=x", "all()"] {
        let said = repo.hook(&fake.address(), node, "", &[]).await;
        assert_eq!(said.code, 2, "{node}: {}", said.err);
    }
    assert!(fake.world().changes.is_empty());
}

/// A Subversion repository with the standard layout and a checkout.
struct Svn(tempfile::TempDir);

impl Svn {
    fn new() -> Self {
        let repo = Self(tempfile::tempdir().expect("a folder"));
        run(repo.0.path(), "svnadmin", &["create", "r"]);
        let urls = ["trunk", "branches", "tags"].map(|part| repo.url(part));
        repo.svn(&["mkdir", "-q", "-m", "layout", &urls[0], &urls[1], &urls[2]]);
        repo.svn(&["checkout", "-q", &repo.url(""), "all"]);
        repo
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("r")
    }

    fn url(&self, path: &str) -> String {
        format!("file://{}/{path}", self.path().display())
    }

    fn svn(&self, args: &[&str]) -> String {
        run(self.0.path(), "svn", args)
    }

    fn commit(&self, files: &[&str], comments: &str) -> String {
        self.svn(&["update", "-q", "all"]);
        for file in files {
            fs::write(self.0.path().join("all").join(file), comments).expect("written");
            self.svn(&["add", "-q", "--force", &format!("all/{file}@")]);
        }
        self.svn(&["commit", "-q", "--username", "ana", "-m", comments, "all"]);
        run(self.0.path(), "svnlook", &["youngest", "r"])
    }

    /// As Subversion runs it.
    async fn hook(&self, address: &str, revision: &str, more: &[&str]) -> Said {
        let place = Place { folder: "/".into(), vars: [].into() };
        let path = self.path().display().to_string();
        let args = [&["--server", address, "hook", "svn", &path, revision], more].concat();
        linn_in(place, b"", &args).await
    }
}

#[tokio::test]
async fn a_revision_is_a_change_of_each_branch_it_touches_f48() {
    let (fake, repo) = (Fake::start(), Svn::new());
    repo.commit(&["trunk/a"], "one");
    repo.svn(&["copy", "-q", "-m", "branch", &repo.url("trunk"), &repo.url("branches/x")]);
    let said = repo.hook(&fake.address(), "3", &[]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "GP-2: nothing on it is new");
    assert!(fake.world().changes.is_empty());
    let both = repo.commit(&["trunk/\u{e4} b", "branches/x/a"], "both\n\nbody");
    let said = repo.hook(&fake.address(), &both, &["--codebase", "zork"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(told(&fake), ["branches/x 4 a", "(default) 4 \u{e4} b"]);
    let world = fake.world();
    let trunk = &world.changes[1];
    assert_eq!(trunk.key, format!("svn {} trunk 4", repo.path().display()));
    assert_eq!((trunk.author.as_str(), trunk.comments.as_str()), ("ana", "both\n\nbody"));
    assert_eq!((trunk.parents.as_slice(), trunk.vcs.as_str()), (&["2".to_owned()][..], "svn"));
    assert_eq!(world.changes[0].parents, ["3"]);
    assert!(trunk.when_ms.is_some_and(|when| when > 0));
}

#[tokio::test]
async fn a_commit_while_the_master_is_away_is_kept_and_sent_first() {
    let (mut fake, repo) = (Fake::start(), Svn::new());
    let (one, two) = (repo.commit(&["trunk/a"], "1"), repo.commit(&["trunk/b"], "2"));
    fake.die();
    fs::remove_file(fake.socket()).expect("there");
    let said = repo.hook(&fake.address(), &one, &[]).await;
    assert_eq!((said.code, said.err.lines().count()), (0, 1), "{}", said.err);
    assert_eq!(spooled(&repo.path()), 1);
    fake.rise();
    let said = repo.hook(&fake.address(), &two, &[]).await;
    assert_eq!((said.code, said.err.as_str(), spooled(&repo.path())), (0, "", 0));
    assert_eq!(told(&fake), ["(default) 2 a", "(default) 3 b"]);
}

#[tokio::test]
async fn tags_no_layout_and_what_is_no_repository() {
    let (fake, repo) = (Fake::start(), Svn::new());
    repo.svn(&["copy", "-q", "-m", "tag", &repo.url("trunk"), &repo.url("tags/v1")]);
    repo.hook(&fake.address(), "2", &["--tags"]).await;
    repo.hook(&fake.address(), "1", &["--no-layout", "--repository", "r"]).await;
    assert_eq!(told(&fake), ["tags/v1 2 ", "(default) 1 branches/ tags/ trunk/"]);
    let nowhere = Place { folder: "/".into(), vars: [].into() };
    let args = ["--server", &fake.address(), "hook", "svn", "/nowhere", "1"];
    let said = linn_in(nowhere, b"", &args).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert_eq!(repo.hook(&fake.address(), "-1", &[]).await.code, 2);
    assert_ne!(repo.hook(&fake.address(), "99", &[]).await.code, 0);
}
