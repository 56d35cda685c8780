//! The worked translation of a Buildbot site (assets/manual/translation.md) against real repositories, real workers and a
//! real clock: the fast timer builds eight branches, a forced release waits for its package, locks keep what there is one of.

use std::collections::BTreeSet;
use std::fs;

use linn_tests::repository::Repository;
use linn_tests::site::Site;
use serde_json::Value;

/// The page's `master.star`.
fn translated() -> String {
    let page = include_str!("../../assets/manual/translation.md");
    let star = page.split("```python translated\n").nth(1).expect("the page has it");
    star.split("```").next().expect("it ends").to_owned()
}

const MAKEFILE: &str = "\
debug checked release:
\t@echo 'src/lexer.c:12: warning: unused variable'
check check-fast:
\t@test -e configured
dist:
\t@mkdir -p dist && echo $(TARGET) > dist/frobozz.tar
";

#[test]
fn the_translated_site_builds() {
    let site = Site::new("");
    let source = Repository::new(&site.path().join("frobozz"));
    source.commit("configure", "#!/bin/sh\necho \"$1\" > configured\n", "configure");
    source.git(&["update-index", "--chmod=+x", "configure"]);
    source.git(&["checkout", "-q", "--", "configure"]);
    source.git(&["commit", "-q", "-m", "configure can be run"]);
    source.commit("Makefile", MAKEFILE, "a makefile");
    for nth in 1..8 {
        source.git(&["branch", "-q", &format!("release/{nth}")]);
    }
    let star = translated()
        .replace("https://git.frobozz.example/frobozz.git", &source.path().display().to_string())
        .replace("interval = \"30s\"", "interval = \"1s\"")
        .replace("tree_stable_timer = \"10s\"", "tree_stable_timer = \"1s\"");
    fs::write(site.path().join("master.star"), star).expect("written");
    let checked = site.ok(["check", "master.star"]);
    assert!(checked.contains("61 builders"), "{checked}");

    let _master = site.master();
    let _workers: Vec<_> =
        ["linux-1", "linux-2", "arm-1", "riscv-1"].map(|name| site.worker(name)).into();
    site.until("the poller has looked", || {
        site.json(["sources"])
            .iter()
            .any(|source| source["tips"].as_object().is_some_and(|tips| tips.len() >= 8))
    });

    // A commit on each of two branches: the twenty debug builders build each of them, the slow ones wait.
    source.commit("lexer.c", "int lex;\n", "the lexer");
    source.git(&["checkout", "-q", "release/3"]);
    source.commit("lexer.c", "int lex3;\n", "the lexer of release 3");
    source.git(&["checkout", "-q", "main"]);
    site.until("forty fast builds are over", || {
        let done = site.json(["builds", "--state", "finished", "--limit", "500"]);
        done.iter()
            .filter(|build| build["builder"].as_str().is_some_and(|name| name.ends_with("-debug")))
            .count()
            >= 40
    });
    let builds = site.json(["builds", "--state", "finished", "--limit", "500"]);
    for build in &builds {
        assert_eq!(build["results"], "SUCCESS", "{build}");
    }
    let one = site.build("x86-0-debug#1");
    let compiled =
        one["steps"].as_array().and_then(|steps| steps.iter().find(|it| it["name"] == "compile"));
    assert_eq!(
        compiled.map(|step| &step["statistics"]["warnings"]),
        Some(&Value::from(1)),
        "{one}"
    );
    let branches: BTreeSet<_> =
        builds.iter().filter_map(|build| build["sourcestamps"][0]["branch"].as_str()).collect();
    assert_eq!(branches.into_iter().collect::<Vec<_>>(), ["main", "release/3"]);
    let slow =
        site.json(["schedulers"]).into_iter().find(|it| it["name"] == "slow").expect("it is there");
    assert_eq!(slow["waiting_changes"].as_array().map(Vec::len), Some(2), "{slow}");
    assert!(slow["next_fire_at"].is_string(), "{slow}");

    // What would become of a commit, without making one.
    let told = |arguments: &[&str]| -> Vec<(String, bool, bool, Value)> {
        let said = site.json([&["explain", "change"], arguments].concat());
        let one = |it: &Value| {
            let flag = |key: &str| it[key].as_bool().unwrap_or_default();
            (it["scheduler"].to_string(), flag("takes"), flag("important"), it["rule"].clone())
        };
        said.iter().map(one).filter(|it| it.0.contains("fast")).collect()
    };
    let repository = source.path().display().to_string();
    let main = ["--branch", "main", "--repository", repository.as_str(), "--file"];
    assert_eq!(
        told(&[&main[..], &["lexer.c"]].concat()),
        [("\"fast\"".to_owned(), true, true, "branch, file_is_important".into())]
    );
    let doc = told(&[&main[..], &["doc/index.md"]].concat());
    assert_eq!(doc, [("\"fast\"".to_owned(), true, false, "file_is_important".into())]);
    let topic = told(&["--branch", "topic", "--repository", &repository]);
    assert_eq!(topic, [("\"fast\"".to_owned(), false, false, "branch".into())]);

    // Two releases at once: each takes the one board for its tests, waits for its package, and the package is kept.
    let set = site.json(["force", "x86-0-release", "arm-0-release", "--branch", "main", "--wait"]);
    assert!(matches!(set[0]["results"].as_str(), Some("SUCCESS" | "WARNINGS")), "{set:?}");
    let package = site.json(["builds", "--builder", "package"]);
    assert_eq!(package.len(), 2, "{package:?}");
    let kept: BTreeSet<String> = (1..=2)
        .flat_map(|nth| site.json(["artifacts", &format!("package#{nth}")]))
        .filter_map(|artifact| artifact["name"].as_str().map(str::to_owned))
        .collect();
    assert!(kept.iter().any(|name| name.starts_with("packages/x86-0/")), "{kept:?}");
    assert!(kept.iter().any(|name| name.starts_with("packages/arm-0/")), "{kept:?}");
    let held: Vec<Value> = site.json(["locks"]);
    assert!(
        held.iter().all(|lock| lock["holders"].as_array().is_some_and(Vec::is_empty)),
        "{held:?}"
    );
}
