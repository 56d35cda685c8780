//! The texts of one generation: the main file, what it loads, and the facts it may ask for, with their digest (decision D9).
//!
//! All files are read and parsed before any is evaluated, so the digest is known when the first function is kept, and every
//! syntax error of every file is reported at once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use linn_core::id::ConfigDigest;
use sha2::{Digest, Sha256};
use starlark::syntax::{AstModule, Dialect, DialectTypes};

use super::calls::{Calls, place_of};
use super::facts::Facts;
use super::nearest::nearest;
use super::problem::{Place, Problem, harmless, quote};
use super::shape;

/// What the facts are called among the sources; no file can be called so.
pub(super) const FACTS: &str = "#checkout";
/// The most files of one configuration.
const MAX_FILES: usize = 200;

/// F37: `for` and `if` at the top level; types are comments.
pub(super) const DIALECT: Dialect = Dialect {
    enable_keyword_only_arguments: true,
    enable_top_level_stmt: true,
    enable_f_strings: true,
    enable_types: DialectTypes::ParseOnly,
    ..Dialect::Standard
};

/// Where texts come from.
pub(super) enum Shelf<'a> {
    /// The folder of the main file.
    Folder(&'a Path),
    /// What was kept of an old generation, or is built in.
    Kept(&'a [(String, String)]),
}

/// One parsed file.
pub(super) struct Parsed {
    pub name: String,
    pub ast: AstModule,
}

/// Everything that evaluation needs, and nothing else.
pub(super) struct Sources {
    /// Names and texts: the main file first, then those loaded in the order found, the facts last.
    pub texts: Vec<(String, String)>,
    pub digest: ConfigDigest,
    /// Each after all that it loads; the main file last.
    pub parsed: Vec<Parsed>,
    /// Their names, in that order.
    pub order: Vec<String>,
    pub facts: Option<Facts>,
    pub calls: Calls,
    /// What reading showed, and the trees alone; not fatal to evaluation.
    pub problems: Vec<Problem>,
    /// Whether some file is not there, so that nobody knows what it declares.
    pub unread: bool,
}

/// Reads the main file and all that it loads, and parses them.
///
/// # Errors
/// Every file that cannot be read or parsed, when the main one is among them. Else these are among the problems.
pub(super) fn gather(
    shelf: &Shelf<'_>,
    main: &str,
    facts: Option<&Facts>,
) -> Result<Sources, Vec<Problem>> {
    let mut reader = Reader {
        shelf,
        texts: Vec::new(),
        parsed: Vec::new(),
        seen: BTreeMap::new(),
        problems: Vec::new(),
    };
    reader.read(main, &Place::file(main));
    let Reader { mut texts, parsed, mut problems, .. } = reader;
    // What a file asks of one that cannot be read is not known, but its own mistakes are.
    if parsed.last().is_none_or(|file| file.name != main) {
        return Err(problems);
    }
    // A text that never says `checkout` does not depend on it, nor does its digest.
    let facts = facts.filter(|_| texts.iter().any(|(_, text)| text.contains("checkout"))).cloned();
    if let Some(facts) = &facts {
        let text = serde_json::to_string(facts).expect("facts are texts and numbers");
        texts.push((FACTS.to_owned(), text));
    }
    let unread = !problems.is_empty();
    let order = parsed.iter().map(|file| file.name.clone()).collect();
    let mut calls = Calls::default();
    for file in &parsed {
        calls.add(&file.name, &file.ast, &mut problems);
    }
    Ok(Sources { digest: digest(&texts), texts, parsed, order, facts, calls, problems, unread })
}

/// SHA-256 over names and texts, each with its length before it, in hex.
pub(super) fn digest(texts: &[(String, String)]) -> ConfigDigest {
    let mut hash = Sha256::new();
    for part in texts.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hex = hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        hex
    });
    ConfigDigest::from(hex)
}

