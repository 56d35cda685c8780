//! Nothing that others wrote ever commands the terminal: names, branches, comments, reasons, properties, log lines
//! (console.md G, "escape safety").

use std::fs;

use linn_tests::repository::Repository;
use linn_tests::sequences::{Piece, is_unseen, pieces};
use linn_tests::site::Site;
use linn_tests::terminal::Terminal;

use crate::farm::{at, look, walk};

/// Sets the clipboard, the title and the colours, asks for an answer, turns text round, in every coding there is.
const HOSTILE: &str = "x\x1b]52;c;ZXZpbA==\x07\x1b]0;evil\x1b\\\x1b[31337m\x1b[6n\x1bP+q6576\x1b\\\u{9d}52;c;ZXZpbA==\u{9c}\u{9b}31337m\u{202e}live\u{2066}\u{200f}\u{7}\u{8}y";

/// The same, and what is no UTF-8 at all, as `printf` writes it.
const PRINTED: &str = r"x\033]52;c;ZXZpbA==\007\033]0;evil\033\\\033[31337m\033[6n\033P+q6576\033\\\302\23552;c;ZXZpbA==\302\234\302\23331337m\342\200\256live\342\201\246\007\010y \23331337m \377\376 \033[31mred\033[m \rover\n";

fn site() -> Site {
    let site = Site::new("");
    fs::write(site.path().join("evil.txt"), PRINTED).expect("written");
    let repository = site.path().join("evil");
    let config = format!(
        r#"
codebase("app", repository = "{repository}")
git_poller("app", repository = "{repository}", branches = ["*"], interval = "1s", codebase = "app", build_first_tip = True)
local_worker("w")
worker("nobody")
builder("b", workers = ["w"], factory = [
    shell("t", command = "printf \"$(cat {file})\"; echo; printf 'error: '; printf \"$(cat {file})\"; exit 1"),
])
builder("waits", workers = ["nobody"], factory = [shell("t", command = ["true"])])
any_branch_scheduler("commits", builders = ["b", "waits"])
force_scheduler("force", builders = ["b", "waits"])
"#,
        repository = repository.display(),
        file = site.path().join("evil.txt").display(),
    );
    fs::write(site.path().join("master.star"), config).expect("written");
    site
}

/// A commit of hostile people, on a branch with a hostile name, with a hostile message and file.
fn commit(site: &Site) {
    let repository = Repository::new(&site.path().join("evil"));
    let character = |character: char| !character.is_control() && !" ~^:?*[\\".contains(character);
    let name: String = HOSTILE.chars().filter(|one| character(*one)).collect();
    repository.git(&["checkout", "--quiet", "-b", &name]);
    repository.git(&["config", "user.name", &format!("Eve {HOSTILE}")]);
    repository.commit(&HOSTILE.replace('/', "_"), "", &format!("{HOSTILE}\n\nand more {HOSTILE}"));
}

#[test]
fn nothing_foreign_commands_the_terminal() {
    let site = site();
    commit(&site);
    let _master = site.master();
    let mut command = at(&site, [""; 0]);
    // A terminal that takes notices as a sequence: their text is foreign, too.
    command.env("TERM_PROGRAM", "WezTerm");
    let mut terminal = Terminal::start(command, 120, 36);
    terminal.until_shows("✗001");
    let property = format!("note={HOSTILE}");
    site.ok(["force", "waits", "--reason", HOSTILE, "--property", &property]);
    walk(&mut terminal, &[("e\r", "steps"), ("b", "blame"), ("z", "eve"), ("zp", "scheduler")]);
    walk(&mut terminal, &[("l", "error 1 of"), ("w", "wrap on"), ("t", "time local")]);
    walk(&mut terminal, &[("/evil\r", "searched on the master"), ("3", "3 Builders")]);
    walk(&mut terminal, &[("4", "4 Queue")]);
    look(&mut terminal, "w", "why is it not running?");
    look(&mut terminal, "x", "cancel request 2 ?");
    walk(&mut terminal, &[("1e", "1 Waterfall"), ("r", "rebuild b#1 ?"), ("y", "✗002")]);
    walk(&mut terminal, &[("!", "error 1 of")]);
    terminal.keys("qq");
    assert_eq!(terminal.wait(), 0);
    innocent(&terminal);
}

/// What comes over the command line is refused where it could only be hostile, and the refusal itself is safe.
#[test]
fn hostile_changes_are_refused_in_safe_words() {
    let site = site();
    commit(&site);
    let _master = site.master();
    let fine = ["change", "send", "--author", "Eve <eve@example.org>"];
    for option in ["--branch", "--revision", "--project", "--category", "--codebase"] {
        let refused = site.linn(fine.into_iter().chain([option, HOSTILE]));
        assert_eq!(refused.status.code(), Some(2), "{option}");
        let wrote = pieces(&refused.stderr);
        let safe = |piece: &Piece| match piece {
            Piece::Text(text) => !text.contains(is_unseen),
            other => *other == Piece::Control('\n'),
        };
        assert!(wrote.iter().all(safe), "{option}: {wrote:?}");
    }
}

/// Asserts that every control sequence is one that the console itself makes.
fn innocent(terminal: &Terminal) {
    let wrote = pieces(&terminal.raw);
    assert!(wrote.len() > 1000, "it drew: {}", wrote.len());
    for piece in &wrote {
        let own = match piece {
            Piece::Text(text) => !text.contains(is_unseen),
            Piece::Control(control) => matches!(control, '\r' | '\n'),
            Piece::Csi(parameters, 'h' | 'l') => {
                ["?25", "?1004", "?1049", "?2004", "?2026"].contains(&parameters.as_str())
            }
            Piece::Csi(parameters, 'm') => !parameters.contains("31337"),
            Piece::Csi(parameters, 'H' | 'J' | 'K' | 'A'..='G') => {
                parameters.chars().all(|character| character.is_ascii_digit() || character == ';')
            }
            Piece::String(']', text) => text.starts_with("9;") && !text.contains("\u{9d}"),
            _ => false,
        };
        assert!(own, "not the console's own: {piece:?}");
    }
}
