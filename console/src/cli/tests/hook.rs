//! `linn hook git` in real repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use linn_proto::change::NewChange;
use tonic::Code;

use super::*;

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A repository with a working tree; commits are made by hand.
struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().expect("a folder") };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.path())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ana"), ("GIT_AUTHOR_EMAIL", "ana@old.example")])
            .envs([("GIT_COMMITTER_NAME", "Cid"), ("GIT_COMMITTER_EMAIL", "cid@example.org")])
            .envs([
                ("GIT_AUTHOR_DATE", "1790000000 +0000"),
                ("GIT_COMMITTER_DATE", "1790000100 +0000"),
            ])
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, file: &str, comments: &str) -> String {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, comments).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", comments]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn spooled(&self) -> usize {
        fs::read_dir(self.path().join(".git/linn-spool")).map_or(0, |entries| {
            entries.filter_map(Result::ok).filter(|entry| entry.path().is_file()).count()
        })
    }

    async fn push(&self, fake: &Fake, updates: &[(&str, &str, &str)]) -> Said {
        self.hook(&fake.address(), updates, &[]).await
    }

    /// As git runs it: in the git folder, with `GIT_DIR=.`.
    async fn hook(&self, address: &str, updates: &[(&str, &str, &str)], more: &[&str]) -> Said {
        let place = Place {
            folder: self.path().join(".git"),
            vars: [("GIT_DIR".to_owned(), ".".to_owned())].into(),
        };
        let input: String = updates
            .iter()
            .map(|(old, new, name)| format!("{old} {new} refs/heads/{name}\n"))
            .collect();
        let args: Vec<&str> = [&["--server", address, "hook", "git"], more].concat();
        linn_in(place, input.as_bytes(), &args).await
    }
}

fn revisions(fake: &Fake) -> Vec<(String, String)> {
    let of = |change: &NewChange| {
        (change.branch.clone().unwrap_or_default(), change.revision.clone().unwrap_or_default())
    };
    fake.world().changes.iter().map(of).collect()
}

fn on(branch: &str, revision: &str) -> (String, String) {
    (branch.to_owned(), revision.to_owned())
}

#[tokio::test]
async fn commits_become_changes_oldest_first() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let first = repo.commit("a", "first");
    fs::write(repo.path().join(".mailmap"), "Ana Müller <ana@example.org> <ana@old.example>\n")
        .expect("written");
    let second = repo.commit("src/größe \"x\".rs", "second\n\nwith a body");
    let third = repo.commit("b", "third");
    let said = repo.push(&fake, &[(&first, &third, "main")]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    assert_eq!(revisions(&fake), [on("main", &second), on("main", &third)]);
    let world = fake.world();
    let change = &world.changes[0];
    let folder = fs::canonicalize(repo.path().join(".git")).expect("there").display().to_string();
    assert_eq!(change.key, format!("git {folder} main {second}"));
    assert_eq!(change.repository, folder);
    assert_eq!(change.author, "Ana Müller <ana@example.org>");
    assert_eq!(change.committer, "Cid <cid@example.org>");
    assert_eq!(change.comments, "second\n\nwith a body");
    assert_eq!(change.files, [".mailmap", "src/größe \"x\".rs"]);
    assert_eq!(change.when_ms, Some(1_790_000_100_000));
    assert_eq!(change.parents, [first]);
    assert_eq!((change.vcs.as_str(), &change.codebase), ("git", &None));
}

#[tokio::test]
async fn the_same_push_twice_is_one() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (first, second) = (repo.commit("a", "1"), repo.commit("a", "2"));
    for _ in 0..2 {
        assert_eq!(repo.push(&fake, &[(&first, &second, "main")]).await.code, 0);
    }
    assert_eq!(fake.world().changes.len(), 1);
}

#[tokio::test]
async fn options_and_json() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (first, second) = (repo.commit("a", "1"), repo.commit("a", "2"));
    let more = ["--repository", "https://x/r", "--codebase", "lib", "--project", "p", "--json"];
    let said = repo.hook(&fake.address(), &[(&first, &second, "main")], &more).await;
    assert_eq!(said.json()[0]["revision"], second.as_str());
    let world = fake.world();
    let change = &world.changes[0];
    assert_eq!(change.key, format!("git https://x/r main {second}"));
    assert_eq!((change.codebase.as_deref(), change.project.as_str()), (Some("lib"), "p"));
}

