//! PP-7, F12, F41: a real build gets secrets, prints them in every way it can, and nothing of them is found anywhere afterwards.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use linn_tests::site::Site;
use serde_json::json;

const CONFIG: &str = r#"
local_worker("w")
builder("b", workers = ["w"], env = {"TOKEN": secret("token")}, factory = [
    shell("prints", command = """
        echo "plain $TOKEN"; printf '%s' "${TOKEN%????}"; sleep 0.1; printf '%s\n' "${TOKEN#??????????}"
        printf '%s' "$TOKEN" | base64; printf 'x%s' "$TOKEN" | base64; printf 'xy%s' "$TOKEN" | base64
        printf '%s' "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
        printf '%s' "$KEY" | while read -r line; do echo "> $line"; done; printf '%s\n' "$KEY"; cat
        echo "err $TOKEN" >&2; echo "$TOKEN" > more.log; set -x; : "$TOKEN"
        echo "{\\\"statistic\\\": \\\"$TOKEN\\\", \\\"value\\\": 1}" >> $LINN_REPORT
        echo "{\\\"property\\\": \\\"found\\\", \\\"value\\\": \\\"$TOKEN\\\"}" >> $LINN_REPORT
        echo "{\\\"test\\\": \\\"t $TOKEN\\\", \\\"result\\\": \\\"failed\\\"}" >> $LINN_REPORT
        """, env = {"KEY": secret("key")}, stdin = interpolate("in: %(secret:token)s\n"), logfiles = {"more": "more.log"},
        flunk_on_failure = False),
    shell("argument", command = ["echo", interpolate("--with=%(secret:token)s"), "\ufdd0token\ufdd0"], env = {"TOKEN": None}),
    set_property_from_command("captured", property = "captured", command = "echo is $TOKEN"),
    test("junit", command = "echo '<testsuite><testcase name=\"'$TOKEN'\"><failure/></testcase></testsuite>' > a.xml", report = "*.xml",
        flunk_on_failure = False),
    download_text("file", text = secret("token"), dest = "token.txt"),
    shell("there", command = "test \"$(cat token.txt)\" = \"$TOKEN\" && rm -f token.txt more.log a.xml"),
    shell("no program", command = [interpolate("/no/%(secret:token)s")], flunk_on_failure = False),
    master_shell("here", command = ["sh", "-c", interpolate("echo here %(secret:token)s; printf %%s '%(secret:token)s' | base64")]),
    http_request("ask", url = interpolate("http://127.0.0.1:9/%(secret:token)s"), flunk_on_failure = False, always_run = True),
    shell("missing", command = ["echo", secret("absent")], always_run = True),
    master_shell("missing here", command = ["echo", secret("absent")], always_run = True),
])
force_scheduler("force", builders = ["b"])
"#;
const TOKEN: &str = "xyzzy-Plugh/42";
const KEY: &str =
    "-----BEGIN KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9\nkvJzNd3qYHdbhYy6SRUF\n-----END KEY-----\n";

/// Every file below a folder that holds one of the texts.
fn holders(folder: &Path, texts: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
        if kind.is_dir() && !path.ends_with("secrets") {
            holders(&path, texts, found);
        } else if kind.is_file() {
            // A log that is sealed is compressed: it is read below, through the master.
            let bytes = fs::read(&path).unwrap_or_default();
            for text in texts {
                if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                    found.push(format!("{text} in {}", path.display()));
                }
            }
        }
    }
}

