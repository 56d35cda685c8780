//! Files that builds keep: a real worker sends them, a real master that is killed in the middle has all of them in the end,
//! and the command line gives them out.

use std::fs;

use linn_tests::site::Site;

const STAR: &str = r#"
local_worker("w")
builder("b", workers = ["w"], factory = [
    shell("make", command = "mkdir dist && head -c 100000000 /dev/urandom > dist/big.bin && printf small > dist/small.txt"),
    upload(source = "dist/*", dest = "dist"),
    upload_directory(source = "dist", dest = "again"),
    download(source = "dist/small.txt", dest = "back.txt"),
    download("tool", source = "tool.sh", dest = "tool.sh"),
    shell("check", command = "cmp dist/small.txt back.txt && sh tool.sh"),
])
force_scheduler("force", builders = ["b"])
"#;

/// The bytes of the file that is on its way into the state folder.
fn on_its_way(site: &Site) -> u64 {
    let parts = fs::read_dir(site.path().join("state/artifacts/part"));
    let parts = parts.into_iter().flatten().flatten();
    parts.filter_map(|part| part.metadata().ok()).map(|part| part.len()).max().unwrap_or(0)
}

#[test]
fn files_outlive_a_master_that_is_killed_in_the_middle() {
    let site = Site::new(STAR);
    fs::write(site.path().join("tool.sh"), "exit 0\n").expect("written");
    let mut master = site.master();
    site.linn(["force", "b"]);
    site.until("a part of the file has come", || on_its_way(&site) > 0);
    let came = on_its_way(&site);
    master.kill_9();
    drop(master);
    assert!(came < 100_000_000, "{came} bytes had come: nothing was left to resume");
    let _master = site.master();
    site.until_event("the build ends", |event| {
        event["kind"] == "build_finished" && event["subject"] == "b#1"
    });
    let build = site.build("b#1");
    assert_eq!(build["results"], "SUCCESS", "{build}");
    let kept = site.json(["artifacts", "b#1"]);
    let names: Vec<_> = kept.iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(names, ["again/big.bin", "again/small.txt", "dist/big.bin", "dist/small.txt"]);
    assert_eq!(kept[0]["sha256"], kept[2]["sha256"], "kept once, named twice");
    assert_eq!(kept[2]["bytes"], 100_000_000);
    let to = site.path().join("got.bin");
    site.linn(["artifact", "b#1/dist/big.bin", "-o", to.to_str().expect("UTF-8")]);
    let made = site.path().join("state/workers/w/builds/b/dist/big.bin");
    assert!(fs::read(to).expect("read") == fs::read(made).expect("read"), "every byte");
}
