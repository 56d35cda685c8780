//! A breakage rings the person: on the desktop, or in the terminal where there is none; once for each failure (N1).

use std::fs;

use linn_tests::bus::{Bus, Manners};
use linn_tests::sequences::{Piece, pieces};
use linn_tests::site::{Running, Site};
use linn_tests::terminal::Terminal;
use portable_pty::CommandBuilder;

use crate::farm::{at, open, walk};

/// A builder that is good while a file is there.
fn site() -> (Site, Running) {
    let site = Site::new("");
    let config = format!(
        r#"
local_worker("w")
builder("linux", workers = ["w"], factory = [
    test("test", command = "echo looking; [ -e {good} ] || {{ echo 'error: it is <not> good'; exit 1; }}"),
])
force_scheduler("force", builders = ["linux"])
"#,
        good = site.path().join("good").display(),
    );
    fs::write(site.path().join("master.star"), config).expect("written");
    let master = site.master();
    (site, master)
}

fn console(site: &Site, fill: impl FnOnce(&mut CommandBuilder)) -> Terminal {
    let mut command = at(site, [""; 0]);
    fill(&mut command);
    let mut terminal = Terminal::start(command, 120, 36);
    terminal.until_shows("never built");
    terminal
}

fn on_bus(bus: &Bus) -> impl FnOnce(&mut CommandBuilder) {
    let address = bus.address.clone();
    move |command| command.env("DBUS_SESSION_BUS_ADDRESS", address)
}

/// Builds once, to the end.
fn build(site: &Site) {
    site.linn(["force", "linux", "--wait"]);
}

/// What rang in the terminal.
fn rings(terminal: &Terminal) -> Vec<Piece> {
    let ring = |piece: &Piece| matches!(piece, Piece::Control('\x07') | Piece::String(..));
    pieces(&terminal.raw).into_iter().filter(ring).collect()
}

#[test]
fn a_failure_rings_the_desktop_once() {
    let (site, _master) = site();
    let bus = Bus::new();
    let mut terminal = console(&site, on_bus(&bus));
    build(&site);
    let first = bus.next();
    assert_eq!(first.application, "linn");
    assert_eq!(first.summary, "linux#1 broke");
    assert!(first.body.contains("linux is broken") && first.body.contains("test"), "{first:?}");
    walk(&mut terminal, &[("!", "error 1 of 1"), ("q", "1 Waterfall")]);

    // Red again is no news; green is a line on the screen; red after green is another failure.
    build(&site);
    open(&site, "good");
    build(&site);
    terminal.until_shows("linux is good again");
    fs::remove_file(site.path().join("good")).expect("removed");
    build(&site);
    let second = bus.next();
    assert_eq!(second.summary, "linux#4 broke", "RM-3");
    assert_ne!(first.body, second.body);
    // The key opens the newest.
    walk(&mut terminal, &[("!", "error 1 of 1")]);
    terminal.until_shows("#4");
    terminal.keys("qq");
    terminal.wait();
    assert!(bus.rest().is_empty(), "exactly two notices for two failures");
    assert_eq!(rings(&terminal), [], "the desktop took them: the terminal does not ring, too");
}

/// N1: who is at the screen is told there, and not rung.
#[test]
fn who_looks_at_the_console_is_not_rung() {
    let (site, _master) = site();
    let bus = Bus::new();
    let mut terminal = console(&site, on_bus(&bus));
    // The terminal says that it has the focus; the screen that follows shows that it was heard.
    walk(&mut terminal, &[("\x1b[I", "never built"), ("3", "3 Builders"), ("1", "1 Waterfall")]);
    build(&site);
    terminal.until_shows("linux is broken");
    open(&site, "good");
    build(&site);
    terminal.until_shows("linux is good again");
    walk(&mut terminal, &[("\x1b[O", "1 Waterfall"), ("3", "3 Builders")]);
    fs::remove_file(site.path().join("good")).expect("removed");
    build(&site);
    assert_eq!(bus.next().summary, "linux#3 broke", "the first that came while nobody looked");
    terminal.keys("q");
    terminal.wait();
    assert!(bus.rest().is_empty());
    assert_eq!(rings(&terminal), []);
}

