//! Each dialect over bodies as forges send them (`bodies/`): what comes of them, and what is refused.

use std::fmt::Write as _;

use linn_core::config::{Codebase, Config, Dialect, GitPoller, Source, SourceKind, Webhook};
use linn_core::id::ConfigDigest;
use linn_core::time::Span;

use super::{Letter, read};

fn hook(dialect: Dialect) -> Webhook {
    Webhook {
        dialect,
        secret: None,
        pull_requests: true,
        tags: false,
        build_pushes_with_no_commits: false,
    }
}

fn source(hook: &Webhook) -> Source {
    Source {
        name: "forge".into(),
        codebase: None,
        project: String::new(),
        category: String::new(),
        kind: SourceKind::Webhook(hook.clone()),
    }
}

fn told_by(hook: &Webhook, event: &str, body: &str) -> Result<String, String> {
    let config = Config::empty(ConfigDigest::new("d"));
    let letter = Letter { event, body: body.as_bytes(), ..Letter::default() };
    let changes = read(&config, &source(hook), hook, &letter)?;
    let mut text = String::new();
    for change in changes {
        let when = change.when.map(|when| when.0).unwrap_or_default();
        let branch = change.branch.as_deref().unwrap_or("-");
        let revision = change.revision.as_deref().map_or("-", |id| &id[..id.len().min(4)]);
        let _ = writeln!(text, "{} on {branch} at {revision}, {when}", change.author);
        let _ = writeln!(text, "  {:?} {:?}", change.comments, change.files);
        let key = change.key.as_deref().unwrap_or("-");
        let _ = writeln!(text, "  {key}");
        for (what, said) in [
            ("from", change.moved_from.as_deref().map_or("", |id| &id[..4])),
            ("committer", &change.committer),
            ("category", &change.category),
            ("link", &change.revlink),
            ("parents", &change.parents.iter().map(|id| &id[..4]).collect::<Vec<_>>().join(" ")),
        ] {
            if !said.is_empty() {
                let _ = writeln!(text, "  {what} {said}");
            }
        }
        for (name, value) in change.properties {
            let _ = writeln!(text, "  {name} = {value}");
        }
    }
    Ok(text)
}

fn told(dialect: Dialect, event: &str, body: &str) -> String {
    told_by(&hook(dialect), event, body).unwrap()
}

/// The two commits that most bodies push, as each forge tells of them.
macro_rules! bodies {
    ($($name:ident: $dialect:ident, $event:literal, $file:literal;)*) => {$(
        #[test]
        fn $name() {
            let body = include_str!(concat!("bodies/", $file, ".json"));
            insta::assert_snapshot!($file, told(Dialect::$dialect, $event, body));
        }
    )*};
}

bodies! {
    a_push_of_github: Github, "push", "github-push";
    a_pull_request_of_github_f15: Github, "pull_request", "github-pull";
    a_push_of_gitlab: Gitlab, "Push Hook", "gitlab-push";
    a_merge_request_of_gitlab_f15: Gitlab, "Merge Request Hook", "gitlab-merge";
    a_push_of_gitea: Gitea, "push", "gitea-push";
    a_pull_request_of_gitea_f15: Gitea, "pull_request", "gitea-pull";
    a_push_of_bitbucket_cloud: Bitbucket, "repo:push", "bitbucket-push";
    a_pull_request_of_bitbucket_cloud_f15: Bitbucket, "pullrequest:created", "bitbucket-pull";
    a_push_of_bitbucket_data_center: Bitbucket, "repo:refs_changed", "bitbucket-server-push";
    a_pull_request_of_bitbucket_data_center: Bitbucket, "pr:opened", "bitbucket-server-pull";
    a_patch_set_of_gerrit: Gerrit, "", "gerrit-patchset";
    what_gerrit_took_in: Gerrit, "", "gerrit-merged";
    a_ref_that_gerrit_moved: Gerrit, "", "gerrit-ref";
    change_objects_f14: Generic, "", "generic";
}

