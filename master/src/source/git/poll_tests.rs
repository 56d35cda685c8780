//! Each rule of GP-* with its better one, F33 to F35, and hostile repositories, against real git.

use std::collections::BTreeMap;
use std::sync::Arc;

use linn_core::change::NewChange;
use linn_core::config::{GitHistory, GitOnly, GitPoller, Source, SourceKind, TextPattern};
use linn_core::hooks::HookId;
use linn_core::id::ConfigDigest;
use linn_core::state::SourceCursor;
use linn_core::time::{Span, Timestamp};

use super::pick::Picks;
use super::poll::GitSource;
use super::testing::Repo;
use crate::source::look::Portion;

/// A source over a real repository, with the cursor that an engine would keep.
struct Poller {
    source: GitSource,
    cursor: SourceCursor,
    _mirrors: tempfile::TempDir,
}

impl Poller {
    fn new(repository: &str, branches: &[&str]) -> Self {
        Self::with(repository, branches, |_| {})
    }

    fn with(repository: &str, branches: &[&str], set: impl FnOnce(&mut GitPoller)) -> Self {
        let mut poller = GitPoller {
            repository: repository.to_owned(),
            branches: branches.iter().map(|text| TextPattern((*text).to_owned())).collect(),
            only: None,
            interval: Span::seconds(1),
            build_pushes_with_no_commits: false,
            build_first_tip: false,
            tags: false,
            history: GitHistory::FirstParent,
        };
        set(&mut poller);
        let source = Source {
            name: "code".into(),
            codebase: Some("app".into()),
            project: "p".to_owned(),
            category: "c".to_owned(),
            kind: SourceKind::Git(poller.clone()),
        };
        let mirrors = tempfile::tempdir().unwrap();
        let source = GitSource::new(mirrors.path(), source, poller).unwrap();
        Self { source, cursor: SourceCursor::default(), _mirrors: mirrors }
    }

    /// One look, told to its end: the portions, moving the cursor as the engine does.
    async fn portions(&mut self) -> Vec<Portion> {
        let mut portions = Vec::new();
        if let Some(mut plan) = self.source.look(&self.cursor).await.unwrap() {
            while let Some(portion) = self.source.next(&mut plan).await.unwrap() {
                self.take(&portion);
                portions.push(portion);
            }
        }
        portions
    }

    fn take(&mut self, portion: &Portion) {
        self.cursor.tips.clone_from(&portion.tips);
        self.cursor.looked = true;
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

#[tokio::test]
async fn gp_1_the_first_look_records_and_later_ones_tell_oldest_first() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.commit("a", "two");
    let mut poller = Poller::new(&repo.name(), &[]);
    let portions = poller.portions().await;
    assert_eq!(portions.len(), 1);
    assert!(portions[0].changes.is_empty());
    assert_eq!(portions[0].tips, BTreeMap::from([("main".to_owned(), repo.tip("main"))]));
    assert_eq!(portions[0].commits.len(), 2, "the graph is told at once, for blame");
    assert!(poller.portions().await.is_empty(), "nothing has moved");

    repo.commit("a", "three");
    repo.commit("a", "four");
    assert_eq!(poller.told().await, ["main three", "main four"]);
    assert!(poller.portions().await.is_empty());
}

#[tokio::test]
async fn gp_1_first_parents_only_and_the_files_of_a_merge_are_those_against_the_first_f33() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["main"]);
    poller.poll().await;
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.commit("s/1", "side 1");
    repo.commit("s/2", "side 2");
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("m", "own");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merged", "side"]);
    let portions = poller.portions().await;
    let changes = &portions[0].changes;
    let told: Vec<_> = changes.iter().map(|change| change.comments.as_str()).collect();
    assert_eq!(told, ["own", "merged"]);
    assert_eq!(changes[1].files, ["s/1", "s/2"]);
    assert_eq!(changes[1].parents.len(), 2);
    let graph: Vec<_> = portions[0].commits.iter().map(|commit| &commit.revision).collect();
    assert_eq!(graph.len(), 4, "the graph has the side branch too");
    assert_eq!(graph.last(), Some(&&repo.tip("main")), "oldest first");
}

