//! The house rules, as tests: what a reader may rely on in every file (master/ARCHITECTURE.md, "House rules").

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No file is longer, in lines. One that would be wants to be two.
const LONGEST: usize = 800;

/// Half of all files are at most this long, in lines.
const MEDIAN: usize = 200;

/// What may stand at the top of the project, beside dot files.
const TOP: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "assets",
    "console",
    "master",
    "proto",
    "tests",
    "worker",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the project").to_path_buf()
}

/// Every file that belongs to the project: tracked, or new and not ignored.
fn files() -> Vec<PathBuf> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names: BTreeSet<_> = listed
        .stdout
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()))
        .collect();
    names.into_iter().filter(|name| root.join(name).is_file()).collect()
}

/// Our own Rust files, without generated code, each with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let root = root();
    let ours = |name: &PathBuf| {
        name.extension().is_some_and(|ending| ending == "rs") && !name.starts_with("proto/src/gen")
    };
    let sources: Vec<_> = files()
        .into_iter()
        .filter(ours)
        .map(|name| {
            let text = fs::read_to_string(root.join(&name)).expect("a source file is UTF-8");
            (name, text)
        })
        .collect();
    assert!(sources.len() > 100, "only {} sources found: the walk is broken", sources.len());
    sources
}

/// Fails with every finding at once.
fn none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn every_file_says_first_what_it_decides() {
    let silent: Vec<_> = sources()
        .iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name.display().to_string())
        .collect();
    none(&silent, "files open with a `//!` comment");
}

#[test]
fn files_are_short() {
    let mut lengths = Vec::new();
    let mut long = Vec::new();
    for (name, text) in sources() {
        let lines = text.lines().count();
        lengths.push(lines);
        if lines > LONGEST {
            long.push(format!("{}: {lines} lines", name.display()));
        }
    }
    none(&long, "no file has more than 800 lines");
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN, "the median file has {median} lines; {MEDIAN} are the aim");
}

/// A library stays in its own place: (word, where it may stand, why).
const PLACES: [(&str, &[&str], &str); 6] = [
    ("rusqlite::", &["master/src/store/"], "SQL is the store's"),
    ("starlark::", &["master/src/config/"], "Starlark is the configuration's"),
    ("zstd::", &["master/src/logs/"], "sealing is the log store's"),
    ("notify_rust::", &["console/src/notify"], "desktop notices are one module's"),
    (
        "tonic::",
        &["master/src/api/", "master/src/local.rs", "worker/", "console/", "tests/", "proto/"],
        "wire types stop at the door",
    ),
    ("ratatui::", &["console/", "tests/"], "only the console draws"),
];

#[test]
fn libraries_stay_in_their_places() {
    let mut strays = Vec::new();
    for (name, text) in sources() {
        let name = name.display().to_string();
        for (word, places, why) in PLACES {
            let used = text
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            let allowed =
                name == "tests/tidy.rs" || places.iter().any(|place| name.starts_with(place));
            if used && !allowed {
                strays.push(format!("{name} uses {word} ({why})"));
            }
        }
        if name.starts_with("master/src/")
            && name != "master/src/clock.rs"
            && text.lines().any(|line| {
                !line.trim_start().starts_with("//") && line.contains("SystemTime::now")
            })
        {
            strays.push(format!("{name} reads the clock (clock.rs alone does)"));
        }
    }
    none(&strays, "each library has one place");
}

#[test]
fn nothing_is_left_for_later() {
    // Put together from halves, so that this file does not find itself.
    let words = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
        ["#[all", "ow("].concat(),
        ["#![all", "ow("].concat(),
    ];
    let mut found = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{}: {}", name.display(), number + 1, line.trim()));
            }
        }
    }
    none(&found, "no stubs, and no lint is silenced without a reason");
}

#[test]
fn the_top_of_the_project_is_the_prescribed_one() {
    let mut strays = BTreeSet::new();
    for name in files() {
        let first = name.components().next().expect("a path has a part");
        let first = first.as_os_str().to_string_lossy().into_owned();
        if !first.starts_with('.') && !TOP.contains(&first.as_str()) {
            strays.insert(first);
        }
    }
    none(&strays.into_iter().collect::<Vec<_>>(), "only the prescribed names stand at the top");
}

fn dependencies(package: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "-p",
            package,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8_lossy(&tree.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn the_core_reaches_no_edge() {
    let core = dependencies("linn-core");
    assert!(core.contains("serde"), "cargo tree said nothing: {core:?}");
    for banned in ["tokio", "rusqlite", "tonic", "prost", "starlark", "rustix", "getrandom", "rand"]
    {
        assert!(!core.contains(banned), "linn-core depends on {banned}");
    }
}

#[test]
fn workers_and_consoles_do_not_know_the_core() {
    for package in ["linn-worker", "linn-console"] {
        let found = dependencies(package);
        for banned in ["linn-core", "linn-master", "rusqlite", "starlark"] {
            assert!(!found.contains(banned), "{package} depends on {banned}");
        }
    }
    assert!(!dependencies("linn-worker").contains("ratatui"), "the worker is slim");
}

/// The widest line of prose in the manual, in characters: `linn man` prints it as it stands.
const WIDEST: usize = 180;

#[test]
fn the_manual_fits_a_terminal() {
    let mut wide = Vec::new();
    for name in files().into_iter().filter(|name| name.starts_with("assets/manual")) {
        let text = fs::read_to_string(root().join(&name)).expect("a page is UTF-8");
        // A row of a table is one line, however long.
        let prose = text.lines().enumerate().filter(|(_, line)| !line.starts_with('|'));
        let lines = prose.filter(|(_, line)| line.chars().count() > WIDEST);
        wide.extend(lines.map(|(nth, _)| format!("{}:{}", name.display(), nth + 1)));
    }
    none(&wide, "lines of the manual's prose are parted");
}

#[test]
fn the_readme_keeps_its_word() {
    let root = root();
    let readme = fs::read_to_string(root.join("README.md")).expect("README.md");
    for picture in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if !picture.contains("://") && !picture.starts_with('#') {
            assert!(root.join(picture).exists(), "README.md shows {picture}, which is not there");
        }
    }
    let ci = fs::read_to_string(root.join(".ci/run")).expect(".ci/run");
    let test = "cargo test --workspace";
    assert!(
        readme.contains(test) && ci.contains(test),
        "README and .ci/run name the same test command"
    );
}
