//! F17 to F21, C33: what real steps say besides their exit codes, from the process to the command line.

use std::process::Command;

use linn_tests::site::Site;
use serde_json::{Value, json};

/// Rust's own compiler, not the shim before it, which wants a home.
fn rustc() -> String {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
    format!("{}/bin/rustc", String::from_utf8_lossy(&sysroot.stdout).trim())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

#[test]
fn a_real_build_tells_all_it_knows() {
    let tests =
        "#[test] fn good() {} #[test] fn bad() { panic!() } #[test] #[ignore] fn later() {}";
    let config = format!(
        r#"
local_worker("w")
def look(rc, stdout, stderr):
    return {{"rc": rc, "words": stdout.split(), "warned": stderr.strip()}}
builder("b", workers = ["w"], factory = [
    set_property_from_command("version", property = "version", command = "echo ' 1.2.3 '; echo careful >&2"),
    set_property_from_command("look", command = "echo a b; echo careful >&2", extract = look),
    shell("cc", command = "echo 'src/a.c:3: warning: one'; echo 'vendor/b.c:9: warning: two' >&2",
        warning_pattern = "^(.*?):([0-9]+): warning: (.*)", suppressions = [("vendor/", None, None, None)]),
    shell("report", command = "echo '{{\"progress\": 0.5}}' >> $LINN_REPORT; echo oops >> $LINN_REPORT; \
        echo '{{\"url\": \"https://docs.example/1\", \"name\": \"docs\"}}' >> $LINN_REPORT; \
        echo '{{\"statistic\": \"size\", \"value\": 7.5}}' >> $LINN_REPORT; \
        while ! test -e \"$GO\"; do sleep 0.02; done", env = {{"GO": prop("go")}}),
    test("libtest", command = "echo '{tests}' > t.rs; {rustc} --test t.rs -o t 2> /dev/null; ./t || true", report_format = "libtest"),
    test("junit", command = "mkdir -p out; echo '<testsuite><testcase name=\"a\"/></testsuite>' > out/a.xml", report = "out/*.xml"),
])
force_scheduler("force", builders = ["b"])
"#,
        rustc = rustc(),
    );
    let site = Site::new(&config);
    let _master = site.master();
    site.until_worker("w", "online");
    let go = site.path().join("go");
    site.ok(["force", "b", "--property", &format!("go={}", go.display())]);
    site.until("progress and a link are seen while the step runs", || {
        let said = site.linn(["build", "b#1", "--json"]);
        let build: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
        let step = &build["steps"][3];
        step["progress"] == json!(0.5) && names(&step["urls"]) == ["docs"]
    });
    std::fs::write(&go, "").expect("written");
    site.linn(["wait", "b#1"]);
    let build = site.build("b#1");
    let value = |name: &str| build["properties"][name]["value"].clone();
    assert_eq!(value("version"), json!("1.2.3"), "{build}");
    assert_eq!(value("words"), json!(["a", "b"]));
    assert_eq!((value("rc"), value("warned")), (json!(0), json!("careful")));
    let steps = &build["steps"];
    assert_eq!(
        (&steps[2]["results"], &steps[2]["text"]),
        (&json!("WARNINGS"), &json!("1 warning"))
    );
    assert_eq!(names(&steps[2]["logs"]), ["stdio", "warnings"]);
    assert_eq!(site.ok(["log", "b#1/cc/warnings", "--raw"]), "src/a.c:3: warning: one\n");
    assert_eq!(steps[3]["statistics"], json!({"size": 7.5}));
    assert_eq!(steps[3]["progress"], Value::Null, "it is over");
    assert_eq!(
        (&steps[4]["results"], &steps[4]["text"]),
        (&json!("FAILURE"), &json!("1 of 3 tests failed")),
        "{build}"
    );
    assert_eq!(names(&steps[4]["tests"]), ["bad"]);
    assert_eq!(steps[4]["tests"][0]["result"], "failed");
    assert_eq!(steps[5]["text"], "1 test passed");
    let said = site.until_event("the bad line is told", |event| {
        event["kind"] == "notice_raised" && event.to_string().contains("`oops` is no JSON")
    });
    assert!(said.to_string().contains("line 2"), "{said}");
    // C33: the numbers of two steps are one number of their build.
    assert_eq!(
        site.json(["stats", "b", "--name", "tests-total"]),
        [json!({"build": "b#1", "name": "tests-total", "value": 4})]
    );
    let table = site.ok(["stats", "b"]);
    assert!(table.lines().any(|line| line.starts_with("size") && line.contains("7.5")), "{table}");
    let shown = site.ok(["build", "b#1"]);
    assert!(shown.contains("FAILED TESTS OF LIBTEST") && shown.contains("  bad"), "{shown}");
}