#[test]
fn nothing_of_a_secret_is_left_anywhere() {
    let site = Site::new(CONFIG);
    let folder = site.state().join("secrets");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).expect("a folder");
    for (name, value) in [("token", TOKEN), ("key", KEY)] {
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600);
        let written =
            file.open(folder.join(name)).and_then(|mut it| it.write_all(value.as_bytes()));
        written.expect("a secret");
    }
    let mut master = site.master();
    site.until_worker("w", "online");
    site.ok(["force", "b"]);
    site.linn(["wait", "b#1"]);
    let build = site.build("b#1");
    let step = |name: &str| {
        let steps = build["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["name"] == name).expect("that step").clone()
    };
    for name in ["argument", "captured", "there", "here", "file"] {
        assert_eq!(step(name)["results"], "SUCCESS", "{name}: {build}");
    }
    for name in ["missing", "missing here"] {
        assert_eq!(step(name)["results"], "EXCEPTION", "{build}");
        let text = step(name)["text"].to_string();
        assert!(text.contains("the secret absent has no value"), "{text}");
    }
    assert_eq!(build["properties"]["captured"]["value"], json!("is ***"));
    assert_eq!(build["properties"]["found"]["value"], json!("***"));
    let mut said = build.to_string();
    for name in ["prints", "argument", "captured", "junit", "no program", "here", "ask"] {
        let log = site.linn(["log", &format!("b#1/{name}")]);
        said.push_str(&String::from_utf8_lossy(&log.stdout));
    }
    for (wanted, why) in [
        ("plain ***", "what is printed is masked"),
        ("> ***", "lines of it too"),
        ("in: ***", "and what was read"),
        ("err ***", "on either stream"),
        ("--with=*** \u{FDD0}token\u{FDD0}", "what only looks like a handle is a text"),
        ("--with=<token>", "people see the name"),
        ("here ***", "on the master as well"),
    ] {
        assert!(said.contains(wanted), "{why}: {said}");
    }
    let texts = [
        TOKEN,
        "xyzzy-Plu",
        "eHl6enktUGx1Z2gv",
        "h5enp5LVBsdWdoLzQy",
        "4eXp6eS1QbHVnaC80M",
        "78797a7a792d506c",
        "MIIBOgIBAAJBAKj34GkxFhD9",
        "kvJzNd3qYHdbhYy6SRUF",
        "xyzzy-Plugh%2F42",
    ];
    for text in texts {
        assert!(!said.contains(text), "{text} is in {said}");
    }
    let mut found = Vec::new();
    holders(site.path(), &texts, &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(master.terminate(), Some(0));
    holders(site.path(), &texts, &mut found);
    assert_eq!(found, Vec::<String>::new(), "and after the end");
}

/// F17: a real shell runs the commands in order, stops at the first that fails, and reads none of their words.
#[test]
fn a_sequence_runs_in_order_and_stops() {
    let site = Site::new(
        r#"
local_worker("w")
builder("b", workers = ["w"], factory = [
    shell_sequence("good", commands = [["echo", "$HOME 'a' ; false", "`x`"], "cd / && X=1 && true", "pwd; echo ${X:-none}", ["sh", "-c", "echo last; exit 0"]],
        logfiles = {"empty": "empty.log", "full": "full.log"}, lazy_logfiles = True, env = {"A": "1"}),
    shell_sequence("bad", commands = ["echo a > full.log", ["sh", "-c", "exit 3"], "echo never"], decode_rc = {3: "WARNINGS"},
        logfiles = {"empty": "empty.log", "full": "full.log"}, lazy_logfiles = True),
    shell_sequence("none", commands = [["cd", "/"], "echo never"]),
])
force_scheduler("force", builders = ["b"])
"#,
    );
    let _master = site.master();
    site.until_worker("w", "online");
    site.ok(["force", "b"]);
    site.linn(["wait", "b#1"]);
    let build = site.build("b#1");
    let results: Vec<_> =
        build["steps"].as_array().expect("steps").iter().map(|step| &step["results"]).collect();
    assert_eq!(results, ["SUCCESS", "WARNINGS", "FAILURE"], "{build}");
    let raw = |log: &str| {
        let said = site.linn(["log", log, "--raw"]);
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let good = raw("b#1/good");
    let place = good.lines().find(|line| line.starts_with('/')).unwrap_or_default().to_owned();
    assert!(place.ends_with("/b"), "{good}");
    let wanted = format!(
        "$ echo '$HOME '\\''a'\\'' ; false' '`x`'\n$HOME 'a' ; false `x`\n$ cd / && X=1 && true\n$ pwd; echo ${{X:-none}}\n\
         {place}\nnone\n$ sh -c 'echo last; exit 0'\nlast\n"
    );
    assert_eq!(good, wanted);
    assert_eq!(raw("b#1/bad"), "$ echo a > full.log\n$ sh -c 'exit 3'\n");
    let names = |step: usize| {
        let logs = build["steps"][step]["logs"].as_array().cloned().unwrap_or_default();
        logs.iter()
            .map(|log| log["name"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(0), ["stdio"]);
    assert_eq!(names(1), ["stdio", "full"]);
    assert!(!raw("b#1/none").contains("never"));
}
