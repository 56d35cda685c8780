//! Takes the pictures of the README from a real run of `linn demo`, into `assets/`.
//!
//! ```sh
//! cargo build -p linn-master && cargo test -p linn-tests --test picture -- --ignored
//! ```
//!
//! It takes about a minute, because it waits for the tour to become lively: something red, something running.

#[path = "picture/svg.rs"]
mod svg;

use std::fs;
use std::path::Path;

use linn_tests::terminal::{Terminal, linn};

const COLUMNS: u16 = 120;
const ROWS: u16 = 36;

fn save(terminal: &Terminal, name: &str) {
    let assets =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").join("assets");
    let picture = svg::of(terminal.cells(), "linn demo");
    fs::write(assets.join(name), picture).expect("the picture is written");
}

/// The line above the footer: what is selected, in a sentence.
fn sentence(screen: &str) -> &str {
    screen.lines().nth(usize::from(ROWS) - 2).unwrap_or_default()
}

#[test]
#[ignore = "it writes the pictures of the README, and takes a minute"]
fn the_pictures_of_the_readme() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::start(linn(folder.path(), folder.path(), ["demo"]), COLUMNS, ROWS);
    // The first thing that people break is a test of the builder `linux`.
    terminal.until_shows("linux is broken");
    terminal.keys("e");
    terminal.until("it is selected", |screen| sentence(screen).starts_with(" ✗ linux #"));
    terminal.keys("\r");
    terminal.until("the page of the build", |screen| {
        screen.contains("error: tests/greet.sh") && !sentence(screen).contains("broken")
    });
    save(&terminal, "build.svg");
    // The log is short.
    terminal.resize(COLUMNS, 20);
    terminal.keys("l");
    terminal.until("its log at the error", |screen| {
        screen.lines().count() == 20
            && screen.contains("error 1 of")
            && screen.contains("Eerror: tests/greet.sh")
            && screen.contains("100%")
    });
    save(&terminal, "log.svg");

    terminal.resize(COLUMNS, ROWS);
    terminal.keys("1");
    terminal.until("two are red and others run", |screen| {
        screen.contains("✗ 2 red") && screen.contains("║") && screen.matches('✗').count() > 6
    });
    terminal.keys("e");
    terminal.until("a red build is selected", |screen| {
        sentence(screen).starts_with(" ✗ ") && sentence(screen).contains("blame")
    });
    save(&terminal, "waterfall.svg");
    terminal.keys("q");
    assert_eq!(terminal.wait(), 0);
}
