//! The built binary as people meet it: help, exit codes, sentences, and the commands that are its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A command that sees nothing of the machine's user.
fn linn(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linn"));
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .env_remove("LINN_SERVER")
        .env_remove("LINN_LOG")
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    linn(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit code and standard error.
fn failure(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = run(folder, args);
    (output.status.code().unwrap(), text(&output.stderr))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn git(folder: &Path, args: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.org"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "git {args:?}");
}

/// A program that runs: killed when the test ends, however it ends.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Reads lines of standard error until one holds `wanted`.
    fn until_told(&mut self, wanted: &str) -> String {
        let stderr = self.0.stderr.take().unwrap();
        let mut lines = BufReader::new(stderr);
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                panic!("it never said `{wanted}` but:\n{all}");
            }
            all.push_str(&line);
            if line.contains(wanted) {
                self.0.stderr = Some(lines.into_inner());
                return line;
            }
        }
    }

    /// Reads lines of standard output until one satisfies.
    fn until_printed(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut lines = BufReader::new(self.0.stdout.take().unwrap());
        let mut all = String::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                let mut err = String::new();
                let _ = self.0.stderr.as_mut().unwrap().read_to_string(&mut err);
                panic!("the line never came; it printed:\n{all}and said:\n{err}");
            }
            if wanted(&line) {
                // Whoever stops reading must not stop the program.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return line;
            }
            all.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The commands that a help text lists, but for `help` itself, which lists them again.
fn commands_in(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(ToOwned::to_owned))
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let folder = folder();
    let mut todo = vec![Vec::<String>::new()];
    let mut seen = 0;
    while let Some(path) = todo.pop() {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let output = run(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let help = text(&output.stdout);
        let below = commands_in(&help);
        if below.is_empty() {
            assert!(help.contains("Example"), "linn {args:?} has no example:\n{help}");
            seen += 1;
        }
        for name in below {
            let mut deeper = path.clone();
            deeper.push(name);
            todo.push(deeper);
        }
    }
    assert!(seen > 25, "only {seen} commands were found");
}

#[test]
fn mistakes_in_the_command_line_are_2_and_say_what_to_try() {
    let folder = folder();
    for args in [
        &["frce"][..],
        &["\u{1b}[31mx"],
        &["up", "--workers", "0"],
        &["up", "--no-such"],
        &["demo", "--seconds", "soon"],
        &["master", "--listen", "somewhere"],
        &["master", "--listen-http", "somewhere"],
        &["master", "--config", "not-there.star"],
        &["worker"],
        &["change"],
        &["check", "not-there.star"],
        &["stop", "linux#1"],
        &["build", "linux#x"],
        &["--server", "nowhere", "builders"],
    ] {
        let (code, said) = failure(folder.path(), args);
        assert_eq!(code, 2, "{args:?}: {said}");
        assert!(!said.contains('\u{1b}'), "{args:?}: {said:?}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        assert!(!said.is_empty(), "{args:?}");
    }
    let (_, said) = failure(folder.path(), &["frce"]);
    assert!(said.starts_with("error: ") && said.contains("\ntry: "), "{said}");
}

#[test]
fn nobody_listens_is_4() {
    let folder = folder();
    let socket = folder.path().join("none.sock");
    let server = format!("unix:{}", socket.display());
    for command in [
        &["builders"][..],
        &["builds"],
        &["workers"],
        &["changes"],
        &["waterfall"],
        &["build", "linux#1"],
        &["log", "linux#1/test"],
        &["source", "poll", "code"],
        &["worker", "pause", "w"],
        &[],
    ] {
        let args: Vec<&str> = ["--server", &server].iter().chain(command).copied().collect();
        let (code, said) = failure(folder.path(), &args);
        assert_eq!(code, 4, "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{said}");
        assert!(said.contains("\ntry: "), "{said}");
    }
}

#[test]
fn check_tells_every_mistake_with_its_place_c31() {
    let folder = folder();
    std::fs::write(
        folder.path().join("bad.star"),
        "worker(\"w\")\nbuilder(\"b\", workers = [\"nobody\"], factory = [])\nno_such_function()\nperiodic_scheduler()\n",
    )
    .unwrap();
    let (code, said) = failure(folder.path(), &["check", "bad.star"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("bad.star:2:"), "{said}");
    assert!(
        said.lines().last().is_some_and(|line| line.ends_with("errors") || line.ends_with("error")),
        "{said}"
    );
    let output = run(folder.path(), &["check", "bad.star", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let lines = text(&output.stdout);
    for line in lines.lines() {
        let problem: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["file", "line", "column", "message", "hint"] {
            assert!(problem.get(key).is_some(), "{line} has no {key}");
        }
    }
    assert!(!lines.is_empty());

    std::fs::write(
        folder.path().join("master.star"),
        "worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [shell(\"x\", command = \"true\")])\nforce_scheduler(\"force\", builders = [\"b\"])\n",
    )
    .unwrap();
    let output = run(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 builder"), "{}", text(&output.stdout));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let folder = folder();
    let mut child = linn(folder.path())
        .args(["man"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

/// A configuration with one builder on one worker of the master's own.
fn configuration(repository: &Path) -> String {
    format!(
        "local_worker(\"here\")\n\
         git_poller(\"code\", repository = \"{}\", interval = \"1s\", build_first_tip = True)\n\
         builder(\"all\", workers = [\"here\"], factory = [git(), shell(\"look\", command = \"cat file\")])\n\
         any_branch_scheduler(\"commits\", builders = [\"all\"])\n\
         force_scheduler(\"force\", builders = [\"all\"])\n",
        repository.display()
    )
}

fn checkout(folder: &Path) -> PathBuf {
    let top = folder.join("checkout");
    std::fs::create_dir(&top).unwrap();
    git(&top, &["init", "-q", "-b", "main"]);
    std::fs::write(top.join("file"), "one\n").unwrap();
    std::fs::write(top.join("master.star"), configuration(&top)).unwrap();
    git(&top, &["add", "."]);
    git(&top, &["commit", "-q", "-m", "one"]);
    top
}

#[test]
fn a_master_answers_refuses_a_second_one_and_ends_with_a_signal_c19_c26() {
    let folder = folder();
    let top = checkout(folder.path());
    let mut command = linn(&top);
    command.args(["master", "--dir", "state"]);
    let mut master = Running::start(command);
    let line = master.until_told("answers at unix:");
    assert!(line.contains("state/linn.sock") && line.contains("master.star"), "{line}");

    let (code, said) = failure(&top, &["master", "--dir", "state"]);
    assert_eq!(code, 3, "{said}");
    let first = said.lines().next().unwrap();
    assert!(first.contains(&master.0.id().to_string()) && first.contains("state"), "{said}");

    let server = format!("unix:{}", top.join("state/linn.sock").display());
    let output = run(&top, &["--server", &server, "builders", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"name\":\"all\""));
    let output = run(&top, &["--server", &server, "source", "poll", "code"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (code, said) = failure(&top, &["--server", &server, "source", "poll", "cod"]);
    assert_eq!(code, 3, "{said}");

    master.signal(Signal::TERM);
    assert_eq!(master.code(), Some(0));
    let (code, _) = failure(&top, &["--server", &server, "builders"]);
    assert_eq!(code, 4);
}

#[test]
fn a_bad_configuration_is_refused_at_the_start_c36() {
    let folder = folder();
    std::fs::write(folder.path().join("master.star"), "builder(\"b\"\n").unwrap();
    let (code, said) = failure(folder.path(), &["master"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("master.star:"), "{said}");
    assert!(!folder.path().join(".linn/linn.sock").exists());
}

#[test]
fn up_outside_of_a_checkout_says_where_it_wants_to_be() {
    let folder = folder();
    let (code, said) = failure(folder.path(), &["up", "--plain"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("is not inside a git checkout") && said.contains("try: "), "{said}");
}

#[test]
fn up_in_lines_builds_what_is_there_and_what_comes_c25() {
    let folder = folder();
    let top = checkout(folder.path());
    let mut command = linn(&top);
    command.args(["up", "--plain"]);
    let mut up = Running::start(command);
    up.until_told("following master.star");
    let line = up.until_printed(|line| line.contains("all#1 ") && line.contains("SUCCESS"));
    assert!(line.contains("all#1"), "{line}");
    let status =
        Command::new("git").args(["status", "--porcelain"]).current_dir(&top).output().unwrap();
    assert_eq!(text(&status.stdout), "", "the state is out of git's sight");

    git(&top, &["rm", "-q", "file"]);
    git(&top, &["commit", "-q", "-m", "break it"]);
    let output = run(&top, &["source", "poll", "code"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = run(&top, &["wait", "all#2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));

    up.signal(Signal::TERM);
    assert_eq!(up.code(), Some(0));
    assert!(!top.join(".linn/linn.sock").exists() || failure(&top, &["builders"]).0 == 4);
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let folder = folder();
    let temporary = folder.path().join("t");
    std::fs::create_dir(&temporary).unwrap();
    let output = linn(folder.path())
        .args(["demo", "--plain", "--seconds", "4"])
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let printed = text(&output.stdout);
    for builder in ["linux", "lint", "docs"] {
        assert!(printed.contains(builder), "no word of {builder}:\n{printed}\n{said}");
    }
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