#[tokio::test]
async fn build_first_tip_tells_the_tip_of_each_branch_once() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.commit("a", "two");
    repo.git(&["branch", "next", "HEAD~"]);
    let mut poller = Poller::with(&repo.name(), &["*"], |poller| poller.build_first_tip = true);
    assert_eq!(poller.told().await, ["main two", "next one"]);
    assert_eq!(poller.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn gp_2_a_new_branch_at_a_known_commit_is_no_news_unless_wanted_f35() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["*"]);
    let mut eager =
        Poller::with(&repo.name(), &["*"], |poller| poller.build_pushes_with_no_commits = true);
    poller.poll().await;
    eager.poll().await;
    repo.git(&["branch", "copy"]);
    assert_eq!(poller.told().await, Vec::<String>::new());
    assert_eq!(eager.told().await, ["copy one"]);
    assert!(poller.cursor.tips.contains_key("copy"));
    repo.git(&["checkout", "-q", "-b", "fresh"]);
    repo.commit("b", "new work");
    assert_eq!(poller.told().await, ["fresh new work"]);
}

#[tokio::test]
async fn gp_3_a_known_branch_moved_to_a_commit_seen_elsewhere_is_news_f35() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["branch", "stable"]);
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    repo.commit("a", "two");
    let tip = repo.commit("a", "three");
    assert_eq!(poller.told().await, ["main two", "main three"]);
    repo.git(&["branch", "-f", "stable", "main"]);
    let changes = poller.poll().await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].branch.as_deref(), Some("stable"));
    assert_eq!(changes[0].key.as_deref(), Some(&*format!("git {} stable {tip}", repo.name())));
}

#[tokio::test]
async fn gp_3_two_branches_that_get_the_same_commits_in_one_look_both_hear_of_them() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["branch", "stable"]);
    let mut poller = Poller::new(&repo.name(), &["main", "stable"]);
    poller.poll().await;
    repo.commit("a", "two");
    repo.git(&["branch", "-f", "stable", "main"]);
    assert_eq!(poller.told().await, ["main two", "stable two"]);
}

#[tokio::test]
async fn gp_4_branches_by_name_and_glob() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["branch", "release/1"]);
    repo.git(&["branch", "other"]);
    let mut poller = Poller::new(&repo.name(), &["main", "release/*", "not-there"]);
    poller.poll().await;
    let known: Vec<_> = poller.cursor.tips.keys().map(String::as_str).collect();
    assert_eq!(known, ["main", "release/1"]);
}

#[tokio::test]
async fn gp_5_a_branch_that_is_gone_is_forgotten_and_the_others_are_not() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["branch", "topic"]);
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    repo.git(&["branch", "-D", "topic"]);
    let portions = poller.portions().await;
    assert_eq!(portions.len(), 1);
    assert!(portions[0].changes.is_empty());
    assert_eq!(poller.cursor.tips.len(), 1);
}

#[tokio::test]
async fn gp_6_what_a_commit_says_mailmap_of_the_tip_included_f33() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    repo.git(&["config", "user.name", "Bad \u{202e}Name"]);
    repo.commit("dir/ü b", "Subject\n\nBody with \u{1b}[31mcolour\u{7} and\ttab\n\nTrailer: x");
    repo.git(&["config", "user.name", "Ana"]);
    repo.commit(".mailmap", "Ana Real <ana@real.example> <ana@example.org>\n");
    std::fs::write(repo.path().join(".mailmap"), "Wrong <w@x> <ana@example.org>\n").unwrap();
    let changes = poller.poll().await;
    let change = &changes[0];
    assert_eq!(change.author, "Ana Real <ana@real.example>");
    assert_eq!(change.committer, "Ana Real <ana@real.example>");
    assert_eq!(
        change.comments, "Subject\n\nBody with \u{1b}[31mcolour\u{7} and\ttab\n\nTrailer: x",
        "kept as it is; whoever shows it makes it safe"
    );
    assert_eq!(change.files, ["dir/ü b"]);
    assert_eq!(change.vcs, "git");
    assert_eq!((change.project.as_str(), change.category.as_str()), ("p", "c"));
    assert_eq!(change.codebase, Some("app".into()));
    assert_eq!(change.repository, repo.name());
    assert_eq!(change.parents.len(), 1);
    assert!(change.when.is_some_and(|when| when > Timestamp(0)));
}

