//! GP-* and SS-3 with named branches, against real hg.

use std::collections::BTreeMap;
use std::process::Command;

use linn_core::change::NewChange;
use linn_core::config::{HgPoller, Source, SourceKind, TextPattern, Vcs};
use linn_core::state::SourceCursor;
use linn_core::time::{Span, Timestamp};

use super::poll::HgSource;
use super::testing::Repo;
use crate::source::look::{Look, Portion};
use crate::source::{ResolveError, resolve};

/// A source over a real repository, with the cursor that an engine would keep.
struct Poller {
    source: HgSource,
    cursor: SourceCursor,
    _mirrors: tempfile::TempDir,
}

impl Poller {
    fn new(repository: &str, branches: &[&str]) -> Self {
        Self::with(repository, branches, |_| {})
    }

    fn with(repository: &str, branches: &[&str], set: impl FnOnce(&mut HgPoller)) -> Self {
        let mut poller = HgPoller {
            repository: repository.to_owned(),
            branches: branches.iter().map(|text| TextPattern((*text).to_owned())).collect(),
            interval: Span::seconds(1),
            build_pushes_with_no_commits: false,
            build_first_tip: false,
        };
        set(&mut poller);
        let source = Source {
            name: "code".into(),
            codebase: Some("app".into()),
            project: "p".to_owned(),
            category: "c".to_owned(),
            kind: SourceKind::Hg(poller.clone()),
        };
        let mirrors = tempfile::tempdir().unwrap();
        let source = HgSource::new(mirrors.path(), source, poller).unwrap();
        Self { source, cursor: SourceCursor::default(), _mirrors: mirrors }
    }

    async fn portions(&mut self) -> Vec<Portion> {
        let mut portions = Vec::new();
        if let Some(mut plan) = self.source.look(&self.cursor).await.unwrap() {
            while let Some(portion) = self.source.next(&mut plan).await.unwrap() {
                self.cursor.tips.clone_from(&portion.tips);
                self.cursor.looked = true;
                portions.push(portion);
            }
        }
        portions
    }

    async fn poll(&mut self) -> Vec<NewChange> {
        self.portions().await.into_iter().flat_map(|portion| portion.changes).collect()
    }

    /// What was told, as `branch message`.
    async fn told(&mut self) -> Vec<String> {
        let changes = self.poll().await;
        changes
            .iter()
            .map(|change| format!("{} {}", change.branch.as_deref().unwrap(), change.comments))
            .collect()
    }
}

fn repo() -> (tempfile::TempDir, Repo) {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    (folder, repo)
}

const NOTHING: Vec<String> = Vec::new();

#[tokio::test]
async fn gp_1_the_first_look_records_and_later_ones_tell_oldest_first() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.commit("a", "two");
    let mut poller = Poller::new(&repo.name(), &[]);
    let portions = poller.portions().await;
    assert_eq!(portions.len(), 1);
    assert!(portions[0].changes.is_empty());
    assert_eq!(portions[0].tips, BTreeMap::from([("default".to_owned(), repo.tip("."))]));
    assert_eq!(portions[0].commits.len(), 2, "the graph is told at once, for blame");
    assert!(poller.portions().await.is_empty(), "nothing has moved");
    repo.commit("a", "three");
    let four = repo.commit("a", "four");
    let portions = poller.portions().await;
    let told: Vec<_> = portions[0].changes.iter().map(|change| &*change.comments).collect();
    assert_eq!(told, ["three", "four"]);
    assert_eq!(portions[0].commits.len(), 2);
    assert_eq!(portions[0].commits[1].revision, four);
    assert_eq!(portions[0].changes[1].parents, portions[0].commits[1].parents);
    assert!(poller.portions().await.is_empty());
}

#[tokio::test]
async fn a_changeset_is_a_change_of_its_own_branch_however_it_is_merged() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut all = Poller::new(&repo.name(), &["*"]);
    let mut default = Poller::new(&repo.name(), &["default"]);
    all.poll().await;
    default.poll().await;
    repo.hg(&["branch", "-q", "side \u{e4}"]);
    repo.commit("s/1", "side 1");
    repo.hg(&["update", "-q", "default"]);
    repo.commit("m", "own");
    repo.hg(&["merge", "-q", "side \u{e4}"]);
    repo.hg(&["commit", "-u", "bo", "-m", "merged"]);
    assert_eq!(all.told().await, ["default own", "default merged", "side \u{e4} side 1"]);
    let changes = default.poll().await;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[1].files, ["s/1"], "F33: against the first parent");
    assert_eq!(changes[1].parents.len(), 2);
}

