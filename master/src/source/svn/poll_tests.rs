//! F48 and SS-3 with the layouts of Subversion, against real svn.

use linn_core::change::NewChange;
use linn_core::config::{Source, SourceKind, SvnLayout, SvnPoller, TextPattern, Vcs};
use linn_core::state::SourceCursor;
use linn_core::time::{Span, Timestamp};

use super::poll::SvnSource;
use super::testing::Repo;
use crate::source::look::{Look, Portion};
use crate::source::{ResolveError, resolve};

/// A source over a real repository, with the cursor that an engine would keep.
struct Poller {
    source: SvnSource,
    cursor: SourceCursor,
}

impl Poller {
    fn new(repository: &str) -> Self {
        Self::with(repository, |_| {})
    }

    fn with(repository: &str, set: impl FnOnce(&mut SvnPoller)) -> Self {
        let mut poller = SvnPoller {
            repository: repository.to_owned(),
            branches: Vec::new(),
            layout: SvnLayout::Standard,
            tags: false,
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
            kind: SourceKind::Svn(poller.clone()),
        };
        Self { source: SvnSource::new(source, poller).unwrap(), cursor: SourceCursor::default() }
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

    /// What was told, as `branch revision files`.
    async fn told(&mut self) -> Vec<String> {
        let changes = self.poll().await;
        let said = changes.iter().map(|change| {
            let branch = change.branch.as_deref().unwrap_or("(default)");
            format!("{branch} r{} {}", change.revision.as_deref().unwrap(), change.files.join(" "))
        });
        said.collect()
    }

    fn tips(&self) -> Vec<String> {
        self.cursor.tips.iter().map(|(name, tip)| format!("{name} {tip}")).collect()
    }
}

const NOTHING: Vec<String> = Vec::new();

#[tokio::test]
async fn f48_the_trunk_is_the_default_branch_and_the_first_look_only_remembers_gp_1() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.commit(&["trunk/a"], "one");
    let mut poller = Poller::new(&repo.name());
    assert_eq!(poller.told().await, NOTHING);
    assert_eq!(poller.tips(), ["HEAD 2", "trunk 2"]);
    assert!(poller.portions().await.is_empty(), "nothing is new");
    repo.commit(&["trunk/dir x/\u{e4}&<b>@2"], "Subject <\u{1b}&\n\nbody");
    let portions = poller.portions().await;
    let change = &portions[0].changes[0];
    assert_eq!(change.branch, None);
    assert_eq!(change.files, ["dir x/", "dir x/\u{e4}&<b>@2"]);
    assert_eq!((change.revision.as_deref(), change.author.as_str()), (Some("3"), "ana"));
    assert!(change.comments.starts_with("Subject <") && change.comments.ends_with("&\n\nbody"));
    assert_eq!((change.vcs.as_str(), change.repository.as_str()), ("svn", repo.name().as_str()));
    assert_eq!((change.project.as_str(), change.category.as_str()), ("p", "c"));
    assert_eq!(change.key, Some(format!("svn {} trunk 3", repo.name())));
    assert!(change.when.is_some_and(|when| when > Timestamp(0)));
    assert_eq!(change.parents, ["2"]);
    assert_eq!(portions[0].commits[0].parents, ["2"], "for blame");
    assert!(poller.portions().await.is_empty());
}

#[tokio::test]
async fn f48_a_revision_that_touches_two_branches_is_a_change_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.copy("trunk", "branches/x");
    let mut poller = Poller::new(&repo.name());
    poller.poll().await;
    repo.commit(&["trunk/a", "branches/x/a", "branches/x/b"], "both");
    let changes = poller.poll().await;
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].branch.as_deref(), Some("branches/x"));
    assert_eq!(
        (changes[0].files.as_slice(), changes[0].parents.as_slice()),
        (&["a".to_owned(), "b".to_owned()][..], &["2".to_owned()][..])
    );
    assert_eq!(
        (changes[1].branch.as_ref(), changes[1].parents.as_slice()),
        (None, &["1".to_owned()][..])
    );
    assert_ne!(changes[0].key, changes[1].key);
}

#[tokio::test]
async fn gp_2_making_a_branch_is_no_change_unless_wanted_and_a_branch_that_goes_is_forgotten_gp_5()
{
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.commit(&["trunk/a"], "one");
    let mut poller = Poller::new(&repo.name());
    let mut eager = Poller::with(&repo.name(), |poller| poller.build_pushes_with_no_commits = true);
    poller.poll().await;
    eager.poll().await;
    repo.copy("trunk", "branches/new");
    let portions = poller.portions().await;
    assert!(portions[0].changes.is_empty());
    assert_eq!(portions[0].commits[0].parents, ["2"], "it follows what it is a copy of");
    assert_eq!(eager.told().await, ["branches/new r3 "]);
    repo.commit(&["branches/new/b"], "work");
    assert_eq!(poller.told().await, ["branches/new r4 b"]);
    assert_eq!(poller.tips(), ["HEAD 4", "branches/new 4", "trunk 2"]);
    repo.svn(&["rm", "-q", "-m", "gone", &repo.url("branches/new")]);
    assert_eq!(poller.told().await, NOTHING);
    assert_eq!(poller.tips(), ["HEAD 5", "trunk 2"]);
    repo.copy("trunk", "branches/again");
    repo.svn(&["rm", "-q", "-m", "all gone", &repo.url("branches")]);
    assert_eq!(poller.told().await, NOTHING);
    assert_eq!(poller.tips(), ["HEAD 7", "trunk 2"]);
}

