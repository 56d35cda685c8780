//! Schedulers and filters as files declare them: what is read, and what is said of mistakes.

use linn_core::config::{Pace, SchedulerKind};

use super::tests::{good, lines};

const SITE: &str = "local_worker(\"w\")\ncodebase(\"app\")\ncodebase(\"lib\")\n\
                    builder(\"b\", workers = [\"w\"], factory = [])\n";

/// The problem of one call, without its place; and the place.
fn mistake(call: &str) -> (String, String) {
    let said = lines(&format!("{SITE}{call}\n"));
    assert_eq!(said.len(), 1, "{call}: {said:?}");
    let (place, message) = said[0].split_once(": ").unwrap();
    (message.to_owned(), place.to_owned())
}

/// F5, F9, F10, F11, F42, PN-4: each mistake with its place and what to write.
#[test]
fn mistakes_about_the_clock() {
    for (arguments, wanted) in [
        ("at = \"0 3 * * *\"", "`nightly_scheduler` needs `tz`; write `tz = \"...\"`"),
        ("tz = \"UTC\"", "`nightly_scheduler` needs `at`; write `at = [\"...\"]`"),
        (
            "at = \"0 3 * * *\", tz = \"Europe/Berlim\"",
            "there is no time zone `Europe/Berlim`; did you mean `Europe/Berlin`?",
        ),
        (
            "at = \"0 3 * * *\", tz = \"../etc/passwd\"",
            "there is no time zone `../etc/passwd`; write for example \"Europe/Berlin\", \"America/New_York\" or \"UTC\"",
        ),
        (
            "tz = \"UTC\", at = [\"0 3 * * *\", \"0 3 31 2 *\"]",
            "`0 3 31 2 *` never comes: no such day is in the calendar; look at the day of the month, the month and the day of the week; `L` is the last day of the month",
        ),
        (
            "tz = \"UTC\", at = \"0 3 * * 0\"",
            "`0` in the day of the week is not from 1 to 7; days count from 1 = Monday to 7 = Sunday; write `sun`, or `mon` if you come from Buildbot",
        ),
        ("tz = \"UTC\", at = 3", "`at` of `nightly_scheduler` must hold texts, not the number 3"),
        ("tz = \"UTC\", at = []", "there is no time of day in `at`; write `at = \"0 3 * * *\"`"),
        (
            "tz = \"UTC\", at = \"0 3 * * *\", force_at = \"0 4 * * *\"",
            "`force_at` has no meaning without `only_if_changed = True`; add that, or put the times into `at`",
        ),
        (
            "tz = \"UTC\", at = \"0 3 * * *\", change_filter = change_filter(branch = \"x\")",
            "`change_filter` has no meaning without `only_if_changed = True`; add that, or leave it out",
        ),
        (
            "tz = \"UTC\", at = \"0 3 * * *\", day_match = \"both\"",
            "`day_match` cannot be `both`; \"any\" or \"all\"",
        ),
        (
            "tz = \"UTC\", at = \"0 3 * * *\", codebase = \"app\", codebases = [\"lib\"]",
            "`codebase` and `codebases` speak of the same; leave one out",
        ),
        (
            "tz = \"UTC\", at = \"0 3 * * *\", codebase = \"ap\"",
            "`nightly_scheduler` `n` names the codebase `ap`, which is not declared; did you mean `app`?",
        ),
    ] {
        let call = format!("nightly_scheduler(\"n\", builders = [\"b\"], {arguments})");
        assert_eq!(mistake(&call).0, wanted, "{arguments}");
    }
    for (arguments, wanted) in [
        ("", "`periodic_scheduler` needs `interval`; write `interval = \"20m\"`"),
        ("interval = \"100ms\"", "an interval of 100ms is too short; at least \"1s\""),
        (
            "interval = 3600",
            "`interval` of `periodic_scheduler` must be a duration in quotes, not the number 3600; write \"3600s\"",
        ),
    ] {
        let call = format!("periodic_scheduler(\"p\", builders = [\"b\"], {arguments})");
        assert_eq!(mistake(&call).0, wanted, "{arguments}");
    }
    let (_, place) = mistake(
        "nightly_scheduler(\"n\", builders = [\"b\"], tz = \"UTC\",\n    at = [\"0 3 * * *\",\n          \"0 3 31 2 *\"])",
    );
    assert_eq!(place, "master.star:7:11", "F11: where the text stands");
}

