//! Secrets and the sources that are told of changes: what is taken, and what is a mistake in which words.

use linn_core::config::{
    Dialect, GitHistory, GitOnly, MailDialect, SourceKind, StepKind, SvnLayout,
};
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
            "1:21: `mails` is no absolute path; write it from the root on",
            "2:20: `-oProxyCommand=x` is no name that ssh takes; letters, digits and any of `.-_:[]`, but no `-` first",
            "2:40: `a b` is no name that ssh takes; letters, digits and any of `._-+@`, but no `-` first",
            "2:54: `port` of `gerrit_source` must be a whole number from 1 to 65535, not the number 0",
            "2:64: `key` is no absolute path; write it from the root on",
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
            "4:17: repository `-x` would be taken for an option; write a URL or an absolute path",
            "5:36: `history` of `git_poller` cannot be `all`; it is one of: first_parent, full",
        ]
    );
}

/// GP-4: names and globs, a function, or tags alone.
#[test]
fn a_git_poller_may_ask_a_function() {
    let star = "git_poller(\"f\", repository = \"/srv/f\", branches = lambda ref: \"x\" in ref)\n\
        git_poller(\"t\", repository = \"/srv/t\", branches = [], tags = True)\n\
        git_poller(\"n\", repository = \"/srv/n\", branches = [\"main\"], tags = True)\n";
    let loaded = good(star);
    let only = |name: &str| {
        let SourceKind::Git(git) = &loaded.config.sources[name].kind else { panic!() };
        (git.only.clone(), git.branches.len())
    };
    assert!(matches!(only("f"), (Some(GitOnly::Picked(_)), 0)));
    assert_eq!(only("t"), (Some(GitOnly::Tags), 0));
    assert_eq!(only("n"), (None, 1));
    let loaded = good("git_poller(\"e\", repository = \"/srv/e\", branches = [])\n");
    let SourceKind::Git(git) = &loaded.config.sources["e"].kind else { panic!() };
    assert_eq!((&git.only, git.branches.len()), (&None, 0), "the default branch");
}

/// PR-5, as Buildbot writes it.
#[test]
fn a_log_may_begin_at_the_end_of_its_file() {
    let step = |logfiles: &str| {
        format!(
            "worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [shell(\"s\", command = \"x\", logfiles = {logfiles})])\n"
        )
    };
    let loaded =
        good(&step("{\"a\": \"a.log\", \"b\": {\"filename\": \"b.log\", \"follow\": True}}"));
    let steps = &loaded.config.builders["b"].factory;
    let StepKind::Shell(shell) = &steps[0].kind else { panic!() };
    let follow: Vec<_> = shell.logfiles.iter().map(|log| (log.name.as_str(), log.follow)).collect();
    assert_eq!(follow, [("a", false), ("b", true)]);
    for (logfiles, why) in [
        ("{\"b\": {\"follow\": True}}", "log `b` has no `filename`"),
        ("{\"b\": {\"filename\": \"x\", \"tail\": 1}}", "another key than"),
        ("{\"b\": {\"filename\": \"x\", \"follow\": 1}}", "True or False as `follow`"),
        ("{\"b\": {\"filename\": \"/x\"}}", "a file below the work folder"),
    ] {
        let said = wrong(&step(logfiles));
        assert!(said.len() == 1 && said[0].contains(why), "{said:?}");
    }
}

/// RC-7.
#[test]
fn bad_tags() {
    let star = |tags: &str| {
        format!("worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [], tags = {tags})\n")
    };
    assert_eq!(good(&star("[\"a\", \"b\"]")).config.builders["b"].tags, ["a", "b"]);
    let hint = "each tag once, in at most 100 bytes, without blanks around it";
    let said = [
        "53: tag `` is empty",
        "62: tag `a` is there twice",
        "67: tag ` b` has blanks around it, or control characters",
    ];
    let all = said.map(|said| format!("2:{said}; {hint}"));
    assert_eq!(wrong(&star("[\"\", \"a\", \"a\", \" b\", \"c d\"]")), all);
}

/// `compile` counts what compilers warn of, as Buildbot's does.
#[test]
fn compile_counts_warnings_by_itself() {
    let star = |arguments: &str| {
        format!(
            "worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [compile({arguments})])\n"
        )
    };
    let pattern = |arguments: &str| {
        let StepKind::Shell(shell) =
            good(&star(arguments)).config.builders["b"].factory[0].kind.clone()
        else {
            panic!()
        };
        shell.warning_pattern
    };
    let usual = pattern("").expect("a pattern");
    let usual = regex::Regex::new(&usual).unwrap();
    assert!(usual.is_match("x.c:1:2: warning: unused variable"));
    assert!(usual.is_match("Warning C4996: deprecated"));
    assert!(!usual.is_match("0 warnings, as -Wall -Werror-unused shows"));
    assert!(pattern("max_warnings = 3").is_some());
    assert_eq!(pattern("warning_pattern = \"W\""), Some("W".to_owned()));
    assert_eq!(pattern("warning_pattern = None"), None);
    let said = wrong(&star("warning_pattern = None, max_warnings = 3"));
    assert!(said.len() == 1 && said[0].contains("no meaning without"), "{said:?}");
}

/// Where builds happen, and how a server is asked.
#[test]
fn folders_of_builders() {
    let star = |arguments: &str| {
        format!("worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [], {arguments})\n")
    };
    let loaded = good(&star("workdir = \"src\", builddir = \"shared\""));
    let builder = &loaded.config.builders["b"];
    assert_eq!(builder.folder(), "shared");
    assert!(!builder.workdir.is_empty());
    assert_eq!(good(&star("")).config.builders["b"].folder(), "b");
    for bad in ["", "a/b", ".", "..", "-x"] {
        let said = wrong(&star(&format!("builddir = \"{bad}\"")));
        assert!(said.len() == 1 && said[0].contains("cannot be the name of a folder"), "{said:?}");
    }
    assert_eq!(wrong(&star("workdir = \"../x\"")).len(), 1);
}

#[test]
fn a_server_may_ask_for_a_name_and_a_password() {
    let star = |auth: &str| {
        format!(
            "worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [http_request(url = \"https://h\", params = {{\"n\": prop(\"buildnumber\")}}, auth = {auth})])\n"
        )
    };
    assert!(text(&star("(\"me\", secret(\"forge\"))")).is_ok());
    assert!(text(&star("None")).is_ok());
    for auth in ["\"me\"", "(\"me\",)", "(\"me\", 7)"] {
        let said = wrong(&star(auth));
        assert!(said.len() == 1 && said[0].contains("a name and a password"), "{said:?}");
    }
}
