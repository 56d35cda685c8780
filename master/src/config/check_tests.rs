//! What `linn check` finds that would otherwise be seen only when builds run.

use super::tests::{good, lines};

/// A site with a worker `w`, a codebase `app` and a lock `l`, in three lines.
const SITE: &str = "local_worker(\"w\")\ncodebase(\"app\")\nl = lock(\"l\", max_count = 3)\n";

/// What is said of the text below the site, each with its line and column.
pub(super) fn said(star: &str) -> Vec<String> {
    let said = lines(&format!("{SITE}{star}\n"));
    said.iter().map(|line| line.replace("master.star:", "")).collect()
}

/// The one thing that is said of it.
pub(super) fn one(star: &str) -> String {
    let said = said(star);
    assert_eq!(said.len(), 1, "{star}: {said:?}");
    said[0].split_once(": ").unwrap().1.to_owned()
}

fn noted(star: &str) -> Vec<String> {
    let notes = good(&format!("{SITE}{star}\n")).notes;
    notes.iter().map(|note| note.to_string().replace("master.star:", "")).collect()
}

/// LK-3: a lock of the worker and of a step, or of the builder and of a step, is told at the step.
#[test]
fn a_lock_is_not_taken_twice() {
    assert_eq!(
        said(
            "worker(\"v\", locks = [l.counting(1)])\n\
             builder(\"b\", workers = [\"w\", \"v\"], locks = lambda request: [], factory = [\n    \
             shell(\"x\", command = \"true\"),\n    \
             shell(\"y\", command = \"true\", locks = [l.counting(1)]),\n])\n\
             builder(\"c\", workers = [\"w\"], locks = [l.counting(1)], factory = [shell(command = \"x\", locks = [l.counting(1)])])\n\
             builder(\"d\", workers = [\"v\"], locks = [l.exclusive()], factory = [shell(command = \"x\")])"
        ),
        [
            "7:5: the step `y` of builder `b` takes the lock `l`, which every build on worker `v` takes already, so it would wait for itself; take it in one place only",
            "9:67: the step `shell` of builder `c` takes the lock `l`, which the builder takes already, so it would wait for itself; take it in one place only",
            "10:1: builder `d` takes the lock `l`, which every build on worker `v` takes already; take it in one place only",
        ]
    );
}

/// A step that says too little is told at the step, not at the builder.
#[test]
fn a_step_without_its_codebase_has_a_place() {
    assert_eq!(
        said(
            "codebase(\"lib\")\ndef recipe():\n    return [\n        git(),\n    ]\n\
             builder(\"b\", workers = [\"w\"], factory = recipe())"
        ),
        [
            "7:9: a source step of builder `b` does not say which codebase; write `codebase = ...`, one of app, lib"
        ]
    );
}

/// TR-1.
#[test]
fn only_triggerable_schedulers_are_triggered() {
    let step = |names: &str| {
        format!(
            "any_branch_scheduler(\"any\", builders = [\"b\"])\ntriggerable_scheduler(\"sub\", builders = [\"b\"])\n\
             builder(\"b\", workers = [\"w\"], factory = [trigger(schedulers = {names})])"
        )
    };
    assert_eq!(said(&step("[\"sub\"]")), [""; 0]);
    assert_eq!(
        said(&step("[\"sub\", \"any\", \"sup\"]")),
        [
            "6:71: a trigger step names the scheduler `any`, which is not triggerable; there are: sub",
            "6:78: a trigger step names the scheduler `sup`, which is not declared; did you mean `sub`?",
        ]
    );
    assert_eq!(
        one(
            "builder(\"b\", workers = [\"w\"], factory = [trigger(schedulers = [\"any\"])])\nany_branch_scheduler(\"any\", builders = [\"b\"])"
        ),
        "a trigger step names the scheduler `any`, which is not triggerable; declare triggerable_scheduler(\"any\", ...)"
    );
}

