//! Tests of the language as a whole: from text to configuration, and functions called afterwards.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use linn_core::config::{Condition, SchedulerKind, StepKind, TemplateValue};
use linn_core::hooks::{Argument, HookId, Hooks};
use linn_core::time::Span;
use serde_json::{Value as Json, json};

use super::globals::{Group, functions};
use super::*;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/configs").join(name)
}

/// Loads a text as `master.star`.
fn text(text: &str) -> Result<Loaded, Vec<Problem>> {
    let kept = [("master.star".to_owned(), text.to_owned())];
    load_from(&Shelf::Kept(&kept), "master.star", None)
}

pub(super) fn good(star: &str) -> Loaded {
    text(star).unwrap_or_else(|problems| panic!("{}", Problems(problems)))
}

/// The problems of a text, one line each.
pub(super) fn lines(star: &str) -> Vec<String> {
    text(star).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

const WORKER: &str = "local_worker(\"w\")\n";

/// Every mistake at once, each at its place, none caused by another (F28).
#[test]
fn every_mistake_is_an_error() {
    for name in ["ten-mistakes", "thirty-mistakes"] {
        let problems = check(&sample(&format!("{name}.star"))).unwrap_err();
        let folder = format!("{}/", sample("").display()).replace("//", "/");
        let said = format!("{}\n", problems.to_string().replace(&folder, ""));
        let file = sample(&format!("{name}.txt"));
        if std::env::var_os("LINN_BLESS").is_some() {
            std::fs::write(&file, &said).unwrap();
        }
        assert_eq!(said, std::fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn a_promised_name_is_told_from_a_misspelt_one() {
    assert_eq!(
        lines("cpu = auth(\"cpu\")\nbilder(\"x\")\n"),
        [
            "master.star:1:7: `auth` is not there yet in this version of linn; leave it out",
            "master.star:2:1: `bilder` is not defined; did you mean `builder`?",
        ]
    );
    // What is done with either is no further mistake, and names they may have declared are nobody's fault.
    let star = format!(
        "{WORKER}db = auth(\"db\")\nbuilder(\"a\", workers = [\"w\", \"pool\"], factory = [shell(command = \"x\", locks = [db.exclusive()])])\nworker_pool(\"pool\")\nforce_scheduler(\"f\", builders = [\"a\"])\n"
    );
    assert_eq!(
        lines(&star),
        [
            "master.star:2:6: `auth` is not there yet in this version of linn; leave it out",
            "master.star:4:1: `worker_pool` is not there yet in this version of linn; leave it out",
        ]
    );
}

/// F19, F20: what is looked for in a program's output.
#[test]
fn what_is_looked_for_is_checked() {
    let said = |arguments: &str| lines(&format!("test(command = \"x\", {arguments})\n")).concat();
    for good in [
        "report = \"out/*.xml\"",
        "report_format = \"libtest\"",
        "report = \"a.tap\", report_format = \"tap\"",
        "warning_pattern = \"w\", suppressions = [(\"a\", None, 1, 2), (None, \"b\", None, None)]",
        "warning_pattern = \"w\", max_warnings = 0",
    ] {
        assert_eq!(said(good), "", "{good}");
    }
    for (bad, why) in [
        ("report = \"../x\"", "no file below the work folder"),
        ("report = \"/x\"", "no file below the work folder"),
        ("report_format = \"xml\"", "one of junit, tap, libtest, subunit"),
        ("max_warnings = 1", "no meaning without `warning_pattern`"),
        ("warning_pattern = \"w\", suppressions = \"a\"", "must be a list"),
        ("warning_pattern = \"w\", suppressions = [\"a\"]", "must have four parts"),
        (
            "warning_pattern = \"w\", suppressions = [(\"(\", None, None, None)]",
            "no regular expression",
        ),
        ("warning_pattern = \"w\", suppressions = [(None, None, 5, 4)]", "end before they begin"),
        ("warning_pattern = \"w\", suppressions = [(None, None, \"5\", None)]", "must be a number"),
    ] {
        let said = said(bad);
        assert!(said.contains(why), "{bad}: {said}");
    }
}

/// F17: exactly one of `property` and `extract`.
#[test]
fn a_property_from_a_command_says_which() {
    let said = |arguments: &str| {
        lines(&format!("set_property_from_command(command = \"x\"{arguments})\n")).concat()
    };
    assert_eq!(said(", property = \"a\", strip = False"), "");
    assert_eq!(said(", extract = lambda rc, stdout, stderr: {}"), "");
    assert!(said("").contains("`property`"), "{}", said(""));
    let both = said(", property = \"a\", extract = lambda rc, stdout, stderr: {}");
    assert!(both.contains("`property` and `extract` exclude each other"), "{both}");
    let strip = said(", strip = True, extract = lambda rc, stdout, stderr: {}");
    assert!(strip.contains("no meaning beside `extract`"), "{strip}");
}

#[test]
fn duplicates_name_both_places() {
    let said = lines("worker(\"a\")\nworker(\"a\")\nlocal_worker(\"A\")\n");
    assert_eq!(
        said,
        [
            "master.star:2:1: worker `a` is declared twice; the first is at master.star:1; give one of them another name",
            "master.star:3:1: worker `A` differs from `a` at master.star:1 only by case; give one of them another name",
        ]
    );
}

/// F42 and its kin: what is wrong, and what to write instead.
#[test]
fn values_of_the_wrong_kind() {
    for (argument, wanted) in [
        (
            "timeout = 30",
            "`timeout` of `shell` must be a duration in quotes, not the number 30; write \"30s\"",
        ),
        (
            "timeout = \"30\"",
            "`timeout` of `shell` must be a duration, not the text `30`; write \"30s\"",
        ),
        (
            "log_max_size = 10",
            "`log_max_size` of `shell` must be a size in quotes, not the number 10; write for example \"64MiB\"",
        ),
        (
            "halt_on_failure = 1",
            "`halt_on_failure` of `shell` must be True or False, not the number 1",
        ),
        ("max_lines = True", "`max_lines` of `shell` must be a whole number from 1 on, not True"),
        (
            "env = {\"A\": 1}",
            "variable `A` must be a text, a list, or None to remove it, not the number 1; write \"1\"",
        ),
        (
            "env = [\"A\"]",
            "`env` of `shell` must be a dictionary, not a list; write `{\"name\": value}`",
        ),
        (
            "decode_rc = {3: \"BAD\"}",
            "exit code 3 cannot mean \"BAD\"; one of SKIPPED, SUCCESS, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED",
        ),
        (
            "workdir = \"../x\"",
            "workdir `../x` is not below the build's folder; write a relative path without `..`",
        ),
        (
            "warning_pattern = \"(\"",
            "`warning_pattern` is no regular expression: `(`: unclosed group",
        ),
        (
            "interrupt_signal = \"WINCH\"",
            "`WINCH` is no signal that ends a program; one of TERM, INT, HUP, QUIT, USR1, USR2, ABRT, KILL",
        ),
        (
            "do_step_if = \"yes\"",
            "`do_step_if` of `shell` must be True, False or a function, not the text `yes`; write `lambda build: ...`",
        ),
    ] {
        let said = lines(&format!("shell(command = \"x\", {argument})\n"));
        let start = said.first().cloned().unwrap_or_default();
        assert_eq!(said.len(), 1, "{argument}: {said:?}");
        let (_, message) = start.split_once(": ").unwrap();
        assert_eq!(message, wanted, "{argument}");
    }
}

/// PP-5: mistakes of a template are found at load, at its place.
#[test]
fn templates_are_read_at_load() {
    let said = lines("shell(command = [\"echo\", interpolate(\"%(branch)s\")])\n");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("master.star:1:38: "), "{said:?}");
}

/// RC-7 and F32.
#[test]
fn the_whole_is_validated() {
    let said = lines(
        "codebase(\"zork\")\nbuilder(\"a/b\", workers = [], factory = [git(codebase = \"zrok\")])\n\
         any_branch_scheduler(\"s\", builders = [])\n",
    );
    assert_eq!(
        said,
        [
            "master.star:2:9: builder `a/b`: a name may not have '/' in it; 1-100 letters, digits, `. _ - + @ :` and blanks inside, not starting with `_`",
            "master.star:2:16: builder `a/b` has no worker; name at least one worker",
            "master.star:2:45: a git step names the codebase `zrok`, which is not declared; did you mean `zork`?",
            "master.star:3:27: scheduler `s` has no builder; name one; builders(...) selects those declared above",
        ]
    );
    let unclear = lines(
        "local_worker(\"w\")\ncodebase(\"a\")\ncodebase(\"b\")\nbuilder(\"x\", workers = [\"w\"], factory = [git()])\n",
    );
    assert_eq!(
        unclear,
        [
            "master.star:4:42: a source step of builder `x` does not say which codebase; write `codebase = ...`, one of a, b"
        ]
    );
}

/// F29.
#[test]
fn a_builder_nobody_asks_for_is_a_note() {
    let loaded =
        good(&format!("{WORKER}builder(\"x\", workers = [\"w\"], factory = [git()])\nprint(1)\n"));
    let notes: Vec<String> = loaded.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["master.star: 1", "master.star:2:1: no scheduler asks for builder `x`"]);
}

#[test]
fn syntax_errors_of_all_files_come_at_once() {
    let kept = [
        ("master.star".to_owned(), "load(\"a.star\", \"x\")\nload(\"b.star\", \"y\")\n".to_owned()),
        ("a.star".to_owned(), "x = = 1\n".to_owned()),
        ("b.star".to_owned(), "def f(:\n".to_owned()),
    ];
    let problems = load_from(&Shelf::Kept(&kept), "master.star", None).unwrap_err();
    let places: Vec<(&str, u32)> =
        problems.iter().map(|problem| (problem.file.as_str(), problem.line)).collect();
    assert_eq!(places, [("a.star", 1), ("b.star", 1)]);
}

#[test]
fn loads_are_bounded_by_the_folder_and_without_loops() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "master.star",
        "load(\"a.star\", \"x\")\nload(\"../up.star\", \"y\")\nload(\"none.star\", \"z\")\n",
    );
    write("a.star", "load(\"master.star\", \"q\")\nx = q\n");
    let problems = check(&folder.path().join("master.star")).unwrap_err().0;
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[0], "`master.star` is loaded by a file that it loads itself");
    assert_eq!(said[1], "`../up.star` is not a path below the folder of the configuration");
    assert!(said[2].starts_with("there is no file ") && problems[2].line == 3, "{said:?}");
    let nothing = check(&folder.path().join("no.star")).unwrap_err();
    assert!(nothing.to_string().contains("no.star: cannot read"), "{nothing}");
}