/// F6, CF-4: mistakes in a filter.
#[test]
fn mistakes_in_a_filter() {
    for (argument, wanted) in [
        (
            "property = \"x\"",
            "`property` of `change_filter` must be a dictionary, not the text `x`; write `{\"name\": value}`",
        ),
        (
            "property = {\"x\": {}}",
            "property `x` must be a plain value or a list; write for example `[\"gold\", \"silver*\"]`",
        ),
        ("property_not = {\"x\": \"[\"}", "`[` is no glob: unclosed character class; missing ']'"),
        (
            "property_re = {\"x\": 1}",
            "property `x` must be an expression in quotes, not the number 1",
        ),
        (
            "property_not_re = {\"x\": \"(\"}",
            "property `x` is no regular expression: `(`: unclosed group",
        ),
        ("files_re = \"(\"", "`files_re` is no regular expression: `(`: unclosed group"),
        (
            "comment_re = \"x\"",
            "`change_filter` has no argument `comment_re`; did you mean `comments_re`?",
        ),
    ] {
        let call = format!("x = change_filter({argument})");
        assert_eq!(mistake(&call).0, wanted, "{argument}");
    }
}

/// What is written is what is meant.
#[test]
fn clocks_are_read() {
    let loaded = good(&format!(
        "{SITE}nightly_scheduler(\"n\", builders = [\"b\"], at = [\"0 3 * * *\", \"30  4 * * sat\"], tz = \"Europe/Berlin\",\n\
         codebase = \"lib\", branch = \"main\", only_if_changed = True, force_at = \"0 3 * * sun\")\n\
         periodic_scheduler(\"p\", builders = [\"b\"], interval = \"90m\")\n"
    ));
    let [nightly, periodic] = loaded.config.schedulers.as_slice() else { panic!() };
    let (SchedulerKind::Nightly(night), SchedulerKind::Periodic(clock)) =
        (&nightly.kind, &periodic.kind)
    else {
        panic!()
    };
    assert_eq!(
        night.pace.to_string(),
        "at 0 3 * * * or 30 4 * * sat, and in any case at 0 3 * * sun in Europe/Berlin"
    );
    assert_eq!((night.branch.as_deref(), night.only_if_changed), (Some("main"), true));
    assert_eq!(nightly.codebases.as_deref(), Some(&["lib".into()][..]));
    assert!(matches!(clock.pace, Pace::Every(_)));
    assert_eq!(clock.pace.to_string(), "every 1h30m");
    assert_eq!(periodic.codebases, None);
}

/// FO-1, F40: forms of several fields; each mistake with its place and what to write.
#[test]
fn mistakes_about_forms() {
    for (parameters, wanted) in [
        ("codebase_param()", "`codebase_param` needs `codebase`; write `codebase = \"...\"`"),
        (
            "codebase_param(\"ap\")",
            "codebase_param names the codebase `ap`, which is not declared; did you mean `app`?",
        ),
        (
            "codebase_param(\"app\", branch = int_param(\"n\"))",
            "`branch` of `codebase_param` must be asked by one field that gives a text; string_param, choice_param or fixed_param",
        ),
        (
            "codebase_param(\"app\", branch = 3)",
            "`branch` of `codebase_param` must be a text, a parameter or None, not the number 3",
        ),
        (
            "codebase_param(\"app\", patch = string_param(\"p\"))",
            "`patch` of `codebase_param` is no patch; patch_param()",
        ),
        (
            "codebase_param(\"app\"), group_param(\"g\", fields = [codebase_param(\"app\", revision = None, repository = None, project = None)])",
            "`app_branch` and `g_app_branch` ask for the same; leave one of them out",
        ),
        (
            "int_param(\"a_b\"), group_param(\"a\", fields = [int_param(\"b\")])",
            "parameter `a_b` is there twice; give one of them another name",
        ),
        (
            "group_param(\"g\")",
            "`group_param` needs `fields`; write `fields = [string_param(\"reason\")]`",
        ),
        (
            "group_param(\"g\", fields = [any_property_param()])",
            "`any_property_param` cannot be in a group; put it beside the group",
        ),
        (
            "patch_param(level = 99)",
            "`level` of `patch_param` must be a whole number from 0 to 30, not the number 99",
        ),
    ] {
        let call =
            format!("force_scheduler(\"f\", builders = [\"b\"], parameters = [{parameters}])");
        assert_eq!(mistake(&call).0, wanted, "{parameters}");
    }
}

/// FO-1: the fields come flat, in order.
#[test]
fn forms_are_flat() {
    let config = good(&format!(
        "{SITE}force_scheduler(\"f\", builders = [\"b\"], parameters = [codebase_param(\"app\", project = None, patch = patch_param()), worker_param()])\n"
    ))
    .config;
    let SchedulerKind::Force(form) = &config.schedulers[0].kind else { panic!("a form") };
    let names: Vec<_> = form.parameters.iter().flatten().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "app_branch",
            "app_revision",
            "app_repository",
            "app_patch_body",
            "app_patch_level",
            "app_patch_author",
            "app_patch_comment",
            "app_patch_subdir",
            "workername"
        ]
    );
}
