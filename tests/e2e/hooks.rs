//! Changes that are told rather than looked for: a real master, a forge that signs, one that does not, one that sends too
//! much, one that never ends its sentence; and mails.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::process::Command;

use linn_tests::site::{PATIENCE, Site};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CONFIG: &str = r#"
local_worker("w")
webhook("forge", dialect = "github", secret = secret("forge-hook"))
webhook("other", dialect = "gitlab", secret = secret("not-there"))
builder("linux", workers = ["w"], factory = [shell("told", command = ["true"])])
any_branch_scheduler("commits", builders = ["linux"])
"#;
const PUSH: &str = include_str!("../../master/src/source/webhook/bodies/github-push.json");

/// RFC 2104 with SHA-256, for keys of at most 64 bytes.
fn signature(key: &str, body: &[u8]) -> String {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key.bytes()).for_each(|(pad, byte)| *pad ^= byte);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(body).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    let digits: String = outer.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// Where a master takes hooks: what it said last.
fn address(site: &Site) -> String {
    let said = site.said("master.err");
    let (_, rest) = said.rsplit_once("takes hooks at http://").expect("the master says where");
    rest.split('/').next().expect("an address").to_owned()
}

/// Sends a body with curl; answers the status and what was said.
fn curl(site: &Site, hook: &str, arguments: &[&str]) -> (u16, Value) {
    let url = format!("http://{}/hook/{hook}", address(site));
    let ran = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "100", "--write-out", "\n%{http_code}"])
        .args(["--noproxy", "*"])
        .args(arguments)
        .arg(&url)
        .output()
        .expect("curl runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').expect("a status");
    let error = String::from_utf8_lossy(&ran.stderr);
    let status = status.parse().unwrap_or_else(|_| panic!("no status: {said} {error}"));
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// A delivery of the forge.
fn deliver(site: &Site, key: &str, number: &str, body: &str) -> (u16, Value) {
    let (number, signed) = (
        format!("X-GitHub-Delivery: {number}"),
        format!("X-Hub-Signature-256: {}", signature(key, body.as_bytes())),
    );
    let mut arguments = vec!["--header", "X-GitHub-Event: push", "--header", &number];
    arguments.extend(["--header", &signed, "--header", "Content-Type: application/json"]);
    arguments.extend(["--data-binary", body]);
    curl(site, "forge", &arguments)
}

fn source(site: &Site, name: &str) -> Value {
    let sources = site.json(["sources"]);
    sources.into_iter().find(|source| source["name"] == name).expect("there is that source")
}

/// F12, F13, F41.
#[test]
fn a_forge_tells_of_a_push() {
    let site = Site::new(CONFIG);
    let secrets = site.state().join("secrets");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&secrets).expect("a folder");
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .mode(0o600)
        .truncate(true)
        .open(secrets.join("forge-hook"))
        .and_then(|mut file| file.write_all(b"xyzzy\n"))
        .expect("a secret");
    let listen = ["--listen-http", "127.0.0.1:0"];
    let mut master = site.master_with(&listen);
    let said = site.said("master.err");
    assert!(said.contains("note: secret not-there has no value yet: write it into "), "{said}");
    assert!(!said.contains("note: secret forge-hook"), "{said}");
    // One who never ends its sentence is cut off, while all others are served.
    let mut slow = TcpStream::connect(address(&site)).expect("the master listens");
    slow.write_all(b"POST /hook/forge HTTP/1.1\r\nHost: ").expect("written");

    let taken = json!({ "changes": [1, 2] });
    assert_eq!(deliver(&site, "xyzzy", "1", PUSH), (200, taken.clone()));
    site.until("the change is built", || {
        site.json(["builds"]).iter().any(|build| build["state"] == "finished")
    });
    let change = site.json(["changes"]).into_iter().find(|change| change["id"] == 2);
    let change = change.expect("the change is there");
    assert_eq!(change["author"], "Bob Grue <bob@frobozz.example>");
    assert_eq!(change["files"], json!(["src/lamp.c", "src/sword.c"]));
    assert_eq!((&change["branch"], &change["codebase"]), (&json!("main"), &json!("")));

    assert_eq!(deliver(&site, "plugh", "2", PUSH).0, 401);
    assert_eq!(curl(&site, "forge", &["--header", "X-GitHub-Event: push", "--data", PUSH]).0, 401);
    let (status, why) = curl(&site, "other", &["--header", "X-Gitlab-Token: x", "--data", "{}"]);
    assert_eq!(status, 503);
    assert!(why["why"].as_str().is_some_and(|why| why.contains("not-there")), "{why}");
    site.until("the source tells of its secret", || {
        let error = source(&site, "other")["last_error"].to_string();
        error.contains("secret not-there has no value yet")
    });
    assert_eq!(source(&site, "other")["state"], "failing");

    assert_eq!(deliver(&site, "xyzzy", "3", "{}").0, 400);
    site.until("what was refused is shown", || {
        source(&site, "forge")["last_error"].to_string().contains("missing field `ref`")
    });
    // After a crash the same delivery is still the same.
    master.kill_9();
    let mut master = site.master_with(&listen);
    assert_eq!(deliver(&site, "xyzzy", "1", PUSH), (200, taken.clone()));
    assert_eq!(deliver(&site, "xyzzy", "4", PUSH), (200, taken));
    site.until("all is well again", || source(&site, "forge")["last_error"].is_null());
    let (kind, state) = (&source(&site, "forge")["kind"], &source(&site, "forge")["state"]);
    assert_eq!((kind, state), (&json!("webhook"), &json!("idle")));
    assert_eq!(site.json(["changes"]).len(), 2);

    // Nobody was told the secret: not the steps of a local worker, not the log, not the database.
    let events = String::from_utf8_lossy(&site.linn(["events"]).stdout).into_owned();
    assert!(!events.contains("xyzzy") && !site.said("master.err").contains("xyzzy"));
    let database = fs::read(site.state().join("linn.db")).expect("a database");
    assert!(!database.windows(5).any(|window| window == b"xyzzy"));

    assert_eq!(master.terminate(), Some(0));
    slow.set_read_timeout(Some(PATIENCE)).expect("a time");
    let mut rest = Vec::new();
    let ended = slow.read_to_end(&mut rest);
    assert!(!matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
}

/// F13: 100 MB are refused, whether the sender asks first or just sends, and the master stays as it was.
#[test]
fn bodies_that_are_too_large() {
    let site = Site::new("webhook(\"any\")\n");
    let _master = site.master_with(&["--listen-http", "127.0.0.1:0"]);
    let large = site.path().join("large");
    let file = fs::File::create(&large).expect("a file");
    file.set_len(100_000_000).expect("a large file");
    let data = format!("@{}", large.display());
    let (status, why) = curl(&site, "any", &["--data-binary", &data]);
    assert_eq!((status, &why["error"]), (413, &json!("too_large")));
    let chunked =
        ["--header", "Transfer-Encoding: chunked", "--header", "Expect:", "--data-binary"];
    let (status, _) = curl(&site, "any", &[&chunked[..], &[&data]].concat());
    assert_eq!(status, 413);
    assert_eq!(
        curl(
            &site,
            "any",
            &["--data", "{\"author\": \"ana\"}", "--header", "Content-Type: application/json"]
        )
        .0,
        200
    );
    assert_eq!(curl(&site, "any", &["--request", "GET"]).0, 405);
    assert_eq!(curl(&site, "none", &["--data", "x"]).0, 404);

    // One who hangs in the middle of a head is not waited for longer than that takes.
    let mut slow = TcpStream::connect(address(&site)).expect("the master listens");
    slow.write_all(b"POST /hook/any HTTP/1.1\r\nHost: ").expect("written");
    slow.set_read_timeout(Some(PATIENCE)).expect("a time");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the connection is ended by the master");
}

/// F47, I2.
#[test]
fn mails_become_changes() {
    let site = Site::new("");
    let mails = site.path().join("mails");
    for name in ["new", "cur", "tmp"] {
        fs::create_dir_all(mails.join(name)).expect("a maildir");
    }
    let config = format!(
        "maildir_source(\"mails\", \"{}\", dialect = \"svn\", interval = \"1s\")\n",
        mails.display()
    );
    fs::write(site.path().join("master.star"), config).expect("written");
    let _master = site.master();
    let mail = "Message-ID: <1@x>\nFrom: ana@x.example\nSubject: svn commit: r7\n\n\
        Author: ana\nNew Revision: 7\nLog:\nMend the lamp.\n\nModified:\n   branches/1.0/lamp.c\n";
    let deliver = |name: &str, text: &str| {
        fs::write(mails.join("tmp").join(name), text).expect("written");
        fs::rename(mails.join("tmp").join(name), mails.join("new").join(name)).expect("delivered");
        site.ok(["source", "poll", "mails"]);
    };
    deliver("1.a", mail);
    deliver("2.b", mail);
    let changes = site.json(["changes"]);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(
        (&changes[0]["branch"], &changes[0]["revision"]),
        (&json!("branches/1.0"), &json!("7"))
    );
    assert!(
        mails.join("cur/2.b:2,S").exists()
            && fs::read_dir(mails.join("new")).expect("a folder").next().is_none()
    );
    fs::write(mails.join("new/3.c"), "hello").expect("written");
    site.until("the odd mail is told of", || {
        mails.join("cur/3.c:2,F").exists()
            && site.linn(["events"]).stdout.windows(3).any(|window| window == b"3.c")
    });
    site.until("it recovers", || source(&site, "mails")["last_error"].is_null());
}