/// A function that cannot be called with what it is given would fail each time.
#[test]
fn functions_take_what_they_are_given() {
    let builder = |argument: &str| {
        format!("builder(\"b\", workers = [\"w\"], factory = [shell(command = \"x\")], {argument})")
    };
    for (call, wanted) in [
        (
            builder("next_build = lambda b: 1"),
            "the function `lambda` cannot be called with 2 arguments; it is given `builder, requests`; write `lambda builder, requests: ...`",
        ),
        (builder("can_start_build = lambda: True"), "`builder, worker, request`"),
        (builder("next_worker = lambda b, w: 1"), "`builder, workers, request`"),
        (builder("collapse_requests = lambda a: 1"), "`builder, older, newer`"),
        (builder("locks = lambda: []"), "`request`"),
        ("shell(command = \"x\", do_step_if = lambda a, b: True)".to_owned(), "`build`"),
        ("shell(command = [\"x\", lambda: \"y\"])".to_owned(), "`build`"),
        ("shell(command = \"x\", locks = lambda: [])".to_owned(), "`build`"),
        ("change_filter(fn = lambda: True)".to_owned(), "`change`"),
        (
            "set_property_from_command(command = \"x\", extract = lambda: {})".to_owned(),
            "`rc, stdout, stderr`",
        ),
        (
            format!(
                "{}\nany_branch_scheduler(\"s\", builders = [\"b\"], file_is_important = lambda: True)",
                builder("")
            ),
            "`change`",
        ),
        (
            format!(
                "{}\nany_branch_scheduler(\"s\", builders = [\"b\"], priority = lambda x: 1)",
                builder("")
            ),
            "`builders, changes`",
        ),
        ("builder(\"b\", workers = [\"w\"], factory = [lambda: []])".to_owned(), "`build`"),
    ] {
        let said = one(&call);
        assert!(said.contains("cannot be called with") && said.contains(wanted), "{call}: {said}");
    }
    for fits in ["lambda *args: True", "lambda build, loud = False: True", "lambda _, **more: True"]
    {
        assert_eq!(said(&format!("shell(command = \"x\", do_step_if = {fits})")), [""; 0]);
    }
}

/// What takes nothing, or leaves no time, is a slip.
#[test]
fn emptiness_is_a_mistake() {
    let builder = "builder(\"b\", workers = [\"w\"], factory = [shell(command = \"x\")])\n";
    for (call, wanted) in [
        (
            "any_branch_scheduler(\"s\", builders = [\"b\"], codebases = [])",
            "scheduler `s` has no codebase, so it takes nothing; name one, or leave it out for all",
        ),
        (
            "cancel_failing_buildset(builders = [])",
            "`cancel_failing_buildset` has no builder; name one; builders(...) selects those declared above",
        ),
        (
            "shell(command = \"x\", timeout = \"0s\")",
            "`timeout` of `shell` leaves no time at all; write `timeout = None` for no limit, or a longer time",
        ),
        (
            "shell(command = \"x\", max_time = \"0s\")",
            "`max_time` of `shell` leaves no time at all; write `max_time = None` for no limit, or a longer time",
        ),
        (
            "master(max_time = \"0s\")",
            "`max_time` of `master` leaves no time at all; write `max_time = None` for no limit, or a longer time",
        ),
    ] {
        assert_eq!(one(&format!("{builder}{call}")), wanted, "{call}");
    }
    assert_eq!(
        noted(
            "builder(\"b\", workers = [\"w\"], factory = [])\nforce_scheduler(\"f\", builders = [\"b\"])"
        ),
        ["4:31: builder `b` has no step, so its builds do nothing"]
    );
}

/// F13: anybody may tell only where somebody said so.
#[test]
fn an_open_webhook_is_noted_unless_it_is_meant() {
    assert_eq!(noted("webhook(\"h\")").len(), 1);
    assert_eq!(noted("webhook(\"h\", secret = None)"), [""; 0]);
}

/// PP-5: what would be the empty text for ever.
#[test]
fn slips_in_a_text_are_found() {
    let step = |text: &str| format!("shell(command = interpolate({text}))");
    assert_eq!(
        one(&step("\"a %(kw:nope)s\", hope = 1")),
        "`%(kw:nope)s` stands for an argument that is not given; write `interpolate(\"...\", nope = ...)`"
    );
    assert_eq!(
        one(&step("\"%(prop:x:-%(src:apq:branch)s)s\"")),
        "`interpolate` names the codebase `apq`, which is not declared; did you mean `app`?"
    );
    for fine in ["\"%(kw:nope:-x)s\"", "\"%(src:app:branch)s %(src::branch)s %(kw:a)s\", a = 1"] {
        assert_eq!(said(&step(fine)), [""; 0], "{fine}");
    }
    // Where no codebase is declared, nobody can say that a name is wrong.
    good("shell(command = interpolate(\"%(src:any:branch)s\"))");
}