#[tokio::test]
async fn a_head_that_is_not_the_tip_of_its_branch_is_told_too_and_once() {
    let (_folder, repo) = repo();
    let first = repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    repo.commit("a", "two");
    repo.hg(&["update", "-q", &first]);
    repo.commit("b", "another head");
    assert_eq!(poller.told().await, ["default two", "default another head"]);
    repo.commit("b", "and on");
    assert_eq!(poller.told().await, ["default and on"]);
}

#[tokio::test]
async fn gp_2_a_new_branch_tells_its_own_changesets_and_an_old_one_nothing() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.hg(&["branch", "-q", "old"]);
    repo.commit("a", "old work");
    repo.hg(&["update", "-q", "default"]);
    repo.commit("a", "two");
    let mut poller = Poller::new(&repo.name(), &["default"]);
    poller.poll().await;
    let cursor = poller.cursor.clone();
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.cursor = cursor.clone();
    assert_eq!(poller.told().await, NOTHING, "GP-2: it is only looked at for the first time");
    assert!(poller.cursor.tips.contains_key("old"));
    let mut eager =
        Poller::with(&repo.name(), &["*"], |poller| poller.build_pushes_with_no_commits = true);
    eager.cursor = cursor;
    assert_eq!(eager.told().await, ["old old work"]);
    repo.hg(&["branch", "-q", "fresh"]);
    repo.commit("b", "new work");
    assert_eq!(poller.told().await, ["fresh new work"]);
}

#[tokio::test]
async fn gp_5_a_branch_that_is_closed_is_told_of_and_forgotten() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.hg(&["branch", "-q", "topic"]);
    repo.commit("a", "work");
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    assert_eq!(poller.cursor.tips.len(), 2);
    repo.hg(&["commit", "--close-branch", "-u", "a", "-m", "closed"]);
    assert_eq!(poller.told().await, NOTHING, "there is nothing to build on it");
    assert_eq!(poller.cursor.tips.len(), 1);
}

#[tokio::test]
async fn gp_6_what_a_changeset_says() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    let from = repo.tip(".");
    let message = "Subject\n\nBody with \u{1b}[31mcolour and\ttab \\n\u{202e}";
    let tip = repo.commit("dir/\u{fc} b", message);
    let changes = poller.poll().await;
    let change = &changes[0];
    assert_eq!(change.author, "Ana <ana@example.org>");
    assert_eq!(change.comments, message);
    assert_eq!(change.files, ["dir/\u{fc} b"]);
    assert_eq!((change.vcs.as_str(), change.moved_from.as_ref()), ("hg", Some(&from)));
    assert_eq!((change.project.as_str(), change.category.as_str()), ("p", "c"));
    assert_eq!(change.codebase, Some("app".into()));
    assert_eq!(change.repository, repo.name());
    assert!(change.when.is_some_and(|when| when > Timestamp(0)));
    assert_eq!(change.key, Some(format!("hg {} default {tip}", repo.name())));
}

#[tokio::test]
async fn gp_6_a_plan_that_is_cut_short_loses_nothing_and_tells_nothing_twice() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    let mut patch = String::new();
    for number in 1..=300 {
        use std::fmt::Write as _;
        let _ = write!(
            patch,
            "# HG changeset patch\n# User Ana\n# Date {number} 0\ncommit {number}\n\ndiff --git a/f{number} b/f{number}\nnew file mode 100644\n--- /dev/null\n+++ b/f{number}\n@@ -0,0 +1,1 @@\n+x\n\n"
        );
    }
    let file = repo.path().join(".hg/many");
    std::fs::write(&file, patch).unwrap();
    repo.hg(&["import", "-q", file.to_str().unwrap()]);
    let mut plan = poller.source.look(&poller.cursor).await.unwrap().unwrap();
    let portion = poller.source.next(&mut plan).await.unwrap().unwrap();
    poller.cursor.tips.clone_from(&portion.tips);
    drop(plan);
    let mut told: Vec<_> = portion.changes.into_iter().map(|change| change.comments).collect();
    assert_eq!(told.len(), 250);
    told.extend(poller.poll().await.into_iter().map(|change| change.comments));
    let expected: Vec<_> = (1..=300).map(|number| format!("commit {number}")).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn f34_what_was_stripped_is_no_obstacle() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.commit("a", "two");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    repo.hg(&["--config", "extensions.strip=", "strip", "-q", "--no-backup", "-r", "."]);
    assert_eq!(poller.told().await, ["default one"], "the tip itself");
    poller.cursor.tips.insert("default".to_owned(), "--config=x".to_owned());
    repo.commit("a", "two again");
    assert_eq!(poller.told().await, ["default two again"]);
}

#[tokio::test]
async fn an_empty_repository_and_its_first_changeset() {
    let (_folder, repo) = repo();
    let mut poller = Poller::new(&repo.name(), &[]);
    let portions = poller.portions().await;
    assert_eq!(portions.len(), 1, "it has looked");
    repo.commit("a", "one");
    assert_eq!(poller.told().await, ["default one"]);
    let mut first = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    assert_eq!(first.told().await, ["default one"]);
}