/// What a terminal says of itself.
type Variables<'a> = &'a [(&'a str, &'a str)];

/// console.md H: the terminal rings in its own dialect where the desktop cannot be reached, is not there, or is stuck.
#[test]
fn without_a_desktop_the_terminal_rings() {
    let (site, _master) = site();
    let (absent, hangs) = (Bus::with(Manners::Absent), Bus::with(Manners::Hangs));
    let bell = Piece::Control('\x07');
    let sequence = |text: &str| Piece::String(']', text.to_owned());
    let said = "linux is broken: failed 'test' (failure) (linux#1)";
    let kinds: [(Variables<'_>, Vec<Piece>); 8] = [
        (&[], vec![bell.clone()]),
        (&[("TERM", "rxvt-unicode")], vec![sequence(&format!("777;notify;linux#1 broke;{said}"))]),
        (&[("TERM", "foot")], vec![sequence(&format!("777;notify;linux#1 broke;{said}"))]),
        (
            &[("TERM_PROGRAM", "ghostty")],
            vec![sequence(&format!("777;notify;linux#1 broke;{said}"))],
        ),
        (&[("TERM_PROGRAM", "WezTerm")], vec![sequence(&format!("9;linux#1 broke: {said}"))]),
        (&[("TERM_PROGRAM", "iTerm.app")], vec![sequence(&format!("9;linux#1 broke: {said}"))]),
        (&[("DBUS_SESSION_BUS_ADDRESS", &absent.address)], vec![bell.clone()]),
        (&[("DBUS_SESSION_BUS_ADDRESS", &hangs.address)], vec![bell.clone()]),
    ];
    let mut consoles: Vec<_> = kinds
        .iter()
        .map(|(variables, _)| {
            console(&site, |command| {
                for (name, value) in *variables {
                    command.env(name, value);
                }
            })
        })
        .collect();
    let mut kitty = console(&site, |command| command.env("TERM", "xterm-kitty"));
    let mut tmux = console(&site, |command| {
        command.env("TERM_PROGRAM", "WezTerm");
        command.env("TMUX", "/tmp/tmux-1000/default,1,0");
    });
    build(&site);
    for (terminal, (variables, wanted)) in consoles.iter_mut().zip(&kinds) {
        terminal.until_holds("it rings", |terminal| !rings(terminal).is_empty());
        terminal.keys("q");
        terminal.wait();
        assert_eq!(&rings(terminal), wanted, "{variables:?}");
    }
    kitty.until_holds("it rings with title and body", |terminal| rings(terminal).len() == 2);
    let texts = rings(&kitty);
    let Piece::String(']', title) = &texts[0] else { panic!("{texts:?}") };
    let Piece::String(']', body) = &texts[1] else { panic!("{texts:?}") };
    assert!(title.starts_with("99;i=linn") && title.ends_with(":d=0;linux#1 broke"), "{title}");
    assert!(body.ends_with(&format!(":d=1:p=body;{said}")), "{body}");
    tmux.until_holds("it rings through tmux, and the bell marks the window", |terminal| {
        let raw = String::from_utf8_lossy(&terminal.raw);
        raw.contains("\x1bPtmux;\x1b\x1b]9;linux#1 broke: ") && raw.contains("\x07\x1b\\\x07")
    });
}

#[test]
fn who_wants_no_rings_gets_none() {
    let (site, _master) = site();
    let bus = Bus::new();
    let settings = site.path().join("config/linn");
    fs::create_dir_all(&settings).expect("a folder");
    fs::write(settings.join("console.toml"), "no_notify = true\n").expect("written");
    let mut terminal = console(&site, on_bus(&bus));
    build(&site);
    terminal.until_shows("linux is broken");
    terminal.keys("q");
    terminal.wait();
    assert!(bus.rest().is_empty());
    assert_eq!(rings(&terminal), []);
}