#[test]
fn recipes_come_from_other_files() {
    let loaded = load(Origin::File(&sample("loads.star")), None).unwrap();
    let names: Vec<&str> = loaded.sources.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["loads.star", "lib/cargo.star"]);
    let debug = &loaded.config.builders["debug"];
    assert!(matches!(debug.factory[0].kind, StepKind::Source(_)));
    assert_eq!(loaded.generation.len(), 2);
    let Condition::Hook(hook) = &debug.factory[2].do_step_if else { panic!("{debug:?}") };
    assert_eq!(hook.label, "lambda at lib/cargo.star:7");
    let library = Library::new();
    library.insert(loaded.generation.clone());
    let build = Argument::Object(json!({"properties": {"branch": "main"}}));
    assert_eq!(library.call(hook, &[build]), Ok(json!(true)));
}

fn steps_of(loaded: &Loaded) -> Vec<HookId> {
    loaded.config.builders["all"]
        .factory
        .iter()
        .filter_map(|step| match &step.kind {
            StepKind::Shell(shell) => match &shell.command {
                TemplateValue::Hook(hook) => Some(hook.clone()),
                TemplateValue::List(words) => words.iter().find_map(|word| match word {
                    TemplateValue::Hook(hook) => Some(hook.clone()),
                    _ => None,
                }),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn a_build() -> Argument {
    Argument::Object(json!({
        "properties": {"jobs": 8, "branch": "main"},
        "builder": {"name": "all", "tags": [], "project": "", "description": ""},
        "sources": {"zork": {"branch": "main", "revision": "abc"}},
        "number": 7,
        "changes": [],
        "files": [],
    }))
}

/// D9, F43: functions outlive their evaluation, from any thread; what they do wrong is one sentence with a place.
#[test]
fn functions_are_called_later_and_elsewhere() {
    let loaded = load(Origin::File(&sample("functions.star")), None).unwrap();
    let library = Arc::new(Library::new());
    library.insert(loaded.generation.clone());
    let hooks = steps_of(&loaded);
    let call = |index: usize| {
        let (library, hook) = (Arc::clone(&library), hooks[index].clone());
        std::thread::spawn(move || library.call(&hook, &[a_build()])).join().unwrap()
    };
    assert_eq!(hooks[0].label, "argv at functions.star:8");
    assert_eq!(call(0), Ok(json!(["make", "-j8", "all", "main"])));
    assert_eq!(call(8), Ok(json!(7)));
    for (index, wanted) in [
        (1, "it runs for too many ticks"),
        (2, ""),
        (
            3,
            "functions.star:23: the result would have a length of 2000000000; at most 65536 is allowed",
        ),
        (4, "functions.star:26: "),
        (5, "functions.star:29: "),
        (6, ""),
        (7, "functions.star:35: "),
    ] {
        let begun = Instant::now();
        let error = call(index).unwrap_err().what;
        assert!(error.starts_with(wanted), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{error}: {:?}", begun.elapsed());
    }
    let SchedulerKind::AnyBranch(timer) = &loaded.config.schedulers[0].kind else { panic!() };
    let important = timer.importance.hook.as_ref().unwrap();
    let change = |files: Json| Argument::Object(json!({"files": files, "branch": null}));
    assert_eq!(library.call(important, &[change(json!(["doc/a"]))]), Ok(json!(false)));
    assert_eq!(library.call(important, &[change(json!(["doc/a", "b"]))]), Ok(json!(true)));

    let stranger = HookId { config: ConfigDigest::new("0"), ..important.clone() };
    assert!(library.call(&stranger, &[]).is_err());
}

/// What stands before Starlark's own functions and operators is not to be seen.
#[test]
fn guarded_functions_are_as_they_were() {
    let said = good(
        "note(\"%s %d%%\" % (str([1]), 7 % 4))\nnote(str(sorted([2, 1], reverse = True)))\nnote(list.type)\nnote(str(dict(a = list(map(str, (1, 2))))))\n",
    );
    let said: Vec<_> = said.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(said, ["[1] 3%", "[2, 1]", "list", "{\"a\": [\"1\", \"2\"]}"]);
    let wrong = [
        "x = [1] + list(5)\n",
        "x = sorted([1, \"a\"])\n",
        "x = \"%d\" % \"a\"\n",
        "x = zip(1, a = 2)\n",
    ];
    assert_eq!(
        wrong.map(lines).concat(),
        [
            "master.star:1:11: operation `(iter)` not supported on type `int`",
            "master.star:1:5: operation `cmp()` not supported for types `string` and `int`",
            "master.star:1:5: operation `format(%d)` not supported on type `string`",
            "master.star:1:5: found `a` extra named parameter(s) for call to zip",
        ]
    );
}

/// A comprehension is one statement, so its rounds are looked at one by one.
#[test]
fn a_function_cannot_eat_memory_within_one_statement() {
    for expression in [
        "[[0] * 60000 for _ in range(400)]",
        "[TEXT + TEXT[1:] for _ in range(900)]",
        "[list(range(60000)) for _ in range(400)]",
        "[\"%s %s %s\" % (TEXT, TEXT, TEXT) for _ in range(900)]",
        "[str([TEXT, TEXT, TEXT]) for _ in range(900)]",
    ] {
        let star = format!(
            "{WORKER}TEXT = \"x\" * 30000\nbuilder(\"all\", workers = [\"w\"], factory = [shell(command = lambda build: str(len({expression})))])\n"
        );
        let loaded = good(&star);
        let library = Library::new();
        library.insert(loaded.generation.clone());
        let error = library.call(&steps_of(&loaded)[0], &[a_build()]).unwrap_err().what;
        assert!(error.contains("it uses more than 32 MiB of memory"), "{expression}: {error}");
    }
}

/// What a load may cost is bounded, too.
#[test]
fn a_file_that_never_ends_or_eats_memory_is_stopped() {
    for star in [
        "for _ in range(1000000):\n    for _ in range(1000000):\n        pass\n",
        "x = \"a\" * 2000000000\n",
        "x = [0] * 2000000000\n",
        "x = list(range(2000000000))\n",
        "x = \"a\"\nfor _ in range(60):\n    x += x\n",
        "x = [1]\nfor _ in range(60):\n    x = x + x\n",
        "def f(n):\n    return f(n + 1)\nf(0)\n",
        "x = 2\nx *= 3\n",
        "x = 3\nfor _ in range(60):\n    x = x * x\n",
        "x = -1\nfor _ in range(1000000):\n    x = x + x\n",
        "x = int(\"9\" * 2000) * 2\n",
    ] {
        let said = lines(star);
        assert_eq!(said.len(), 1, "{star}: {said:?}");
    }
    assert_eq!(good("x = 2 * 3 * \"ab\" + \"c\"\nnote(x)\n").notes[0].message, "ababababababc");
}

/// D9: the same text is the same generation, and an old one comes back whole.
#[test]
fn generations_come_back_the_same() {
    let path = sample("functions.star");
    let (one, two) =
        (load(Origin::File(&path), None).unwrap(), load(Origin::File(&path), None).unwrap());
    assert_eq!((&one.digest, &one.config, &one.sources), (&two.digest, &two.config, &two.sources));
    assert_eq!(one.digest.as_str().len(), 64);
    let again = reload_kept(&one.digest, &one.sources).unwrap();
    assert_eq!((&again.config, &again.sources), (&one.config, &one.sources));
    assert_eq!(again.generation.len(), one.generation.len());

    let facts = facts(&["Cargo.toml"]);
    let built_in = load(Origin::BuiltIn, Some(&facts)).unwrap();
    assert_eq!(built_in.sources.len(), 2);
    let again = reload_kept(&built_in.digest, &built_in.sources).unwrap();
    assert_eq!((&again.config, &again.digest), (&built_in.config, &built_in.digest));

    let mut forged = one.sources.clone();
    forged[0].1.push('\n');
    assert!(reload_kept(&one.digest, &forged).is_err());
    // Facts that no text asks for change nothing.
    assert_eq!(load(Origin::File(&path), Some(&facts)).unwrap().digest, one.digest);
}

fn facts(files: &[&str]) -> Facts {
    Facts {
        path: "/src/zork".to_owned(),
        branch: "main".to_owned(),
        title: "zork".to_owned(),
        files: files.iter().map(|name| (*name).to_owned()).collect(),
        make_targets: vec!["all".to_owned(), "check".to_owned(), "test".to_owned()],
        npm_scripts: vec!["test".to_owned()],
        workers: 2,
    }
}

/// The built-in configuration knows each kind of checkout, and says what to write for any other.
#[test]
fn the_built_in_configuration_knows_its_kinds() {
    for (files, name, steps) in [
        (&["Cargo.toml", "Makefile"][..], "cargo", &["git", "fetch", "build", "test"][..]),
        (&["go.mod"], "go", &["git", "build", "vet", "test"]),
        (&["CMakeLists.txt", "pyproject.toml"], "cmake", &["git", "configure", "build", "test"]),
        (&["meson.build"], "meson", &["git", "configure", "build", "test"]),
        (
            &["pyproject.toml", "pytest.ini"],
            "python",
            &["git", "venv", "install", "pytest", "test"],
        ),
        (
            &["setup.py", "requirements.txt"],
            "python",
            &["git", "venv", "requirements", "install", "test"],
        ),
        (&["requirements.txt"], "python", &["git", "venv", "requirements", "test"]),
        (&["package.json", "package-lock.json"], "node", &["git", "install", "test"]),
        (&["Makefile"], "make", &["git", "make", "check"]),
        (&["configure", "Makefile"], "make", &["git", "configure", "make", "check"]),
    ] {
        let loaded =
            load(Origin::BuiltIn, Some(&facts(files))).unwrap_or_else(|p| panic!("{files:?}: {p}"));
        let config = &loaded.config;
        assert_eq!(config.builders.len(), 1, "{files:?}");
        let builder = &config.builders[name];
        let found: Vec<&str> = builder.factory.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(found, steps, "{files:?}");
        assert_eq!(
            (builder.workers.len(), config.workers.len(), config.schedulers.len()),
            (2, 2, 2)
        );
        assert!(config.workers.values().all(|worker| worker.local));
        assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
        let SourceKindIs(poller) = SourceKindIs::of(config);
        assert_eq!((poller.repository.as_str(), poller.interval), ("/src/zork", Span::seconds(1)));
        assert!(poller.build_first_tip);
    }
    let npm = |files: &[&str]| {
        let loaded = load(Origin::BuiltIn, Some(&facts(files))).unwrap();
        let StepKind::Shell(shell) = &loaded.config.builders["node"].factory[1].kind else {
            panic!()
        };
        shell.command.clone()
    };
    assert_eq!(npm(&["package.json"]), TemplateValue::Plain(json!(["npm", "install"])));
    assert_eq!(
        npm(&["package.json", "package-lock.json"]),
        TemplateValue::Plain(json!(["npm", "ci"]))
    );

    let unknown = load(Origin::BuiltIn, Some(&facts(&["README"]))).unwrap();
    assert!(unknown.config.builders.is_empty() && unknown.config.schedulers.is_empty());
    assert!(unknown.notes[0].message.starts_with("linn cannot tell how zork is built: "));
    // What it tells people to write is right.
    let advice: Vec<&str> = unknown.notes[2..].iter().map(|note| note.message.as_str()).collect();
    let advised = good(&advice.join("\n"));
    assert_eq!((advised.config.builders.len(), advised.notes.len()), (1, 0));

    // Copied into a checkout, as its first lines advise, it checks there.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(folder.path().join("master.star"), BUILT_IN).unwrap();
    assert_eq!(check(&folder.path().join("master.star")).unwrap().builders, 1);

    let detached = Facts { branch: String::new(), ..facts(&["Cargo.toml"]) };
    assert!(load(Origin::BuiltIn, Some(&detached)).is_ok());
}

struct SourceKindIs<'a>(&'a linn_core::config::GitPoller);

impl<'a> SourceKindIs<'a> {
    fn of(config: &'a Config) -> Self {
        Self(config.sources["checkout"].kind.git().expect("a git poller"))
    }
}

/// The manual is made from the table, and what it shows works.
#[test]
fn the_manual_is_true() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/manual/config.md");
    if std::env::var_os("LINN_BLESS").is_some() {
        std::fs::write(&file, manual()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    // Not `assert_eq`: two whole manuals say nothing to a reader.
    assert!(written == manual(), "run this test with LINN_BLESS=1 and look at the difference");
    let mut complete = 0;
    for block in written.split("```python complete\n").skip(1) {
        let (star, _) = block.split_once("```").unwrap();
        assert!(good(star).notes.is_empty());
        complete += 1;
    }
    assert!(complete > 0);
}

#[test]
fn every_example_of_the_manual_loads() {
    let base =
        "worker(\"m\")\nbuilder(\"linux\", workers = [\"m\"], factory = [], tags = [\"linux\"])\n";
    for function in functions().filter(|function| !function.is_later()) {
        let example = function.example;
        let star = match (function.group, function.name) {
            (Group::Steps, "trigger") => format!(
                "{WORKER}builder(\"b\", workers = [\"w\"], factory = [{example}])\ntriggerable_scheduler(\"packages\", builders = [\"b\"])"
            ),
            (Group::Steps, _) => {
                format!("{WORKER}builder(\"b\", workers = [\"w\"], factory = [{example}])")
            }
            (Group::Values, _) => format!("shell(command = [\"echo\", {example}])"),
            (Group::Parameters, _) => {
                format!(
                    "{base}codebase(\"zork\")\nforce_scheduler(\"f\", builders = [\"linux\"], parameters = [{example}])"
                )
            }
            (Group::Builders, "builder") => format!("worker(\"linux-1\")\n{example}"),
            _ => format!("{base}{example}"),
        };
        good(&star);
        assert!(!function.doc.is_empty(), "{}", function.name);
    }
}

/// All names of config.md's table are known.
#[test]
fn every_promised_name_is_known() {
    let promised = "master project codebase secret git_poller hg_poller svn_poller maildir_source webhook gerrit_source \
        change_filter single_branch_scheduler any_branch_scheduler dependent_scheduler periodic_scheduler nightly_scheduler \
        triggerable_scheduler force_scheduler try_scheduler string_param text_param int_param bool_param choice_param \
        username_param codebase_param patch_param worker_param fixed_param group_param any_property_param worker local_worker \
        worker_pool builder builders lock worker_lock git hg svn shell shell_sequence configure compile test lint trigger \
        set_property set_properties set_property_from_command upload upload_directory download download_text mkdir rmdir \
        copy_directory file_exists master_shell http_request assert_that prop interpolate interested_users email_lookup role \
        allow auth mail_reporter irc_reporter webhook_reporter github_status gitlab_status gitea_status command_reporter \
        cancel_old_builds cancel_failing_buildset retention";
    for name in promised.split_whitespace() {
        assert!(functions().any(|function| function.name == name), "{name}");
    }
}

#[test]
fn hostile_texts_are_errors_and_nothing_worse() {
    for star in
        ["\u{0}", "x = \"\u{1b}[2J\" + 1", "\r\n\r\nx = (", "def f():\n\treturn 1\n  x", "load()"]
    {
        let _ = lines(star);
    }
    assert!(lines("worker(\"\u{1b}[31mred\")\n")[0].contains("\\u{1b}"));
    assert!(good("").config.builders.is_empty());
    assert_eq!(good("# CRLF\r\nworker(\"a\")\r\n").config.workers.len(), 1);
}

/// What `shape` lets through fits on the stack that is given for it.
#[test]
fn the_deepest_text_that_is_allowed_is_read() {
    let nested =
        |open: &str, close: &str, n: usize| format!("x = {}1{}\n", open.repeat(n), close.repeat(n));
    for star in [
        nested("-", "", 990),
        nested("not ", "", 990),
        nested("[", "]", 99),
        nested("-(", ")", 99),
        format!("x = 1{}\n", " + 1".repeat(990)),
        format!("x = 1{}\n", " if x else 1".repeat(400)),
        (0..400).map(|n| format!("{}if True:\n", " ".repeat(n))).collect::<String>()
            + &" ".repeat(400)
            + "pass\n",
        format!("if False:\n  pass\n{}", "elif False:\n  pass\n".repeat(990)),
    ] {
        let _ = lines(&star);
    }
}

/// Prints what a call costs: `cargo nextest run -p linn-master --run-ignored all cost_of_a_call --no-capture`.
#[test]
#[ignore = "a measurement, not a test"]
fn cost_of_a_call() {
    let loaded = load(Origin::File(&sample("functions.star")), None).unwrap();
    let library = Library::new();
    library.insert(loaded.generation.clone());
    let hook = &steps_of(&loaded)[0];
    let mut times: Vec<Duration> = (0..10_000)
        .map(|_| {
            let begun = Instant::now();
            library.call(hook, &[a_build()]).unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!("median {:?}, p99 {:?}", times[5_000], times[9_900]);
}