#[test]
fn what_says_nothing_of_a_build() {
    let push = include_str!("bodies/github-push.json");
    let pull = include_str!("bodies/github-pull.json");
    for (what, event, body) in [
        ("a ping", "ping", include_str!("bodies/github-ping.json").to_owned()),
        ("a deleted branch", "push", include_str!("bodies/github-delete.json").to_owned()),
        ("a tag, unless wanted", "push", include_str!("bodies/github-tag.json").to_owned()),
        ("a closed request", "pull_request", pull.replace("\"synchronize\"", "\"closed\"")),
        ("a skipped request", "pull_request", pull.replace("A brighter", "[skip ci] A brighter")),
        ("a skipped push", "push", push.replace("Drop the", "[ci skip] Drop the")),
        ("notes", "push", push.replace("refs/heads/main", "refs/notes/commits")),
    ] {
        assert_eq!(told(Dialect::Github, event, &body), "", "{what}");
    }
    let merge = include_str!("bodies/gitlab-merge.json");
    for merge in [
        merge.replace("\"update\"", "\"merge\""),
        merge.replace("\"oldrev\"", "\"other\""),
        merge.replace("Drop the sword\\n", "Drop [skip  ci]"),
    ] {
        assert_eq!(told(Dialect::Gitlab, "Merge Request Hook", &merge), "");
    }
    assert_eq!(told(Dialect::Gitlab, "Pipeline Hook", "{}"), "");
    assert_eq!(told(Dialect::Bitbucket, "diagnostics:ping", "{\"test\": true}"), "");
    assert_eq!(told(Dialect::Gitea, "issues", "{}"), "");
    let only_pushes = Webhook { pull_requests: false, ..hook(Dialect::Github) };
    assert_eq!(told_by(&only_pushes, "pull_request", pull).unwrap(), "");
}

#[test]
fn tags_where_they_are_wanted() {
    for (dialect, event, body) in [
        (Dialect::Github, "push", include_str!("bodies/github-tag.json")),
        (Dialect::Gitlab, "Tag Push Hook", include_str!("bodies/gitlab-tag.json")),
    ] {
        let hook = Webhook { tags: true, ..hook(dialect) };
        let told = told_by(&hook, event, body).unwrap();
        assert!(told.contains(" on refs/tags/v1.0 at c441, "), "{told}");
        assert!(told.contains("  category tag\n") && !told.contains("  from "), "{told}");
    }
}

/// security.md S2.
#[test]
fn what_is_refused_and_in_which_words() {
    let push = include_str!("bodies/github-push.json");
    let long = format!("refs/heads/{}", "x".repeat(4097));
    let branch = |name: &str| push.replace("refs/heads/main", name);
    for (dialect, event, body, why) in [
        (Dialect::Github, "", push.to_owned(), "there is no header X-GitHub-Event"),
        (Dialect::Github, "x\u{1b}[2J", push.to_owned(), "`x\u{fffd}[2J` is none that linn knows"),
        (Dialect::Gitea, "psh", "{}".to_owned(), "the event `psh` is none that linn knows"),
        (Dialect::Gitlab, "", "{}".to_owned(), "there is no header X-Gitlab-Event"),
        (Dialect::Bitbucket, "repository:push", "{}".to_owned(), "is none that linn knows"),
        (
            Dialect::Github,
            "push",
            "{}".to_owned(),
            "the body is not what this event has: missing field `ref`",
        ),
        (Dialect::Github, "push", push[..200].to_owned(), "the body is no JSON: "),
        (Dialect::Generic, "", "[".repeat(50_000), "recursion limit"),
        (Dialect::Github, "push", branch("refs/heads/-rf"), "branch starts with `-`"),
        (Dialect::Github, "push", branch("refs/heads/--upload-pack=x"), "branch starts with `-`"),
        (
            Dialect::Github,
            "push",
            branch("refs/heads/a\\u0000b"),
            "branch holds control characters",
        ),
        (Dialect::Github, "push", branch(&long), "branch is longer than 4096 bytes"),
        (Dialect::Github, "push", push.replace("c441029c", "-c441029"), "revision starts with `-`"),
        (Dialect::Gerrit, "", "[]".to_owned(), "there is no `type` in it"),
        (
            Dialect::Generic,
            "",
            "{\"author\": \"a\", \"branch\": \"-x\"}".to_owned(),
            "branch starts",
        ),
    ] {
        let said = told_by(&hook(dialect), event, &body).unwrap_err();
        assert!(said.contains(why), "{event}: {said}");
        assert!(said.chars().count() < 600 && !said.contains('\u{1b}'), "{said}");
    }
}

/// What people wrote is never a reason to lose a commit, nor is what a clock said.
#[test]
fn odd_people_and_odd_times_are_made_to_fit() {
    let push = include_str!("bodies/github-push.json");
    let odd = push
        .replace("Bob Grue", "Bob\\u001b]0;x\\u0007Grue \u{202e}")
        .replace("2026-11-27T11:00:01+01:00", "9999-12-31T23:59:59Z")
        .replace("2026-11-27T10:59:12+01:00", "1900-01-01T00:00:00Z");
    let told = told(Dialect::Github, "push", &odd);
    assert!(!told.contains('\u{1b}') && told.contains("Bob ]0;x Grue"), "{told}");
    // A moment beyond all calendars is none: the change is of the moment when it comes in.
    assert!(told.contains("at 9f0c, 0\n") && told.contains("at c441, 0\n"), "{told}");
}