struct Reader<'a> {
    shelf: &'a Shelf<'a>,
    texts: Vec<(String, String)>,
    parsed: Vec<Parsed>,
    /// False while a file's own loads are being read.
    seen: BTreeMap<String, bool>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self, name: &str, wanted_at: &Place) {
        match self.seen.get(name) {
            Some(true) => return,
            Some(false) => {
                let message = format!("{} is loaded by a file that it loads itself", quote(name));
                self.problems.push(Problem::at(
                    wanted_at,
                    message,
                    "move what both need into a third file",
                ));
                return;
            }
            None => {}
        }
        if self.seen.len() >= MAX_FILES {
            let message = format!("more than {MAX_FILES} files are loaded");
            self.problems.push(Problem::at(wanted_at, message, ""));
            return;
        }
        self.seen.insert(name.to_owned(), false);
        match self.fetch(name, wanted_at) {
            Ok(text) => self.parse(name, text),
            Err(problem) => self.problems.push(problem),
        }
        self.seen.insert(name.to_owned(), true);
    }

    fn parse(&mut self, name: &str, text: String) {
        self.texts.push((name.to_owned(), text.clone()));
        if let Err(problem) = shape::check(name, &text) {
            self.problems.push(problem);
            return;
        }
        let ast = match AstModule::parse(name, text, &DIALECT) {
            Ok(ast) => ast,
            Err(error) => {
                self.problems.push(problem_of(&error, name));
                return;
            }
        };
        let loads: Vec<(String, Place)> = ast
            .loads()
            .iter()
            .map(|load| (load.module_id.to_owned(), place_of(&load.span)))
            .collect();
        for (wanted, place) in loads {
            self.read(&wanted, &place);
        }
        self.parsed.push(Parsed { name: name.to_owned(), ast });
    }

    fn fetch(&self, name: &str, wanted_at: &Place) -> Result<String, Problem> {
        let folder = match self.shelf {
            Shelf::Kept(texts) => {
                let kept = texts.iter().find(|(kept, _)| kept == name && kept != FACTS);
                return kept.map(|(_, text)| text.clone()).ok_or_else(|| {
                    Problem::at(wanted_at, format!("{} is not among the texts", quote(name)), "")
                });
            }
            Shelf::Folder(folder) => folder,
        };
        let path = inside(folder, name).ok_or_else(|| {
            let message =
                format!("{} is not a path below the folder of the configuration", quote(name));
            Problem::at(wanted_at, message, "write a relative path such as \"lib/cargo.star\"")
        })?;
        let bytes = read_bounded(&path).map_err(|error| {
            let shown = harmless(&path.display().to_string(), 200);
            if error.kind() == std::io::ErrorKind::NotFound && wanted_at.line > 0 {
                return Problem::at(
                    wanted_at,
                    format!("there is no file {shown}"),
                    near_file(folder, name),
                );
            }
            Problem::at(wanted_at, format!("cannot read {shown}: {error}"), "")
        })?;
        shape::text_of(&Place::file(name), bytes)
    }
}

/// What may have been meant: a file of a near name in the same folder.
fn near_file(folder: &Path, name: &str) -> String {
    let (below, file) = name.rsplit_once('/').unwrap_or(("", name));
    let entries = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
    let mut known: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).take(1000).collect();
    known.sort();
    match nearest(file, known.iter().map(String::as_str)) {
        Some(near) if below.is_empty() => format!("did you mean {}?", quote(near)),
        Some(near) => format!("did you mean {}?", quote(&format!("{below}/{near}"))),
        None => "what is loaded stands below the folder of master.star".to_owned(),
    }
}

/// One byte more than is allowed is read at most, so that what is too large is seen to be.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no ordinary file"));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(shape::MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path of a file below a folder; nothing for one that leads out of it.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty()
        && !name.contains(['\0', '\\'])
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| folder.join(name))
}

/// What Starlark says of its limits, and what we say.
const LIMITS: &[(&str, &str, &str)] = &[
    ("Execution duration limit", "it runs for too many ticks", "is there a loop without end?"),
    ("Heap memory limit", "it uses too much memory", "does something grow in a loop?"),
    (
        "Starlark call stack overflow",
        "its calls are nested too deep",
        "does a function call itself?",
    ),
];

/// An error of Starlark's as a problem.
pub(super) fn problem_of(error: &starlark::Error, file: &str) -> Problem {
    let place = error.span().map_or_else(|| Place::file(file), place_of);
    let text = error.without_diagnostic().to_string();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed").trim();
    let message = harmless(first.strip_prefix("error: ").unwrap_or(first), 300);
    for (starlarks, ours, hint) in LIMITS {
        if message.starts_with(starlarks) {
            return Problem::at(&place, *ours, *hint);
        }
    }
    let (message, hint) = match message.split_once(", did you mean ") {
        Some((message, meant)) => (message.to_owned(), format!("did you mean {meant}")),
        None => (message, String::new()),
    };
    Problem::at(&place, lowered(&message), hint)
}

/// A sentence's first letter is lower case inside of ours, unless it is the first of a name.
fn lowered(text: &str) -> String {
    let mut rest = text.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}
