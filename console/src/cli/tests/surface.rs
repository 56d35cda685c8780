//! What holds for all commands: help with an example, mistakes, masters that are not there, closed pipes.

use clap::CommandFactory;

use super::*;

#[test]
fn the_parser_is_sound() {
    Linn::command().debug_assert();
}

#[test]
fn every_command_has_help_with_an_example() {
    fn check(command: &clap::Command, path: &str) {
        let subcommands: Vec<&clap::Command> = command.get_subcommands().collect();
        for sub in &subcommands {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
        if subcommands.is_empty() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "`{path}` has no example");
            assert!(command.get_about().is_some(), "`{path}` has no description");
        }
    }
    check(&Linn::command(), "linn");
}

#[tokio::test]
async fn mistakes_are_2_and_told_without_a_master() {
    for args in [
        &["build", "linux#x"][..],
        &["build", "#3"],
        &["wait", "user:3"],
        &["log", "linux#42"],
        &["log", "linux#42/test", "--grep", "["],
        &["log", "linux#42/test", "--lines", "a:b"],
        &["log", "linux#42/test", "--raw", "--grep", "x"],
        &["log", "linux#42/test", "--raw", "--json"],
        &["cancel", "x", "--reason", "r"],
        &["cancel", "17"],
        &["stop", "linux#42"],
        &["stop", "linux#42", "--reason", ""],
        &["priority", "17", "high"],
        &["force"],
        &["force", "linux", "--property", "x"],
        &["force", "linux", "--property", "a=1", "--property", "a=2"],
        &["force", "linux", "--codebase", "x"],
        &["force", "linux", "--codebase", "lib:main", "--branch", "main"],
        &["builds", "--state", "done"],
        &["builds", "--results", "GOOD"],
        &["builds", "--limit", "0"],
        &["change", "send"],
        &["change", "send", "--author", "a", "--when", "soon"],
        &["worker", "pause", "a/b"],
        &["scheduler", "enable", "a/b"],
        &["--server", "nowhere", "builders"],
        &["--server", "https://example.org:1", "builders"],
        &["nonsense"],
    ] {
        let said = linn(args).await;
        assert_eq!(said.code, 2, "{args:?}: {}", said.err);
        assert!(said.err.starts_with("error: "), "{args:?}: {}", said.err);
        assert_eq!(said.out, "", "{args:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_4_in_three_lines() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = format!("unix:{}/linn.sock", dir.path().display());
    let said = linn(&["--server", &address, "builders"]).await;
    assert_eq!(said.code, 4);
    let lines: Vec<&str> = said.err.lines().collect();
    assert_eq!(lines[0], format!("error: nobody listens on {address}"));
    assert_eq!(lines[1], "why: there is no such socket");
    assert!(lines[2].starts_with("try: ") && lines[2].contains("linn up"), "{lines:?}");
}

#[tokio::test]
async fn a_reference_to_nothing_is_3_with_the_masters_sentences() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["build", "linux#999"]).await;
    assert_eq!(said.code, 3);
    assert_eq!(
        said.err,
        "error: there is no linux#999\nwhy: it wasn't built – yet\ntry: look at `linn builds`\n"
    );
    assert_eq!(fake.world().protocol.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_closed_pipe_is_quiet() {
    let fake = Fake::start();
    fake.world().builds = 100;
    let address = fake.address();
    let place = Place { folder: "/".into(), ..Default::default() };
    let err = Heard::default();
    let args = ["--server", address.as_str(), "builds", "--json"];
    let code = linn_to(place, b"", &args, Leaving(2000), err.clone()).await;
    assert_eq!((code, err.text().as_str()), (0, ""));
}

#[tokio::test]
async fn contexts_name_masters() {
    let fake = Fake::start();
    let home = tempfile::tempdir().expect("a folder");
    let place = || Place {
        folder: fake.socket().parent().expect("a folder").to_owned(),
        vars: [("HOME".to_owned(), home.path().display().to_string())].into(),
    };
    let run = async |args: &[&str]| linn_in(place(), b"", args).await;
    assert_eq!(run(&["builders"]).await.code, 4);
    assert_eq!(run(&["context", "add", "prod", "unix:linn.sock"]).await.code, 0);
    assert_eq!(run(&["context", "add", "test", "unix:/nowhere"]).await.code, 0);
    assert_eq!(run(&["builders"]).await.code, 0);
    assert_eq!(run(&["--context", "test", "builders"]).await.code, 4);
    assert_eq!(run(&["--context", "none", "builders"]).await.code, 3);
    assert_eq!(run(&["context", "use", "test"]).await.code, 0);
    assert_eq!(run(&["builders"]).await.code, 4);
    let listed = run(&["context", "list", "--json"]).await.json();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["name"], &listed[0]["current"]), (&"prod".into(), &false.into()));
    assert_eq!(listed[0]["server"], fake.address());
    assert!(run(&["context", "list"]).await.out.contains("*  test"));
    assert_eq!(run(&["context", "remove", "none"]).await.code, 3);
    assert_eq!(run(&["context", "remove", "test"]).await.code, 0);
}

#[tokio::test]
async fn completions_and_the_manual_need_no_master() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = linn(&["completions", shell]).await;
        assert_eq!(said.code, 0);
        assert!(said.out.contains("waterfall"), "{shell}");
    }
    assert_eq!(linn(&["completions", "tcsh"]).await.code, 2);
    for page in ["index", "commands", "json", "troubleshooting"] {
        let said = linn(&["man", page]).await;
        assert_eq!(said.code, 0);
        assert!(said.out.starts_with("# "), "{page}");
    }
    assert_eq!(linn(&["man", "nothing"]).await.code, 3);
    assert_eq!(linn(&["man", "--json"]).await.json()[0]["page"], "index");
}

/// The manual shows every command and every option there is.
#[test]
fn the_manual_has_every_command_and_option() {
    fn check(command: &clap::Command, path: &str, manual: &str) {
        let subcommands: Vec<&clap::Command> = command.get_subcommands().collect();
        for sub in &subcommands {
            check(sub, &format!("{path} {}", sub.get_name()), manual);
        }
        if subcommands.is_empty() {
            assert!(manual.contains(path), "`{path}` is not in commands.md");
            for long in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    manual.contains(&format!("--{long}")),
                    "`{path} --{long}` is not in commands.md"
                );
            }
        }
    }
    check(&Linn::command(), "linn", include_str!("../../../../assets/manual/commands.md"));
}
