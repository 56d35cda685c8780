//! The console takes care of the terminal it was lent: given back in every way it can end, and drawn on only as asked
//! (console.md G, I31; contract.md N4, C37).

use std::process::Stdio;

use linn_tests::sequences::{Piece, pieces};
use linn_tests::site::{Running, Site, binary};
use linn_tests::terminal::{Terminal, program};
use rustix::process::Signal;

use crate::farm::{LARGE, Lines, SMALL, at, console, farm, look, open, walk};

/// G, I31: leaving gives the terminal back as it was.
#[test]
fn the_terminal_is_given_back() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    for end in ["q", "ctrl-c", "TERM", "HUP"] {
        let mut terminal = console(&site, SMALL);
        terminal.until_shows("never built");
        let ruins = terminal.ruins();
        assert!(ruins.contains(&"it is in raw mode") && ruins.len() > 3, "it was taken: {ruins:?}");
        match end {
            "q" => terminal.keys("q"),
            "ctrl-c" => {
                terminal.keys("\x03");
                terminal.until_shows("ctrl-c again");
                terminal.keys("\x03");
            }
            "TERM" => terminal.signal(Signal::TERM),
            _ => terminal.signal(Signal::HUP),
        }
        assert_eq!(terminal.wait(), 0, "{end}");
        assert_eq!(terminal.ruins(), [""; 0], "{end}");
    }
}

/// C37: a console that was killed could restore nothing; the next `linn` in that terminal does.
#[test]
fn the_next_linn_mends_what_a_killed_console_left() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    // A shell that does not care for its terminal stands between the two.
    let linn = binary("linn").display().to_string();
    let script = format!("{linn}; {linn} builders; echo ready; read answer");
    let mut command = program("/bin/sh", site.path(), site.path());
    command.args(["-c", &script]);
    command.env("LINN_SERVER", format!("unix:{}", site.socket().display()));
    let mut terminal = Terminal::start(command, 80, 24);
    terminal.until_shows("never built");
    let children = std::fs::read_to_string(format!(
        "/proc/{0}/task/{0}/children",
        terminal.pid().expect("a shell")
    ))
    .expect("its children");
    let child = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
    let child = child.and_then(rustix::process::Pid::from_raw).expect("the console");
    rustix::process::kill_process(child, Signal::KILL).expect("killed");
    terminal.until_holds("the shell goes on", |terminal| {
        String::from_utf8_lossy(&terminal.raw).contains("ready")
    });
    assert_eq!(terminal.ruins(), [""; 0]);
    terminal.keys("\n");
    terminal.wait();
}

/// C37: a shell that mends its line by itself hides from the next console that the screen is still the killed one's; what
/// stands there is wiped all the same.
#[test]
fn a_console_begins_on_an_empty_screen() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    let script =
        format!("printf '\\033[?1049h\\033[12;20HRUBBISH'; exec {}", binary("linn").display());
    let mut command = program("/bin/sh", site.path(), site.path());
    command.args(["-c", &script]);
    command.env("LINN_SERVER", format!("unix:{}", site.socket().display()));
    let mut terminal = Terminal::start(command, SMALL.0, SMALL.1);
    let screen = terminal.until_shows("live ");
    assert!(!screen.contains("RUBBISH"), "{screen}");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}

/// However the window is dragged, the last size is drawn whole.
#[test]
fn a_storm_of_resizes() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    site.ok(["force", "talk"]);
    let mut terminal = console(&site, LARGE);
    terminal.until_shows("►001");
    for turn in 0_u16..400 {
        terminal.resize(1 + turn * 37 % 240, 1 + turn * 13 % 70);
        if turn % 40 == 0 {
            terminal.keys(["3", "4", "5", "2", "\r", "1"][usize::from(turn / 40) % 6]);
        }
    }
    terminal.resize(100, 30);
    let whole = |screen: &str| {
        let rows: Vec<&str> = screen.lines().collect();
        rows.len() == 30 && rows[0].contains("live") && rows[29].contains("? help")
    };
    // A frame of an earlier size may still be on its way and look whole where it is cut. The clock moves with frames that were
    // begun later: when it has moved twice, the console knows its size. Not before: what is typed into a window that
    // is too small to see it does nothing.
    let mut clocks = std::collections::BTreeSet::new();
    terminal.until_holds("the last size, whole", |terminal| {
        let screen = terminal.screen();
        if whole(&screen) {
            let clock = screen.lines().next().and_then(|row| row.split_whitespace().last());
            clocks.extend(clock.map(str::to_owned));
        }
        clocks.len() > 2
    });
    terminal.keys("1");
    terminal.until("the waterfall, whole", |screen| {
        let waterfall = screen.lines().nth(1).is_some_and(|row| row.contains("1 Waterfall"));
        whole(screen) && waterfall && screen.contains("►001")
    });
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
    assert_eq!(terminal.ruins(), [""; 0]);
}