#[tokio::test]
async fn gp_6_a_commit_that_says_too_much_is_told_with_the_beginning_of_it() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    repo.commit("a", "two");
    let endless = format!("three\n\n{}", "all work and no play ".repeat(1 << 20));
    let three = repo.commit("a", &endless);
    let name = "Ana ".repeat(5 << 20);
    let four = format!(
        "tree {}\nparent {three}\nauthor {name}<a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nfour\n",
        repo.tip("HEAD^{tree}")
    );
    let four = repo.git_with(&["hash-object", "-t", "commit", "-w", "--stdin"], four.as_bytes());
    repo.git(&["reset", "-q", "--hard", &four]);
    let five = repo.commit("b", "five");
    let changes = poller.poll().await;
    let told: Vec<_> = changes.iter().map(|change| change.revision.as_deref().unwrap()).collect();
    assert_eq!(told[1..], [&*three, &*four, &*five]);
    assert!(changes[1].comments.len() >= 64 << 10 && endless.starts_with(&changes[1].comments));
    assert_eq!((changes[1].files.as_slice(), changes[1].parents.len()), (&["a".to_owned()][..], 1));
    assert!(changes[2].author.starts_with("Ana Ana ") && changes[2].author.len() < 10_000);
    assert_eq!(changes[2].parents, [three]);
    assert_eq!(changes[3].comments, "five");
}

#[tokio::test]
async fn gp_6_a_plan_that_is_cut_short_loses_nothing_and_tells_nothing_twice() {
    let (_folder, repo) = repo();
    let first = repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    repo.import("main", &first, 600);
    let mut plan = poller.source.look(&poller.cursor).await.unwrap().unwrap();
    let portion = poller.source.next(&mut plan).await.unwrap().unwrap();
    poller.take(&portion);
    drop(plan);
    let mut told: Vec<_> = portion.changes.into_iter().map(|change| change.comments).collect();
    assert!(told.len() < 600);
    told.extend(poller.poll().await.into_iter().map(|change| change.comments));
    let expected: Vec<_> = (1..=600).map(|number| format!("commit {number}")).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_push_of_ten_thousand_commits_comes_in_bounded_portions() {
    let (_folder, repo) = repo();
    let first = repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["main"]);
    poller.poll().await;
    repo.import("main", &first, 10_000);
    let portions = poller.portions().await;
    assert!(portions.iter().all(|portion| portion.changes.len() <= 250));
    assert!(portions.iter().all(|portion| portion.commits.len() <= 5_000));
    let told: Vec<_> = portions.iter().flat_map(|portion| &portion.changes).collect();
    assert_eq!(told.len(), 10_000);
    assert_eq!(told[0].comments, "commit 1");
    assert_eq!(told[9_999].comments, "commit 10000");
    assert_eq!(poller.cursor.tips["main"], repo.tip("main"));
}

#[tokio::test]
async fn f34_after_a_force_push_what_is_new_or_else_the_tip() {
    let (_folder, repo) = repo();
    let base = repo.commit("a", "one");
    repo.commit("a", "two");
    let mut poller = Poller::new(&repo.name(), &["main"]);
    poller.poll().await;
    repo.git(&["reset", "-q", "--hard", &base]);
    repo.commit("a", "two again");
    repo.commit("a", "three again");
    assert_eq!(poller.told().await, ["main two again", "main three again"]);
    repo.git(&["reset", "-q", "--hard", &base]);
    assert_eq!(poller.told().await, ["main one"], "back to a known commit: the tip itself");
}

#[tokio::test]
async fn a_known_tip_that_was_thrown_away_is_no_obstacle() {
    let (_folder, repo) = repo();
    let base = repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &["main"]);
    poller.poll().await;
    poller.cursor.tips.insert("main".to_owned(), "0123456789".repeat(4));
    poller.cursor.tips.insert("evil".to_owned(), "--output=x".to_owned());
    poller.cursor.tips.insert("side".to_owned(), base);
    repo.commit("a", "two");
    assert_eq!(poller.told().await, ["main two"]);
}