/// A repository that no poller or worker would read, and a branch that cannot be one, are told with their place.
#[test]
fn addresses_and_branches_are_checked() {
    for (call, wanted) in [
        (
            "git_poller(\"p\", repository = \"file:///srv/x\")",
            "repository `file:///srv/x` cannot be looked at: write the folder's path without `file://`",
        ),
        (
            "git_poller(\"p\", repository = \"foo://h/y\")",
            "repository `foo://h/y` has a scheme that is not read; write an https, http, ssh or git address, or an absolute path",
        ),
        (
            "git_poller(\"p\", repository = \"ssh://-oProxyCommand=x/y\")",
            "repository `ssh://-oProxyCommand=x/y` would make ssh take its host or user for an option; write names that begin without `-`",
        ),
        (
            "svn_poller(\"p\", repository = \"svn+ssh://-x/y\")",
            "repository `svn+ssh://-x/y` would make ssh take its host or user for an option; write names that begin without `-`",
        ),
        (
            "hg_poller(\"p\", repository = \"ssh://h/-y\")",
            "repository `ssh://h/-y` cannot be looked at: its path begins with `-`",
        ),
        (
            "hg_poller(\"p\", repository = \"svn://h/y\")",
            "repository `svn://h/y` has a scheme that is not read; write an https, http or ssh address, or an absolute path",
        ),
        (
            "svn(repository = \"git://h/y\")",
            "repository `git://h/y` has a scheme that is not read; write an https, http, svn, svn+ssh or file address, or an absolute path",
        ),
        (
            "codebase(\"c\", repository = \"foo://h\")",
            "repository `foo://h` has a scheme that is not read; write an https, http, ssh, git, svn or svn+ssh address, or an absolute path",
        ),
        (
            "git_poller(\"p\", repository = \"/x\", branches = [\"main\", \"-x\"])",
            "`-x` cannot be a branch: it begins with `-`, so it would be taken for an option; write its name as the repository has it, such as \"main\" or \"release/1.0\"",
        ),
        (
            "codebase(\"c\", branch = \"-b\")",
            "`-b` cannot be a branch: it begins with `-`, so it would be taken for an option; write its name as the repository has it, such as \"main\" or \"release/1.0\"",
        ),
        (
            "codebase(\"c\", branch = \"a..b\")",
            "`a..b` cannot be a branch: it goes upwards; write its name as the repository has it, such as \"main\" or \"release/1.0\"",
        ),
        (
            "builder(\"b\", workers = [\"w\"], factory = [])\nperiodic_scheduler(\"s\", builders = [\"b\"], interval = \"1h\", branch = \"-x\")",
            "`-x` cannot be a branch: it begins with `-`, so it would be taken for an option; write its name as the repository has it, such as \"main\" or \"release/1.0\"",
        ),
        (
            "builder(\"b\", workers = [\"w\"], factory = [])\ncancel_old_builds(builders = [\"b\"], branch = \"-*\")",
            "`-*` cannot be a branch: it begins with `-`, so it would be taken for an option; write its name as the repository has it, such as \"main\" or \"release/1.0\"",
        ),
    ] {
        assert_eq!(one(call), wanted, "{call}");
    }
}

/// A password in an address is noted, and not repeated.
#[test]
fn a_password_in_an_address_is_noted() {
    let notes = noted("git_poller(\"p\", repository = \"https://ana:hunter2@h/x.git\")");
    assert_eq!(
        notes,
        [
            "4:17: the address of the repository has a password in it, which consoles show to everybody; leave it out, and let ~/.netrc or a credential helper know it"
        ]
    );
    let said = one("git_poller(\"p\", repository = \"foo://ana:hunter2@h/x.git\")");
    assert!(!said.contains("hunter2"), "{said}");
}