#[tokio::test]
async fn a_merge_is_one_change_with_the_files_against_its_first_parent() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let base = repo.commit("a", "base");
    repo.git(&["checkout", "-q", "-b", "side"]);
    let side = repo.commit("side", "side");
    repo.git(&["checkout", "-q", "main"]);
    let main = repo.commit("main", "main");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["branch", "-q", "-D", "side"]);
    repo.push(&fake, &[(&base, &merge, "main")]).await;
    assert_eq!(revisions(&fake), [on("main", &main), on("main", &merge)]);
    let world = fake.world();
    assert_eq!(world.changes[1].files, ["side"]);
    assert_eq!(world.changes[1].parents, [main, side]);
}

#[tokio::test]
async fn new_branches() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let main = repo.commit("a", "main");
    repo.git(&["branch", "same"]);
    repo.push(&fake, &[(ZERO, &main, "same")]).await;
    assert_eq!(revisions(&fake), [], "a known commit (GP-2, F35)");
    repo.git(&["checkout", "-q", "-b", "topic"]);
    let (one, two) = (repo.commit("b", "1"), repo.commit("b", "2"));
    repo.push(&fake, &[(ZERO, &two, "topic")]).await;
    assert_eq!(revisions(&fake), [on("topic", &one), on("topic", &two)]);
}

#[tokio::test]
async fn two_new_branches_in_one_push_share_their_commits() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let one = repo.commit("a", "1");
    repo.git(&["branch", "other"]);
    repo.push(&fake, &[(ZERO, &one, "main"), (ZERO, &one, "other")]).await;
    assert_eq!(revisions(&fake), [on("main", &one)]);
}

#[tokio::test]
async fn a_known_branch_moved_to_a_known_commit_is_one_change() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (one, two, three) = (repo.commit("a", "1"), repo.commit("a", "2"), repo.commit("a", "3"));
    repo.git(&["branch", "release", &one]);
    repo.git(&["branch", "-f", "release", &three]);
    repo.push(&fake, &[(&one, &three, "release")]).await;
    assert_eq!(revisions(&fake), [on("release", &three)], "GP-3, F35");
    repo.git(&["branch", "-f", "release", &two]);
    repo.push(&fake, &[(&three, &two, "release")]).await;
    assert_eq!(revisions(&fake)[1], on("release", &two), "F34: back to an older one");
}

#[tokio::test]
async fn a_force_push_gives_what_is_new() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (one, two) = (repo.commit("a", "1"), repo.commit("a", "2"));
    repo.git(&["reset", "-q", "--hard", &one]);
    let other = repo.commit("a", "2, better");
    repo.push(&fake, &[(&two, &other, "main")]).await;
    assert_eq!(revisions(&fake), [on("main", &other)]);
}

#[tokio::test]
async fn deleted_branches_and_tags_are_nothing() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let one = repo.commit("a", "1");
    let said = repo.push(&fake, &[(&one, ZERO, "gone")]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let place = Place { folder: repo.path().to_owned(), ..Default::default() };
    let input = format!("{ZERO} {one} refs/tags/v1\n");
    let address = fake.address();
    let args = ["--server", address.as_str(), "hook", "git"];
    assert_eq!(linn_in(place, input.as_bytes(), &args).await.code, 0);
    assert_eq!(revisions(&fake), []);
}

#[tokio::test]
async fn a_thousand_commits_and_more() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let mut stream = String::new();
    for number in 0..1010 {
        let (mark, seconds) = (number + 1, 1_790_000_000 + number);
        let commit =
            format!("commit refs/heads/main\nmark :{mark}\ncommitter C <c@x> {seconds} +0000\n");
        stream.push_str(&commit);
        stream.push_str("data 2\nx\n\n");
    }
    let import = repo.path().join("import");
    fs::write(&import, stream).expect("written");
    let status = Command::new("git")
        .current_dir(repo.path())
        .args(["fast-import", "--quiet"])
        .stdin(fs::File::open(&import).expect("there"))
        .status()
        .expect("git runs");
    assert!(status.success());
    let tip = repo.git(&["rev-parse", "main"]);
    let said = repo.push(&fake, &[(ZERO, &tip, "main")]).await;
    assert_eq!(said.code, 0);
    assert!(said.err.contains("only the newest 1000"), "{}", said.err);
    let revisions = revisions(&fake);
    assert_eq!((revisions.len(), &revisions[999].1), (1000, &tip));
    assert!(fake.world().changes.iter().all(|change| change.files.is_empty()));
}