#[tokio::test]
async fn branch_names_that_look_like_options() {
    let (_folder, repo) = repo();
    let first = repo.commit("a", "one");
    repo.git(&["update-ref", "refs/heads/-rf", &first]);
    repo.git(&["update-ref", "refs/heads/--upload-pack=x", &first]);
    let mut poller = Poller::new(&repo.name(), &["*"]);
    poller.poll().await;
    let tip = repo.commit("a", "two");
    repo.git(&["update-ref", "refs/heads/-rf", &tip]);
    assert_eq!(poller.told().await, ["-rf two", "main two"]);
}

#[tokio::test]
async fn an_empty_repository_and_its_first_commit() {
    let (_folder, repo) = repo();
    let mut poller = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    let portions = poller.portions().await;
    assert_eq!(portions.len(), 1, "it has looked");
    assert!(portions[0].tips.is_empty());
    repo.commit("a", "one");
    assert_eq!(poller.told().await, ["main one"]);
}

#[tokio::test]
async fn a_detached_head_and_going_from_branch_to_branch() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    repo.git(&["checkout", "-q", "--detach"]);
    assert_eq!(poller.told().await, ["HEAD one"]);
    repo.git(&["checkout", "-q", "-b", "topic"]);
    assert_eq!(poller.told().await, Vec::<String>::new(), "a new branch at a known commit");
    repo.commit("a", "two");
    assert_eq!(poller.told().await, ["topic two"]);
    repo.git(&["checkout", "-q", "main"]);
    poller.poll().await;
    repo.git(&["merge", "-q", "--ff-only", "topic"]);
    assert_eq!(poller.told().await, ["main two"], "F35: main is known and has moved");
}

#[tokio::test]
async fn a_repository_that_is_gone_is_a_sentence_and_comes_back() {
    let (folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::new(&repo.name(), &[]);
    poller.poll().await;
    let away = folder.path().join("away");
    std::fs::rename(repo.path(), &away).unwrap();
    let error = poller.source.look(&poller.cursor).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("there is no repository at {}: there is no such folder", repo.name())
    );
    std::fs::create_dir(repo.path()).unwrap();
    let error = poller.source.look(&poller.cursor).await.unwrap_err().to_string();
    assert!(error.ends_with("the folder is no git repository"), "{error}");
    std::fs::remove_dir(repo.path()).unwrap();
    std::fs::rename(&away, repo.path()).unwrap();
    repo.commit("a", "two");
    assert_eq!(poller.told().await, ["main two"]);
}

#[tokio::test]
async fn a_bare_repository_and_a_linked_worktree() {
    let (folder, repo) = repo();
    repo.commit("a", "one");
    let bare = folder.path().join("b.git");
    repo.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let mut poller = Poller::new(bare.to_str().unwrap(), &[]);
    poller.poll().await;
    repo.commit("a", "two");
    repo.git(&["push", "-q", bare.to_str().unwrap(), "main"]);
    assert_eq!(poller.told().await, ["main two"]);

    let tree = folder.path().join("tree");
    repo.git(&["worktree", "add", "-q", "-b", "topic", tree.to_str().unwrap()]);
    let mut poller = Poller::with(tree.to_str().unwrap(), &[], |p| p.build_first_tip = true);
    assert_eq!(poller.told().await, ["topic two"]);
}

#[cfg(feature = "console")]
#[tokio::test]
async fn the_key_is_that_of_the_hook_so_a_commit_never_comes_twice_i2() {
    let (_folder, repo) = repo();
    let mut poller = Poller::with(&repo.name(), &[], |poller| poller.build_first_tip = true);
    let tip = repo.commit("a", "one");
    let key = poller.poll().await.remove(0).key;
    assert_eq!(key, Some(linn_console::cli::git_change_key(&repo.name(), "main", &tip)));
}

#[tokio::test]
async fn f33_with_the_full_history_what_was_merged_is_told_too() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller =
        Poller::with(&repo.name(), &["main"], |poller| poller.history = GitHistory::Full);
    poller.poll().await;
    repo.git(&["checkout", "-q", "-b", "side"]);
    repo.commit("s/1", "side 1");
    repo.commit("s/2", "side 2");
    repo.git(&["checkout", "-q", "main"]);
    repo.commit("m", "own");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merged", "side"]);
    let told = poller.told().await;
    assert_eq!(told.len(), 4);
    assert_eq!(told[3], "main merged");
    let place = |what: &str| told.iter().position(|one| one == what).unwrap();
    assert!(place("main side 1") < place("main side 2") && place("main own") < 3, "{told:?}");
}

