//! SS-3 and C22 on a folder: what exists is found, what does not is a sentence.

use linn_core::config::Vcs;

use super::git::testing::Repo;
use super::{ResolveError, resolve};

#[tokio::test]
async fn branches_and_revisions_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    let name = repo.name();
    let empty = resolve(folder.path(), Vcs::Git, &name, None, None).await.unwrap_err();
    assert_eq!(empty.to_string(), format!("{name} has no commit on its default branch yet"));

    let first = repo.commit("a", "one");
    let second = repo.commit("a", "two");
    repo.git(&["branch", "old", &first]);
    repo.git(&["update-ref", "refs/heads/-x", &first]);
    repo.git(&["tag", "-a", "-m", "t", "v1.0", &first]);
    let cases = [
        (None, None, Some("main"), &second),
        (Some("old"), None, Some("old"), &first),
        (Some("-x"), None, Some("-x"), &first),
        (Some("main"), Some(&first[..]), Some("main"), &first),
        (None, Some(&first[..7]), Some("main"), &first),
        (None, Some("v1.0"), Some("main"), &first),
    ];
    for (branch, revision, on, at) in cases {
        let found = resolve(folder.path(), Vcs::Git, &name, branch, revision).await.unwrap();
        assert_eq!((found.branch.as_deref(), &found.revision), (on, at), "{branch:?} {revision:?}");
        assert_eq!(found.commits.last().map(|commit| &commit.revision), Some(at));
    }
    repo.git(&["checkout", "-q", "--detach", &first]);
    let found = resolve(folder.path(), Vcs::Git, &name, None, None).await.unwrap();
    assert_eq!((found.branch, found.revision), (None, first));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_a_sentence_c22() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    let tip = repo.commit("a", "one");
    let name = repo.name();
    let error = resolve(folder.path(), Vcs::Git, &name, Some("Main"), None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("there is no branch `Main` in {name}; did you mean `main`?")
    );
    let tree = repo.tip("HEAD^{tree}");
    for revision in
        ["0123456", "HEAD", "HEAD;id", "main~1", "--all", "", &tree, "x..y", "@{1}", "\u{1b}[31m"]
    {
        let error =
            resolve(folder.path(), Vcs::Git, &name, None, Some(revision)).await.unwrap_err();
        assert!(matches!(error, ResolveError::UnknownRevision { .. }), "{revision:?}: {error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    for repository in ["/no/such/place", "ext::sh -c id", "-x", ""] {
        let error =
            resolve(folder.path(), Vcs::Git, repository, None, Some(&tip)).await.unwrap_err();
        assert!(matches!(error, ResolveError::Unreachable(_)), "{repository}: {error}");
    }
}
