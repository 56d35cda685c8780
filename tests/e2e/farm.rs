//! What the tests of the console share: a farm whose steps wait for files, so that each state can be waited for.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use linn_tests::site::{PATIENCE, Site};
use linn_tests::terminal::{Terminal, linn};
use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};

/// The sizes of console.md C1, in columns and rows.
pub(crate) const SMALL: (u16, u16) = (80, 24);
/// The large one.
pub(crate) const LARGE: (u16, u16) = (120, 36);

/// Three builders on this worker: `linux` fails in line 150 of its second step, `docs` takes parameters, `talk` prints a
/// hundred lines, then a hundred at each of two gates, and ends at a third.
pub(crate) fn farm(worker: &str) -> Site {
    let site = Site::new("");
    // Nothing waits on when the test is over, however it ended.
    let folder = site.path().display();
    let wait = |name: &str| {
        format!("while [ -d {folder} ] && [ ! -e {folder}/{name} ]; do sleep 0.02; done")
    };
    let lines = |from: u32, to: u32| {
        format!("i={from}; while [ $i -le {to} ]; do echo line $i; i=$((i+1)); done")
    };
    let tested = [
        wait("tested"),
        lines(1, 149),
        "echo 'error: the lexer dropped a token'".to_owned(),
        lines(151, 300),
        "exit 1".to_owned(),
    ];
    let talk = [lines(1, 100), wait("a"), lines(101, 200), wait("b"), lines(201, 300), wait("c")];
    let config = format!(
        r#"
{worker}
builder("linux", workers = ["w"], factory = [
    compile("compile", command = "{compiled}", halt_on_failure = True),
    test("test", command = "{tested}"),
])
builder("docs", workers = ["w"], factory = [shell("render", command = "{rendered}")])
builder("talk", workers = ["w"], factory = [shell("say", command = "{talk}")])
force_scheduler("force", builders = ["linux", "talk"])
force_scheduler("pages", builders = ["docs"], parameters = [
    choice_param("profile", choices = ["debug", "release"], default = "debug"),
    string_param("target", default = ""),
])
"#,
        compiled = wait("compiled"),
        tested = tested.join("; "),
        rendered = wait("rendered"),
        talk = talk.join("; "),
    );
    fs::write(site.path().join("master.star"), config).expect("the configuration is written");
    site
}

/// Opens a gate.
pub(crate) fn open(site: &Site, gate: &str) {
    fs::write(site.path().join(gate), "").expect("the gate opens");
}

/// What the builder `talk` prints up to a line.
pub(crate) fn said(lines: usize) -> String {
    (1..=lines).fold(String::new(), |text, line| text + &format!("line {line}\n"))
}

/// `linn` with arguments on this site's master, to be started on a terminal.
pub(crate) fn at<S: AsRef<OsStr>>(
    site: &Site,
    arguments: impl IntoIterator<Item = S>,
) -> CommandBuilder {
    let mut command = linn(site.path(), site.path(), arguments);
    command.env("LINN_SERVER", format!("unix:{}", site.socket().display()));
    command
}

/// The console of this site's master, as soon as it has answered: keys that come earlier find nothing to act on.
pub(crate) fn console(site: &Site, (columns, rows): (u16, u16)) -> Terminal {
    let mut terminal = Terminal::start(at(site, [""; 0]), columns, rows);
    terminal.until_shows("live ");
    terminal
}

/// Types keys, and waits for what each shows.
pub(crate) fn walk(terminal: &mut Terminal, steps: &[(&str, &str)]) {
    for (keys, shows) in steps {
        terminal.keys(keys);
        terminal.until(&format!("{shows}, after {keys:?}"), |screen| screen.contains(shows));
    }
}

/// Opens a dialog, and closes it again. `esc` is typed alone: with a key right behind it, it would be `alt`.
pub(crate) fn look(terminal: &mut Terminal, keys: &str, shows: &str) {
    walk(terminal, &[(keys, shows)]);
    terminal.keys("\x1b");
    terminal.until_gone(shows);
}

/// A program that writes lines.
pub(crate) struct Lines {
    child: Child,
    lines: Receiver<String>,
    seen: RefCell<Vec<String>>,
}

impl Lines {
    /// Of a program whose standard output is piped.
    pub(crate) fn of(mut child: Child) -> Self {
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (say, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: RefCell::default() }
    }

    /// Waits for a line that has not been waited for yet.
    ///
    /// # Panics
    /// When none comes.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("never: {what}; the lines were:\n{}", self.seen.borrow().join("\n"));
            };
            self.seen.borrow_mut().push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Kills it at once, and waits until it is gone.
    pub(crate) fn kill_9(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to end; answers its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub(crate) fn terminate(self) -> Option<i32> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::TERM).expect("a child that was not waited for can be signalled");
        self.end().code()
    }

    /// Waits until it has closed its output and ended by itself.
    ///
    /// # Panics
    /// When it does not end.
    pub(crate) fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while self
            .lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .map(|line| self.seen.borrow_mut().push(line))
            .is_ok()
        {}
        assert!(Instant::now() < deadline, "it does not end: {:?}", self.seen.borrow());
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