#[tokio::test]
async fn a_repository_that_is_gone_and_settings_in_one_that_run_nothing() {
    let (folder, repo) = repo();
    repo.commit("a", "one");
    let trap = folder.path().join("sprung");
    let settings = format!(
        "[alias]\nlog = !touch {0}\nbranches = !touch {0}\n[extensions]\nevil = {1}\n[hooks]\npre-log = touch {0}\n",
        trap.display(),
        folder.path().join("evil.py").display(),
    );
    std::fs::write(repo.path().join(".hg/hgrc"), settings).unwrap();
    let python = format!("open({:?}, 'w')\n", trap.display().to_string());
    std::fs::write(folder.path().join("evil.py"), python).unwrap();
    let mut poller = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    assert_eq!(poller.told().await, ["default one"]);
    assert!(!trap.exists());
    std::fs::rename(repo.path(), folder.path().join("away")).unwrap();
    let error = poller.source.look(&poller.cursor).await.unwrap_err();
    let expected = format!("there is no hg repository at {}: there is no such folder", repo.name());
    assert_eq!(error, expected);
}

/// `hg serve`; ended with the test.
struct Server {
    pid: String,
    port: u16,
}

impl Server {
    fn of(repo: &Repo) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port_text = port.to_string();
        // As a daemon it returns when it listens.
        repo.hg(&[
            "serve",
            "--daemon",
            "--address",
            "127.0.0.1",
            "--port",
            &port_text,
            "--pid-file",
            ".hg/served",
            "--accesslog",
            ".hg/access",
            "--errorlog",
            ".hg/errors",
        ]);
        let pid = std::fs::read_to_string(repo.path().join(".hg/served")).unwrap();
        Self { pid: pid.trim().to_owned(), port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(&self.pid).status();
    }
}

#[tokio::test]
async fn a_remote_one_is_read_through_its_mirror() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let server = Server::of(&repo);
    let mut poller = Poller::new(&server.url(), &["*"]);
    assert_eq!(poller.told().await, NOTHING);
    repo.commit("a", "two");
    repo.hg(&["branch", "-q", "--", "-x"]);
    let tip = repo.commit("a", "three");
    assert_eq!(poller.told().await, ["-x three", "default two"]);
    assert!(poller.portions().await.is_empty());

    let state = tempfile::tempdir().unwrap();
    let url = server.url();
    let found = resolve(state.path(), Vcs::Hg, &url, Some("-x"), None).await.unwrap();
    assert_eq!((found.branch.as_deref(), &found.revision), (Some("-x"), &tip));
    assert_eq!(found.commits.len(), 3);
    assert_eq!(found.commits[2].revision, tip, "oldest first");
}

#[tokio::test]
async fn ss_3_branches_and_revisions_and_what_there_is_not_c22() {
    let (folder, repo) = repo();
    let name = repo.name();
    let empty = resolve(folder.path(), Vcs::Hg, &name, None, None).await.unwrap_err();
    assert!(matches!(empty, ResolveError::Empty { .. }), "{empty}");
    let first = repo.commit("a", "one");
    repo.hg(&["tag", "-u", "a", "-r", &first, "v1.0"]);
    let tip = repo.tip(".");
    for (branch, revision, at) in [
        (None, None, &tip),
        (Some("default"), None, &tip),
        (None, Some(&first[..]), &first),
        (None, Some(&first[..8]), &first),
        (None, Some("v1.0"), &first),
    ] {
        let found = resolve(folder.path(), Vcs::Hg, &name, branch, revision).await.unwrap();
        assert_eq!((&found.revision, found.branch.as_deref()), (at, Some("default")));
    }
    let error = resolve(folder.path(), Vcs::Hg, &name, Some("Default"), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("there is no branch `Default` in {name}; did you mean `default`?")
    );
    for bad in ["0123456", "v2", "all()", "--config=x", "a') or all() or tag('b", ""] {
        let error = resolve(folder.path(), Vcs::Hg, &name, None, Some(bad)).await.unwrap_err();
        assert!(matches!(error, ResolveError::UnknownRevision { .. }), "{bad}: {error}");
    }
}

#[cfg(feature = "console")]
#[tokio::test]
async fn the_key_is_that_of_the_hook_so_a_changeset_never_comes_twice_i2() {
    let (_folder, repo) = repo();
    let mut poller = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    let tip = repo.commit("a", "one");
    let key = poller.poll().await.remove(0).key;
    assert_eq!(key, Some(linn_console::cli::hg_change_key(&repo.name(), "default", &tip)));
}