#[tokio::test]
async fn a_bare_repository() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (one, two) = (repo.commit("a", "1"), repo.commit("a", "2"));
    let dir = tempfile::tempdir().expect("a folder");
    let bare: PathBuf = dir.path().join("x.git");
    repo.git(&["clone", "-q", "--bare", ".", &bare.display().to_string()]);
    let place = Place { folder: bare.clone(), ..Default::default() };
    let input = format!("{one} {two} refs/heads/main\n");
    let address = fake.address();
    let args = ["--server", address.as_str(), "hook", "git"];
    assert_eq!(linn_in(place, input.as_bytes(), &args).await.code, 0);
    let folder = fs::canonicalize(&bare).expect("there").display().to_string();
    assert_eq!(fake.world().changes[0].repository, folder);
}

#[tokio::test]
async fn a_push_while_the_master_is_away_is_kept_and_sent_first() {
    let (mut fake, repo) = (Fake::start(), Repo::new());
    let (one, two, three) = (repo.commit("a", "1"), repo.commit("a", "2"), repo.commit("a", "3"));
    fake.die();
    fs::remove_file(fake.socket()).expect("there");
    let said = repo.push(&fake, &[(&one, &two, "main")]).await;
    assert_eq!(
        (said.code, said.err.lines().count(), repo.spooled()),
        (0, 1, 1),
        "C38: {}",
        said.err
    );
    assert!(said.err.starts_with("linn: nobody listens on unix:"), "{}", said.err);
    fake.rise();
    let said = repo.push(&fake, &[(&two, &three, "main")]).await;
    assert_eq!((said.code, said.err.as_str(), repo.spooled()), (0, "", 0));
    assert_eq!(revisions(&fake), [on("main", &two), on("main", &three)]);
    assert_eq!(fake.world().changes[0].files, ["a"]);
}

#[tokio::test]
async fn a_master_that_never_answers_is_left_after_seconds() {
    let repo = Repo::new();
    let (one, two) = (repo.commit("a", "1"), repo.commit("a", "2"));
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("linn.sock");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let began = std::time::Instant::now();
    let address = format!("unix:{}", socket.display());
    let said = repo.hook(&address, &[(&one, &two, "main")], &[]).await;
    assert_eq!((said.code, said.err.lines().count(), repo.spooled()), (0, 1, 1), "{}", said.err);
    assert!(began.elapsed().as_secs() <= 5, "C38");
}

#[tokio::test]
async fn what_the_master_finds_wrong_is_an_error_and_what_it_forbids_is_kept() {
    let (fake, repo) = (Fake::start(), Repo::new());
    let (one, two, three) = (repo.commit("a", "1"), repo.commit("a", "2"), repo.commit("a", "3"));
    fake.world().refuse_changes = Some(Code::InvalidArgument);
    let said = repo.push(&fake, &[(&one, &two, "main")]).await;
    assert_eq!((said.code, repo.spooled()), (2, 0), "{}", said.err);
    fake.world().refuse_changes = Some(Code::PermissionDenied);
    let said = repo.push(&fake, &[(&one, &two, "main")]).await;
    assert_eq!((said.code, repo.spooled()), (3, 1), "{}", said.err);
    fake.world().refuse_changes = None;
    let said = repo.push(&fake, &[(&two, &three, "main")]).await;
    assert_eq!((said.code, repo.spooled()), (0, 0), "{}", said.err);
    assert_eq!(revisions(&fake), [on("main", &two), on("main", &three)]);
}

#[tokio::test]
async fn no_repository_and_no_updates() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = || Place { folder: dir.path().to_owned(), ..Default::default() };
    let said = linn_in(place(), b"", &["hook", "git"]).await;
    assert_eq!(said.code, 2);
    assert!(said.err.contains("is in no git repository"), "{}", said.err);
    assert_eq!(linn_in(place(), b"nonsense\n", &["hook", "git"]).await.code, 2);
}