#[tokio::test]
async fn f33_tags_are_changes_on_a_branch_of_their_own_where_asked_for() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["tag", "before"]);
    let mut poller = Poller::with(&repo.name(), &["main"], |poller| {
        poller.tags = true;
        poller.build_first_tip = true;
    });
    let mut without = Poller::new(&repo.name(), &["*"]);
    assert_eq!(poller.told().await, ["main one"], "old tags are no news");
    without.poll().await;
    repo.git(&["tag", "v1"]);
    repo.git(&["tag", "-a", "-m", "t", "v2"]);
    let changes = poller.poll().await;
    let told: Vec<_> = changes.iter().map(|change| change.branch.as_deref().unwrap()).collect();
    assert_eq!(told, ["refs/tags/v1", "refs/tags/v2"]);
    assert_eq!(changes[1].revision, Some(repo.tip("main")), "the commit, not the tag's own id");
    assert_eq!(without.told().await, Vec::<String>::new());

    // A tag on commits that no branch has yet does not hide them from the branch that gets them.
    repo.git(&["checkout", "-q", "--detach"]);
    repo.commit("a", "two");
    repo.commit("a", "three");
    repo.git(&["tag", "v3"]);
    repo.git(&["tag", "-f", "v1"]);
    repo.git(&["tag", "-d", "v2"]);
    assert_eq!(poller.told().await, ["refs/tags/v1 three", "refs/tags/v3 three"]);
    assert!(!poller.cursor.tips.contains_key("refs/tags/v2"));
    repo.git(&["branch", "-f", "main", "HEAD"]);
    assert_eq!(poller.told().await, ["main two", "main three"]);
}

/// GP-4: a function picks refs by their full names, and is asked once for each.
#[tokio::test]
async fn gp_4_a_function_picks_branches_and_tags() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    repo.git(&["branch", "topic"]);
    let only = GitOnly::Picked(HookId {
        config: ConfigDigest::new("d"),
        index: 0,
        label: "wanted at master.star:1".to_owned(),
    });
    let mut poller = Poller::with(&repo.name(), &[], |poller| {
        poller.only = Some(only);
        poller.tags = true;
    });
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let broken = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let picks = {
        let (asked, broken) = (asked.clone(), broken.clone());
        Picks::new(move |refs: Vec<String>| {
            asked.lock().unwrap().extend(refs.clone());
            let broken = broken.load(std::sync::atomic::Ordering::SeqCst);
            async move {
                if broken {
                    return Err("wanted failed for refs/heads/main: no".to_owned());
                }
                let wanted = |name: &String| name == "refs/heads/main" || name.contains("/v");
                Ok(refs.iter().map(wanted).collect())
            }
        })
    };
    poller.source = poller.source.with_picks(picks);
    let failed = poller.source.look(&poller.cursor).await.unwrap_err().to_string();
    assert!(failed.contains("wanted failed for refs/heads/main"), "{failed}");
    broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(poller.told().await, Vec::<String>::new());
    assert_eq!(poller.cursor.tips.keys().collect::<Vec<_>>(), ["main"]);
    asked.lock().unwrap().clear();
    repo.commit("a", "two");
    repo.git(&["branch", "-f", "topic"]);
    repo.git(&["tag", "v1"]);
    repo.git(&["tag", "other"]);
    assert_eq!(poller.told().await, ["main two", "refs/tags/v1 two"]);
    assert_eq!(*asked.lock().unwrap(), ["refs/tags/other", "refs/tags/v1"]);
}

/// GP-4: tags alone.
#[tokio::test]
async fn gp_4_tags_only() {
    let (_folder, repo) = repo();
    repo.commit("a", "one");
    let mut poller = Poller::with(&repo.name(), &[], |poller| {
        poller.only = Some(GitOnly::Tags);
        poller.tags = true;
    });
    poller.poll().await;
    repo.commit("a", "two");
    repo.git(&["tag", "v1"]);
    assert_eq!(poller.told().await, ["refs/tags/v1 two"]);
}
