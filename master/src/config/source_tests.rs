//! Secrets and the sources that are told of changes: what is taken, and what is a mistake in which words.

use linn_core::config::{Dialect, GitHistory, MailDialect, SourceKind, SvnLayout};
use linn_core::time::Span;

use super::{Loaded, Origin, Problems, load};

fn text(star: &str) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.star");
    std::fs::write(&file, star).unwrap();
    load(Origin::File(&file), None)
}

fn good(star: &str) -> Loaded {
    text(star).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is wrong, each without its file.
fn wrong(star: &str) -> Vec<String> {
    let problems = text(star).err().map(|problems| problems.0).unwrap_or_default();
    let said = problems.iter().map(|problem| {
        let hint = if problem.hint.is_empty() { "" } else { "; " };
        format!("{}:{}: {}{hint}{}", problem.line, problem.column, problem.message, problem.hint)
    });
    said.collect()
}

/// F12, F13.
#[test]
fn a_webhook_names_its_secret() {
    let star = "codebase(\"zork\")\n\
        webhook(\"forge\", dialect = \"gitlab\", secret = secret(\"forge-hook\"), codebase = \"zork\", tags = True)\n\
        webhook(\"open\")\n";
    let loaded = good(star);
    let config = &loaded.config;
    let SourceKind::Webhook(forge) = &config.sources["forge"].kind else { panic!() };
    assert_eq!((forge.dialect, forge.secret.clone()), (Dialect::Gitlab, Some("forge-hook".into())));
    assert!(forge.tags && forge.pull_requests && !forge.build_pushes_with_no_commits);
    assert_eq!(config.sources["forge"].codebase, Some("zork".into()));
    assert!(config.secrets.contains("forge-hook") && config.secrets.len() == 1);
    let SourceKind::Webhook(open) = &config.sources["open"].kind else { panic!() };
    assert_eq!((open.dialect, open.secret.as_ref()), (Dialect::Generic, None));
    let notes: Vec<&str> = loaded.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        notes,
        ["webhook `open` has no secret, so whoever reaches its address can send changes"]
    );
}

/// A secret that was written into the file is not repeated by who says so.
#[test]
fn mistakes_with_secrets() {
    let said = wrong(
        "webhook(\"a\", secret = \"hunter2\")\n\
         webhook(\"b\", dialect = \"githup\", secret = secret(\"../x\"))\n\
         webhook(\"b\", dialect = \"svn\", secret = secret(\"x\"), codebase = \"none\")\n\
         local_worker(\"w\")\n\
         builder(\"l\", workers = [\"w\"], factory = [set_property(property = \"p\", value = secret(\"y\"))])\n\
         prop(\"x\", secret(\"y\"))\n",
    );
    assert_eq!(
        said,
        [
            "1:14: `secret` of `webhook` must be `secret(...)`; write `secret = secret(\"NAME\")`, and keep the value in DIR/secrets/NAME",
            "2:14: `dialect` of `webhook` cannot be `githup`; did you mean `github`?",
            "2:50: secret `../x`: the name of a secret begins with a letter or digit; 1-100 of a-z, A-Z, 0-9, `.`, `_` and `-`; the value itself does not belong into this file",
            "3:1: change source `b` is declared twice; the first is at master.star:2; give one of them another name",
            "3:14: `dialect` of `webhook` cannot be `svn`; it is one of: generic, github, gitlab, gitea, bitbucket, gerrit",
            "3:53: `webhook` `b` names the codebase `none`, which is not declared; declare it with codebase(\"none\", ...)",
            "5:71: the secret `y` cannot stand here, for this is recorded and shown; a secret goes into the command, `env`, `stdin`, the text of `download_text`, and what `http_request` sends; best into `env`",
            "6:11: `default` has secret(...), which is no plain value",
        ]
    );
}

/// F47.
#[test]
fn mails_and_gerrit() {
    let config = good(
        "maildir_source(\"m\", \"/var/mail/x\", dialect = \"cvs\", interval = \"5s\")\n\
         gerrit_source(\"g\", \"gerrit.example\", user = \"linn\", projects = [\"zo*\"], category = \"review\")\n",
    )
    .config;
    let SourceKind::Maildir(mails) = &config.sources["m"].kind else { panic!() };
    assert_eq!((mails.path.as_str(), mails.dialect), ("/var/mail/x", MailDialect::Cvs));
    assert_eq!(mails.interval, Span::seconds(5));
    let SourceKind::Gerrit(gerrit) = &config.sources["g"].kind else { panic!() };
    assert_eq!(gerrit.repository("zork"), "ssh://linn@gerrit.example:29418/zork");
    assert_eq!(config.sources["g"].category, "review");
    assert_eq!(
        wrong(
            "maildir_source(\"m\", \"mails\")\n\
             gerrit_source(\"g\", \"-oProxyCommand=x\", user = \"a b\", port = 0, identity_file = \"key\")\n"
        ),
        [
            "1:1: `maildir_source` needs `dialect`; write `dialect = \"...\"`",
            "1:21: `mails` is no absolute path",
            "2:20: `-oProxyCommand=x` is no name that ssh takes",
            "2:40: `a b` is no name that ssh takes",
            "2:54: `port` of `gerrit_source` must be a whole number from 1 to 65535, not the number 0",
            "2:64: `key` is no absolute path",
        ]
    );
}

/// F33, F48.
#[test]
fn pollers_of_git_hg_and_svn() {
    let config = good(
        "git_poller(\"g\", repository = \"/srv/g\", tags = True, history = \"full\", branches = \"*\")\n\
         hg_poller(\"h\", repository = \"/srv/h\", branches = [\"default\", \"stable-*\"], interval = \"5s\")\n\
         svn_poller(\"s\", repository = \"svn+ssh://svn.example/r\", layout = \"none\", tags = True)\n",
    )
    .config;
    let SourceKind::Git(git) = &config.sources["g"].kind else { panic!() };
    assert_eq!((git.tags, git.history), (true, GitHistory::Full));
    let SourceKind::Hg(hg) = &config.sources["h"].kind else { panic!() };
    assert_eq!((hg.branches.len(), hg.interval), (2, Span::seconds(5)));
    let SourceKind::Svn(svn) = &config.sources["s"].kind else { panic!() };
    assert_eq!((svn.layout, svn.tags), (SvnLayout::None, true));
    assert_eq!(
        wrong(
            "hg_poller(\"h\")\n\
             hg_poller(\"i\", repository = \"bundle:/x\")\n\
             svn_poller(\"s\", repository = \"svn+evil://h/x\", layout = \"flat\")\n\
             svn_poller(\"t\", repository = \"-x\")\n\
             git_poller(\"g\", repository = \"/g\", history = \"all\")\n"
        ),
        [
            "1:1: `hg_poller` needs `repository`; write `repository = \"...\"`",
            "2:16: repository `bundle:/x` is a relative path; write a URL or an absolute path",
            "3:17: repository `svn+evil://h/x` has a scheme that is not read; write an https, http, svn, svn+ssh or file address, or an absolute path",
            "3:48: `layout` of `svn_poller` cannot be `flat`; it is one of: standard, none",
            "4:17: repository `-x` would be taken for an option",
            "5:36: `history` of `git_poller` cannot be `all`; it is one of: first_parent, full",
        ]
    );
}
