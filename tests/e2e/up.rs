//! `linn up`: from a checkout to a console in one command, on little repositories of each kind (C25).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use linn_tests::repository::Repository;
use linn_tests::site::{PATIENCE, binary};
use linn_tests::terminal::{Terminal, linn};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::farm::Lines;

/// A checkout in a folder of its own.
struct Place {
    folder: TempDir,
    repository: Repository,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("linn-up-").tempdir().expect("a folder");
        let repository = Repository::new(&folder.path().join("work"));
        for (name, text) in files {
            fs::write(repository.path().join(name), text).expect("written");
        }
        repository.commit("README", "a little project\n", "begin");
        Self { folder, repository }
    }

    fn path(&self) -> &Path {
        self.repository.path()
    }

    /// A `linn` command in the checkout, not yet run.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("linn"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["LINN_SERVER", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "GOFLAGS"] {
            command.env_remove(name);
        }
        command
    }

    fn linn(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("linn runs")
    }

    /// `linn up --plain`, as it runs.
    fn up(&self) -> Lines {
        let log = fs::File::options().create(true).append(true).open(self.said()).expect("a log");
        let mut command = self.command(&["up", "--plain"]);
        Lines::of(command.stdout(Stdio::piped()).stderr(log).spawn().expect("linn runs"))
    }

    /// What `linn up` wrote on standard error.
    fn said(&self) -> PathBuf {
        self.folder.path().join("up.err")
    }

    /// `linn up` on a terminal.
    fn console(&self) -> Terminal {
        let mut command = linn(self.folder.path(), self.path(), ["up"]);
        command.env_remove("CARGO_TARGET_DIR");
        let mut terminal = Terminal::start(command, 120, 36);
        terminal.until_shows("1 Waterfall");
        terminal
    }

    /// C25: nothing of linn's is seen by git.
    fn is_clean(&self) {
        let status = self.repository.git(&["status", "--porcelain", "--untracked-files=all"]);
        assert_eq!(status, "");
    }

    /// The processes that have the checkout in their command line or work in it.
    fn processes(&self) -> Vec<String> {
        let place = self.path().display().to_string();
        let folders = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        folders
            .filter(|folder| folder.file_name().to_string_lossy().parse::<u32>().is_ok())
            .filter_map(|folder| {
                let line = fs::read(folder.path().join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                let works = fs::read_link(folder.path().join("cwd")).unwrap_or_default();
                let ours = line.contains(&place) || works.starts_with(&place);
                ours.then(|| format!("{} {line}", folder.file_name().display()))
            })
            .collect()
    }

    fn until_nothing_runs(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {left:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a tool is here. Where everything must be proven, it must be.
fn has(tool: &str) -> bool {
    let version = if tool == "go" { "version" } else { "--version" };
    let found =
        Command::new(tool).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    assert!(found || std::env::var_os("CI").is_none(), "CI must have the program {tool}");
    if !found {
        eprintln!("not tried: there is no {tool} here");
    }
    found
}

/// The whole life of a checkout: good, broken, ended, mended while nobody looked, begun again.
fn lives(kind: &str, good: &[(&str, &str)], (file, broken): (&str, &str)) {
    let place = Place::new(good);
    let up = place.up();
    let said =
        |line: &str, number: u32, word: &str| line.contains(&format!("{kind}#{number} {word}"));
    up.until("the first build is good", |line| said(line, 1, "SUCCESS"));
    place.is_clean();
    place.repository.commit(file, broken, "break it");
    up.until("the second is not", |line| said(line, 2, "FAILURE"));
    place.is_clean();
    assert_eq!(up.terminate(), Some(0));
    place.until_nothing_runs();

    let (_, mended) = good.iter().find(|(name, _)| *name == file).expect("it was there");
    place.repository.commit(file, mended, "mend it");
    let up = place.up();
    up.until("the numbers go on", |line| said(line, 3, "SUCCESS"));
    let build = place.linn(&["build", &format!("{kind}#2"), "--json"]);
    let build = String::from_utf8_lossy(&build.stdout).into_owned();
    assert!(
        build.contains("\"FAILURE\"") && build.contains("Ana Test"),
        "it is remembered: {build}"
    );
    assert_eq!(up.terminate(), Some(0));
    place.is_clean();
}

const MAKE: [(&str, &str); 3] = [
    ("Makefile", "all: app\napp: app.c\n\tcc -o app app.c\ncheck: app\n\t./app | grep -q hello\n"),
    ("app.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"),
    (".gitignore", "/app\n"),
];

#[test]
fn a_make_project() {
    if has("make") && has("cc") {
        lives("make", &MAKE, ("app.c", "int main(void) { return nothing; }\n"));
    }
}

#[test]
fn a_cmake_project() {
    if has("cmake") && has("cc") {
        let lists = "cmake_minimum_required(VERSION 3.10)\nproject(app C)\nadd_executable(app app.c)\nenable_testing()\nadd_test(NAME says COMMAND app)\n";
        let good = [("CMakeLists.txt", lists), MAKE[1]];
        lives("cmake", &good, ("app.c", "int main(void) { return 3; }\n"));
    }
}

#[test]
fn a_python_project() {
    if has("python3") {
        let test = "import unittest\n\nclass Sum(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(1 + 1, 2)\n";
        let good = [("requirements.txt", ""), ("test_sum.py", test)];
        lives("python", &good, ("test_sum.py", &test.replace("2)", "3)")));
    }
}

#[test]
fn a_node_project() {
    if has("npm") && has("node") {
        let package = "{\"name\": \"app\", \"version\": \"1.0.0\", \"private\": true, \"scripts\": {\"test\": \"node test.js\"}}\n";
        let good = [("package.json", package), ("test.js", "console.log('ok');\n")];
        lives("node", &good, ("test.js", "throw new Error('not ok');\n"));
    }
}

#[test]
fn a_go_project() {
    if has("go") {
        let test = "package app\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif Sum(1, 1) != 2 {\n\t\tt.Fatal(\"bad\")\n\t}\n}\n";
        let sum = "package app\n\n// Sum adds.\nfunc Sum(a, b int) int { return a + b }\n";
        let good = [
            ("go.mod", "module example.org/app\n\ngo 1.18\n"),
            ("sum.go", sum),
            ("sum_test.go", test),
        ];
        lives("go", &good, ("sum.go", &sum.replace('+', "-")));
    }
}

#[test]
fn a_cargo_project() {
    if has("cargo") {
        let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n";
        let lib = "#[test]\nfn sums() {\n    assert_eq!(1 + 1, 2);\n}\n";
        let good =
            [("Cargo.toml", manifest), ("lib.rs", lib), (".gitignore", "target\nCargo.lock\n")];
        lives("cargo", &good, ("lib.rs", &lib.replace(", 2", ", 3")));
    }
}

#[test]
fn outside_of_a_checkout_it_says_so() {
    let folder = tempfile::Builder::new().prefix("linn-up-").tempdir().expect("a folder");
    let ran = Command::new(binary("linn"))
        .args(["up", "--plain"])
        .current_dir(folder.path())
        .env("GIT_CEILING_DIRECTORIES", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("linn runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: ") && said.contains("is not inside a git checkout"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left there");
}

/// An unknown kind is told what to write, and what it is told works as it stands.
#[test]
fn an_unknown_kind_is_told_what_to_write() {
    let place = Place::new(&[("build.sh", "#!/bin/sh\necho built\n")]);
    let script = place.path().join("build.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("made a program");
    place.repository.commit("notes.txt", "", "make it a program");
    let up = place.up();
    up.until("it runs", |line| line.contains("watching "));
    assert_eq!(up.terminate(), Some(0));
    let said = fs::read_to_string(place.said()).expect("said");
    let (before, lines) = said.split_once("a whole one is these lines:\n").expect("what to write");
    assert!(before.contains("linn cannot tell how work is built"), "{said}");
    let lines: String = lines.lines().take(5).flat_map(|line| [line, "\n"]).collect();
    place.repository.commit("master.star", &lines, "say how it is built");
    let up = place.up();
    up.until("what it said works", |line| line.contains("all#1 SUCCESS"));
    assert_eq!(up.terminate(), Some(0));
    place.is_clean();
}

/// A checkout whose test waits for a file beside it.
fn gated() -> (Place, PathBuf) {
    let place = Place::new(&[]);
    let gate = place.folder.path().join("go");
    let makefile = format!(
        "all:\n\t@echo made\ncheck:\n\t@echo waiting\n\t@while [ -d {1} ] && [ ! -e {0} ]; do sleep 0.02; done\n\t@echo checked\n",
        gate.display(),
        place.folder.path().display()
    );
    place.repository.commit("Makefile", &makefile, "how to build");
    (place, gate)
}

#[test]
fn a_build_survives_kill_9_of_up() {
    let (place, gate) = gated();
    let up = place.up();
    up.until("it has made", |line| line.contains("make#1/make success"));
    let deadline = Instant::now() + PATIENCE;
    while !place.linn(&["log", "make#1/check", "--raw"]).stdout.starts_with(b"waiting") {
        assert!(Instant::now() < deadline, "it never waits");
        std::thread::sleep(Duration::from_millis(20));
    }
    up.kill_9();
    let up = place.up();
    fs::write(&gate, "").expect("the gate opens");
    up.until("the same build ends well", |line| line.contains("make#1 SUCCESS"));
    let builds = String::from_utf8_lossy(&place.linn(&["builds", "--json"]).stdout).into_owned();
    assert_eq!(builds.lines().count(), 1, "{builds}");
    let log = place.linn(&["log", "make#1/check", "--raw"]).stdout;
    assert_eq!(String::from_utf8_lossy(&log), "waiting\nchecked\n");
    assert_eq!(up.terminate(), Some(0));
}

#[test]
fn the_console_of_up_is_left_with_the_master_going_on_or_stopped() {
    let (place, gate) = gated();
    let mut terminal = place.console();
    terminal.until_shows("║check");
    terminal.keys("q");
    terminal.until_shows("leave linn ?");
    terminal.keys("j");
    terminal.until_shows("(•) let it go on");
    terminal.keys("y");
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.ruins(), [""; 0]);
    terminal.until_shows("the master goes on");
    assert!(place.linn(&["builders"]).status.success(), "it still answers");

    let mut terminal = place.console();
    terminal.until_shows("║check");
    fs::write(gate, "").expect("the gate opens");
    terminal.until_shows("✓001");
    terminal.keys("q");
    terminal.until_shows("leave linn ?");
    terminal.keys("y");
    assert_eq!(terminal.wait(), 0);
    terminal.until_shows("the master has ended");
    assert_eq!(place.linn(&["builders"]).status.code(), Some(4), "nobody answers");
    place.until_nothing_runs();
    place.is_clean();
}

/// Closing the window, or losing the connection, is no end for what runs.
#[test]
fn the_master_of_up_outlives_its_terminal() {
    for signal in [Signal::HUP, Signal::KILL] {
        let (place, gate) = gated();
        let mut terminal = place.console();
        terminal.until_shows("║check");
        terminal.signal(signal);
        terminal.wait();
        assert!(place.linn(&["builders"]).status.success(), "it still answers after {signal:?}");
        fs::write(gate, "").expect("the gate opens");
        let mut terminal = place.console();
        terminal.until_shows("✓001");
        terminal.keys("qy");
        terminal.wait();
        place.until_nothing_runs();
    }
}