/// N4: what cannot be drawn on gets lines.
#[test]
fn without_a_screen_there_is_a_feed() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    let mut command = at(&site, [""; 0]);
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(command, 200, 24);
    terminal.until_shows("watching ");
    open(&site, "rendered");
    site.ok(["force", "docs"]);
    terminal.until("the end of the build", |screen| {
        screen.lines().any(|line| line.contains("docs#1") && line.contains("SUCCESS"))
    });
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait(), 0);
    let wrote = pieces(&terminal.raw);
    let plain = |piece: &Piece| match piece {
        Piece::Text(_) => true,
        Piece::Control(control) => matches!(control, '\r' | '\n'),
        _ => false,
    };
    assert!(wrote.iter().all(plain), "lines and nothing else: {wrote:?}");

    let mut command = site.command([""; 0]);
    let output = command.stdout(Stdio::piped()).spawn().expect("linn runs");
    let output = Lines::of(output);
    output.until("the feed begins", |line| line.contains("watching "));
    site.ok(["force", "docs"]);
    output.until("the end of the build", |line| line.contains("docs#2 SUCCESS"));
    assert_eq!(output.terminate(), Some(0));
}

/// A farm with one red build, on a worker of its own.
fn red() -> (Site, Running) {
    let site = farm("local_worker(\"w\")");
    let master = site.master();
    for name in ["compiled", "tested"] {
        open(&site, name);
    }
    site.ok(["force", "linux"]);
    site.until_event("it is red", |event| event["kind"] == "build_finished");
    (site, master)
}

#[test]
fn no_color_means_no_colour() {
    let (site, _master) = red();
    let mut command = at(&site, [""; 0]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(command, 120, 36);
    terminal.until_shows("✗001");
    tour(&mut terminal);
    terminal.keys("q");
    terminal.wait();
    for piece in pieces(&terminal.raw) {
        if let Piece::Csi(parameters, 'm') = piece {
            for parameter in parameters.split(';') {
                // Bold, dim, underline, reverse, and the ends of them; 39 and 49 are the terminal's own colours.
                let number = parameter.parse().unwrap_or(0);
                assert!(
                    matches!(number, 0..=9 | 20..=29 | 39 | 49 | 59),
                    "colour: SGR {parameters}"
                );
            }
        }
    }
    let mut coloured = console(&site, LARGE);
    coloured.until_shows("✗001");
    assert!(
        pieces(&coloured.raw).iter().any(
            |piece| matches!(piece, Piece::Csi(parameters, 'm') if parameters.contains("38;5;"))
        ),
        "otherwise there is colour"
    );
}

#[test]
fn ascii_means_ascii() {
    let (site, _master) = red();
    let mut terminal = Terminal::start(at(&site, ["--ascii"]), 120, 36);
    terminal.until_shows("X001");
    tour(&mut terminal);
    terminal.keys("q");
    terminal.wait();
    let text = String::from_utf8_lossy(&terminal.raw);
    let other: String = text.chars().filter(|character| !character.is_ascii()).collect();
    assert_eq!(other, "", "only ASCII");
}

/// Through every screen and dialog.
fn tour(terminal: &mut Terminal) {
    look(terminal, "?", "keys: waterfall");
    walk(terminal, &[("e\r", "steps"), ("b", "blame"), ("z", "properties")]);
    look(terminal, "r", "rebuild linux#1 ?");
    look(terminal, "f", "force linux");
    walk(terminal, &[("l", "error 1 of"), ("w", "wrap on"), ("t", "time local")]);
    look(terminal, ":", "enter run");
    walk(terminal, &[("3", "3 Builders"), ("4", "4 Queue"), ("5", "5 Workers")]);
    look(terminal, "P", "take w out");
    walk(terminal, &[("1=", "1 Waterfall")]);
}