#[tokio::test]
async fn f48_tags_are_left_out_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.commit(&["trunk/a"], "one");
    let mut poller = Poller::new(&repo.name());
    let mut tags = Poller::with(&repo.name(), |poller| poller.tags = true);
    poller.poll().await;
    tags.poll().await;
    repo.copy("trunk", "tags/v1");
    assert_eq!(poller.told().await, NOTHING);
    assert_eq!(tags.told().await, ["tags/v1 r3 "]);
}

#[tokio::test]
async fn gp_4_some_branches_and_a_project_inside_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "dir a/zork/");
    let place = format!("{}/dir a/zork", repo.name());
    let mut all = Poller::new(&place);
    let mut some = Poller::with(&repo.url("dir%20a/zork/"), |poller| {
        poller.branches = vec![TextPattern("branches/r-*".to_owned())];
    });
    all.poll().await;
    some.poll().await;
    repo.commit(&["other/trunk/x"], "elsewhere");
    assert!(all.portions().await.is_empty(), "another project's are not looked at");
    repo.svn(&["update", "-q", "all"]);
    repo.copy("dir%20a/zork/trunk", "dir%20a/zork/branches/r-1");
    repo.commit(&["dir a/zork/trunk/x", "dir a/zork/branches/r-1/y", "other/trunk/z"], "both");
    assert_eq!(all.told().await, ["branches/r-1 r4 y", "(default) r4 x"]);
    assert_eq!(some.told().await, ["branches/r-1 r4 y"]);
}

#[tokio::test]
async fn a_repository_without_the_layout_is_told_of_and_read_when_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::create(folder.path());
    let mut poller = Poller::new(&repo.name());
    assert_eq!(poller.told().await, NOTHING, "an empty one may still get it");
    repo.commit(&["src/a"], "one");
    let late = Poller::new(&repo.name());
    let error = late.source.look(&late.cursor).await.unwrap_err();
    assert!(error.contains("layout = \"none\""), "{error}");
    let mut flat = Poller::with(&repo.name(), |poller| {
        poller.layout = SvnLayout::None;
        poller.build_first_tip = true;
    });
    assert_eq!(flat.told().await, ["(default) r1 src/ src/a"]);
    repo.commit(&["trunk/b"], "two");
    assert_eq!(flat.told().await, ["(default) r2 trunk/ trunk/b"]);
}

#[tokio::test]
async fn gp_6_many_revisions_come_in_portions_that_can_be_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    let mut poller = Poller::new(&repo.name());
    poller.poll().await;
    for number in 0..120 {
        let url = repo.url(&format!("trunk/d{number}"));
        repo.svn(&["mkdir", "-q", "-m", "more", &url]);
    }
    let mut plan = poller.source.look(&poller.cursor).await.unwrap().unwrap();
    let portion = poller.source.next(&mut plan).await.unwrap().unwrap();
    assert_eq!(portion.changes.len(), 100);
    poller.cursor.tips.clone_from(&portion.tips);
    drop(plan);
    let rest = poller.told().await;
    assert_eq!(rest.len(), 20);
    assert_eq!(rest[0], "(default) r102 d100/");
    assert_eq!(poller.tips(), ["HEAD 121", "trunk 121"]);
}

#[tokio::test]
async fn a_repository_that_is_gone_is_a_sentence_and_one_made_anew_is_taken_as_seen() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.commit(&["trunk/a"], "one");
    let mut poller = Poller::new(&repo.name());
    poller.poll().await;
    let away = folder.path().join("away");
    std::fs::rename(repo.path(), &away).unwrap();
    let error = poller.source.look(&poller.cursor).await.unwrap_err();
    assert!(error.starts_with("svn could not read the newest revision of "), "{error}");
    std::fs::rename(&away, repo.path()).unwrap();
    poller.cursor.tips.insert("HEAD".to_owned(), "99".to_owned());
    assert_eq!(poller.told().await, NOTHING);
    assert_eq!(poller.tips(), ["HEAD 2", "trunk 2"]);
}

#[tokio::test]
async fn ss_3_branches_and_revisions_and_what_there_is_not_c22() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    repo.commit(&["trunk/a"], "one");
    repo.copy("trunk", "branches/x");
    let name = repo.name();
    let at = |branch, revision| resolve(folder.path(), Vcs::Svn, &name, branch, revision);
    for (branch, revision, found) in [
        (None, None, "2"),
        (Some("trunk"), None, "2"),
        (Some("branches/x"), None, "3"),
        (None, Some("1"), "1"),
        (None, Some("r3"), "2"),
    ] {
        let resolved = at(branch, revision).await.unwrap();
        assert_eq!((&*resolved.revision, resolved.branch.as_deref()), (found, branch));
    }
    for (branch, revision) in
        [(Some("branches/y"), None), (Some("branches/x"), Some("2")), (Some("../r"), None)]
    {
        let error = at(branch, revision).await.unwrap_err();
        assert!(matches!(error, ResolveError::UnknownBranch { .. }), "{branch:?}: {error}");
    }
    for bad in ["99", "HEAD", "-1", "{2020-01-01}", "", "r"] {
        let error = at(None, Some(bad)).await.unwrap_err();
        assert!(matches!(error, ResolveError::UnknownRevision { .. }), "{bad}: {error}");
    }
}

#[cfg(feature = "console")]
#[tokio::test]
async fn the_key_is_that_of_the_hook_so_a_revision_never_comes_twice_i2() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::with_layout(folder.path(), "");
    let mut poller = Poller::new(&repo.name());
    poller.poll().await;
    repo.commit(&["trunk/a"], "one");
    let key = poller.poll().await.remove(0).key;
    assert_eq!(key, Some(linn_console::cli::svn_change_key(&repo.name(), "trunk", 2)));
}