/// CH-2, I2: whoever tells of a commit tells of the same one.
#[test]
fn the_key_is_that_of_a_poller_of_the_same_repository() {
    let mut config = Config::empty(ConfigDigest::new("d"));
    let repository = "ssh://git@github.com/frobozz/zork".to_owned();
    let codebase = Codebase { repository: repository.clone(), ..Codebase::default() };
    config.codebases.insert("zork".into(), codebase);
    let poller = GitPoller {
        repository,
        branches: Vec::new(),
        only: None,
        interval: Span::seconds(60),
        build_pushes_with_no_commits: false,
        build_first_tip: false,
        tags: false,
        history: linn_core::config::GitHistory::FirstParent,
    };
    let hook = hook(Dialect::Github);
    let poll = Source { name: "poll".into(), kind: SourceKind::Git(poller), ..source(&hook) };
    config.sources.insert(poll.name.clone(), poll);
    let body = include_bytes!("bodies/github-push.json");
    let letter = Letter { event: "push", body, ..Letter::default() };
    let changes = read(&config, &source(&hook), &hook, &letter).unwrap();
    assert_eq!(
        changes[1].key.as_deref(),
        Some("git ssh://git@github.com/frobozz/zork main c441029cf673f84c8b7db52d0a5944ee5c52ff89")
    );
    assert_eq!((&changes[0].codebase, changes[0].project.as_str()), (&Some("zork".into()), ""));
    let said = Source {
        codebase: Some("fork".into()),
        project: "frobozz".to_owned(),
        category: "forge".to_owned(),
        ..source(&hook)
    };
    let changes = read(&config, &said, &hook, &letter).unwrap();
    assert_eq!(changes[0].codebase, Some("fork".into()));
    assert_eq!((changes[0].project.as_str(), changes[0].category.as_str()), ("frobozz", "forge"));
}

/// The bodies of all forges, each with the events it may come with.
const BODIES: [(Dialect, &str, &str); 12] = [
    (Dialect::Github, "push", include_str!("bodies/github-push.json")),
    (Dialect::Github, "push", include_str!("bodies/github-tag.json")),
    (Dialect::Github, "pull_request", include_str!("bodies/github-pull.json")),
    (Dialect::Gitlab, "Push Hook", include_str!("bodies/gitlab-push.json")),
    (Dialect::Gitlab, "Merge Request Hook", include_str!("bodies/gitlab-merge.json")),
    (Dialect::Gitea, "push", include_str!("bodies/gitea-push.json")),
    (Dialect::Gitea, "pull_request", include_str!("bodies/gitea-pull.json")),
    (Dialect::Bitbucket, "repo:push", include_str!("bodies/bitbucket-push.json")),
    (Dialect::Bitbucket, "repo:refs_changed", include_str!("bodies/bitbucket-server-push.json")),
    (Dialect::Bitbucket, "pr:opened", include_str!("bodies/bitbucket-server-pull.json")),
    (Dialect::Gerrit, "", include_str!("bodies/gerrit-merged.json")),
    (Dialect::Generic, "", include_str!("bodies/generic.json")),
];

proptest::proptest! {
    /// security.md fz02: whatever comes is a list of fit changes or a sentence.
    #[test]
    fn any_body_is_understood_or_refused(
        which in 0..BODIES.len(),
        cuts in proptest::collection::vec((0.0..1.0_f64, 0..40_usize, ".{0,6}"), 0..4),
    ) {
        let (dialect, event, body) = BODIES[which];
        let mut body = body.to_owned();
        for (place, length, instead) in cuts {
            let near = |at: usize| (0..=at.min(body.len())).rev().find(|at| body.is_char_boundary(*at));
            let from = near((body.len() as f64 * place) as usize).unwrap_or(0);
            let to = near(from + length).unwrap_or(from).max(from);
            body.replace_range(from..to, &instead);
        }
        let hook = Webhook { tags: true, build_pushes_with_no_commits: true, ..hook(dialect) };
        let letter = Letter { event, body: body.as_bytes(), ..Letter::default() };
        let config = Config::empty(ConfigDigest::new("d"));
        match read(&config, &source(&hook), &hook, &letter) {
            Ok(changes) => {
                for change in changes {
                    proptest::prop_assert_eq!(crate::fit::mistakes(&change), Vec::<String>::new());
                }
            }
            Err(why) => proptest::prop_assert!(!why.is_empty() && !why.contains(char::is_control)),
        }
    }
}