/// F28: an error that ends the evaluation hides no other mistake, and causes none.
#[test]
fn an_error_hides_nothing() {
    let star = "\
worker(\"a\", max_build = 1)
N = 1 // 0
def recipe(build):
    return build[\"none\"]
builder(\"b\", workers = [\"a\", \"ghost\"], factory = recipe({}))
builder(\"c\", workers = [\"a\", \"phantom\"], factory = [shell(command = \"x\", timeout = N)])
M = N - 1
force_scheduler(\"f\", builders = [\"b\", \"c\", \"d\"], colour = \"red\")
fail(\"no\")
";
    assert_eq!(
        said(star),
        [
            "4:13: `worker` has no argument `max_build`; did you mean `max_builds`?",
            "5:5: floor division by zero: 1 // 0",
            "7:12: key `\"none\"` was not found; this was called at 8",
            "9:30: builder `c` names the worker `phantom`, which is not declared; there are: a, w",
            "11:44: scheduler `f` names the builder `d`, which is not declared; did you mean `c`?",
            "11:50: `force_scheduler` has no argument `colour`; it takes: name, builders, codebases, properties, reason, priority, enabled, parameters",
            "12:1: fail: no",
        ]
    );
}

/// What a loop that failed would have declared is nobody's fault.
#[test]
fn what_failed_is_not_missed() {
    let star = "\
for os in [\"linux\", \"mac\"]:
    worker(\"w-\" + os, max_builds = {}[os])
builder(\"b\", workers = [\"w-linux\"], factory = [])
any_branch_scheduler(\"s\", builders = [\"b\"], codebases = [])
";
    let said = said(star);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("5:") && said[1].starts_with("7:"), "{said:?}");
}

/// A function may be defined below the one that calls it.
#[test]
fn a_second_look_is_like_the_first() {
    assert_eq!(
        said("def f():\n    return g()\ndef g():\n    return \"w\"\nbuilder(\"b\", workers = [f()], factory = [])\n{}[1]\nworker(\"w\")").len(),
        2
    );
}

/// A file that is not there hides nothing of the one that loads it, and a near name is offered.
#[test]
fn a_missing_file_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "master.star",
        "load(\"recipe.star\", \"steps\")\nload(\"lib/far.star\", \"x\")\n\
         builder(\"b\", workers = [\"w\"], factory = steps(\"b\"), colour = 1)\n",
    );
    write("recipes.star", "def steps(name):\n    return []\n");
    let problems = super::check(&folder.path().join("master.star")).unwrap_err();
    let shown = format!("{}/", folder.path().display());
    assert_eq!(
        problems.to_string().replace(&shown, ""),
        "master.star:1:6: there is no file recipe.star; did you mean `recipes.star`?\n\
         master.star:2:6: there is no file lib/far.star; what is loaded stands below the folder of master.star\n\
         master.star:3:53: `builder` has no argument `colour`; it takes: name, workers, factory, description, tags, project, workdir, builddir, env, properties, defaults, locks, lost_after, max_retries, max_time, collapse_requests, next_build, next_worker, can_start_build\n\
         3 errors"
    );
}

/// One mistake is told once.
#[test]
fn one_mistake_is_told_once() {
    let builder = "builder(\"b\", workers = [\"w\"], factory = [shell(command = \"x\")])\n";
    for (call, wanted) in [
        (
            "any_branch_scheduler(\"s\", builders = lambda: [])",
            "`builders` of `any_branch_scheduler` must hold texts, not a function",
        ),
        (
            "any_branch_scheduler(\"s\", builder_names = [\"b\"])",
            "`any_branch_scheduler` has no argument `builder_names`; did you mean `builders`?",
        ),
        (
            "choice_param(\"c\", choices = lambda: [])",
            "`choices` of `choice_param` must hold texts, not a function",
        ),
        (
            "shell(\"x\", \"echo hi\")",
            "`shell` takes one argument without a name; write `command = ...`",
        ),
        (
            "upload(source = [\"a\"])",
            "`source` of `upload` must be a text, or a value that depends on the build, not a list",
        ),
    ] {
        assert_eq!(one(&format!("{builder}{call}")), wanted, "{call}");
    }
}

/// Words of Buildbot, and what a function takes.
#[test]
fn hints_lead_on() {
    for (call, wanted) in [
        ("builder(\"b\", workernames = [\"w\"], factory = [])", "did you mean `workers`?"),
        ("change_filter(branch_fn = lambda b: True)", "did you mean `fn`?"),
        ("change_filter(project_eq = \"x\")", "did you mean `project`?"),
        ("change_filter(branch_not_eq = \"x\")", "did you mean `branch_not`?"),
        ("shell(command = \"x\", haltOnFailure = True)", "did you mean `halt_on_failure`?"),
        ("shell(command = \"x\", initialStdin = \"x\")", "did you mean `stdin`?"),
        ("shell(command = \"x\", when = True)", "did you mean `do_step_if`?"),
        (
            "x = steps.Git()",
            "functions have no module before them here: git(...), not steps.Git(...)",
        ),
        (
            "mkdir(dir = \"x\", colour = 1)",
            "and what every step takes, such as `env`, `timeout` and `do_step_if`",
        ),
        (
            "change_filter(colour = 1)",
            "it takes: branch, project, repository, category, codebase, author, committer, comments, revision, files, property, fn; all but `fn` also with `_not`, `_re` and `_not_re` at the end",
        ),
        ("shell(command = \"x\", timeout = \"3 minutes\")", "write \"3m\""),
        ("shell(command = \"x\", timeout = \"1w\")", "write \"7d\""),
        ("shell(command = \"x\", timeout = \"-3s\")", "write \"3s\""),
    ] {
        let said = one(call);
        assert!(said.ends_with(wanted), "{call}: {said}");
    }
}
