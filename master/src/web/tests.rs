//! The door as senders see it: a master in this process, and requests as bytes.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config::{Origin, load};
use crate::{Master, Options, Running};

const STAR: &str = r#"
codebase("zork", repository = "https://git.frobozz.example/zork")
webhook("forge", dialect = "github", secret = secret("forge-hook"))
webhook("any one", codebase = "zork")
git_poller("poll", repository = "/nowhere/zork")
"#;
const PUSH: &[u8] = include_bytes!("../source/webhook/bodies/github-push.json");

struct Site {
    dir: tempfile::TempDir,
    running: Running,
    address: SocketAddr,
}

impl Site {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.star");
        fs::write(&file, STAR).unwrap();
        let config = load(Origin::File(&file), None).unwrap_or_else(|wrong| panic!("{wrong}"));
        let listen_http = Some("127.0.0.1:0".parse().unwrap());
        let state = dir.path().join("state");
        let options = Options {
            dir: state,
            config,
            config_file: Some(file),
            checkout: None,
            listen: None,
            listen_http,
        };
        let running = Master::start(options).await.unwrap();
        let address = running.takes_hooks().unwrap();
        Self { dir, running, address }
    }

    fn keep_secret(&self, value: &str, mode: u32) {
        let file = self.dir.path().join("state/secrets/forge-hook");
        fs::write(&file, value).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Sends these bytes; answers the status, the whole head and the body.
    async fn send(&self, request: &[u8]) -> (u16, String, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(60), read).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), serde_json::from_str(body).unwrap_or_default())
    }

    async fn post(&self, hook: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        let length = body.len();
        let mut request =
            format!("POST /hook/{hook} HTTP/1.1\r\nHost: ci\r\nContent-Length: {length}\r\n");
        for (name, value) in headers {
            request.push_str(&[*name, ": ", *value, "\r\n"].concat());
        }
        request.push_str("\r\n");
        let (status, _, body) = self.send(&[request.as_bytes(), body].concat()).await;
        (status, body)
    }

    /// A delivery of the forge, signed with a key.
    async fn deliver(&self, key: &str, number: &str, body: &[u8]) -> (u16, Value) {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        let digits = crate::hex::text_of(&mac.chain_update(body).finalize().into_bytes());
        let signature = format!("sha256={digits}");
        let headers = [
            ("X-GitHub-Event", "push"),
            ("X-GitHub-Delivery", number),
            ("X-Hub-Signature-256", signature.as_str()),
            ("Content-Type", "application/json"),
        ];
        self.post("forge", &headers, body).await
    }
}

/// F13, I2.
#[tokio::test]
async fn a_signed_delivery_is_taken_once() {
    let site = Site::start().await;
    site.keep_secret("xyzzy\n", 0o600);
    let taken = json!({ "changes": [1, 2] });
    assert_eq!(site.deliver("xyzzy", "a", PUSH).await, (200, taken.clone()));
    assert_eq!(site.deliver("xyzzy", "a", PUSH).await, (200, taken.clone()), "sent again");
    assert_eq!(site.deliver("xyzzy", "b", PUSH).await, (200, taken), "told again");
    let (status, why) = site.deliver("plugh", "c", PUSH).await;
    assert_eq!((status, &why["error"]), (401, &json!("signature")), "{why}");
    let (status, why) = site.post("forge", &[("X-GitHub-Event", "push")], PUSH).await;
    assert_eq!(
        (status, why["why"].as_str()),
        (401, Some("there is no header x-hub-signature-256"))
    );
    let (status, why) = site.deliver("xyzzy", "d", b"{\"ref\": 7}").await;
    assert_eq!((status, &why["error"]), (400, &json!("unreadable")), "{why}");
    assert_eq!(site.deliver("xyzzy", "e", b"{}").await.0, 400);
    site.running.stop().await;
}

/// F41: the hook that needs it is refused, by name, until it has a value.
#[tokio::test]
async fn a_hook_waits_for_its_secret() {
    let site = Site::start().await;
    let notes = site.running.notes().join("\n");
    assert!(notes.contains("secret forge-hook has no value yet: write it into "), "{notes}");
    let (status, why) = site.deliver("", "a", PUSH).await;
    assert_eq!((status, &why["error"]), (503, &json!("no_secret")));
    let text = why.to_string();
    assert!(text.contains("its secret forge-hook") && !text.contains("state"), "{text}");
    site.keep_secret("xyzzy", 0o644);
    assert_eq!(site.deliver("xyzzy", "a", PUSH).await.0, 503, "others could read it");
    site.keep_secret("xyzzy", 0o600);
    assert_eq!(site.deliver("xyzzy", "a", PUSH).await.0, 200);
    site.running.stop().await;
}

#[tokio::test]
async fn what_is_no_hook() {
    let site = Site::start().await;
    for path in ["nobody", "poll", "", "forge/x", "%zz", "..%2fforge"] {
        assert_eq!(site.post(path, &[], b"{}").await.0, 404, "{path}");
    }
    for request in ["GET / HTTP/1.1", "GET /hooks HTTP/1.1"] {
        let request = format!("{request}\r\nHost: ci\r\n\r\n");
        assert_eq!(site.send(request.as_bytes()).await.0, 404, "{request}");
    }
    let (status, head, _) = site.send(b"GET /hook/forge HTTP/1.1\r\nHost: ci\r\n\r\n").await;
    assert!(status == 405 && head.to_ascii_lowercase().contains("\r\nallow: post"), "{head}");
    let (status, head, _) = site.send(b"\x16\x03\x01 no HTTP\r\n\r\n").await;
    assert_eq!(status, 400, "{head}");
    let large = format!("POST /hook/forge HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(site.send(large.as_bytes()).await.0, 431);
    site.running.stop().await;
}

/// F14, CH-2.
#[tokio::test]
async fn change_objects_need_no_forge() {
    let site = Site::start().await;
    let one = br#"{"author": "Ana", "branch": "main", "revision": "1", "comments": "x"}"#;
    assert_eq!(site.post("any%20one", &[], one).await, (200, json!({ "changes": [1] })));
    assert_eq!(site.post("any%20one", &[], one).await, (200, json!({ "changes": [1] })));
    let two = br#"[{"author": "Ana"}, {"author": "Bob", "key": "k"}]"#;
    assert_eq!(site.post("any%20one", &[], two).await, (200, json!({ "changes": [2, 3] })));
    assert_eq!(site.post("any%20one", &[], two).await, (200, json!({ "changes": [4, 3] })));
    let (status, why) = site.post("any%20one", &[], br#"[{"author": "a"}, {}]"#).await;
    assert_eq!((status, &why["why"]), (400, &json!("change 2: `author` is missing")));
    site.running.stop().await;
}

/// F13: what is too large is refused by what its head says of it, or as soon as it is.
#[tokio::test]
async fn large_bodies_are_not_waited_for() {
    let site = Site::start().await;
    let head = "POST /hook/any%20one HTTP/1.1\r\nHost: ci\r\n";
    let said = format!("{head}Content-Length: 104857600\r\n\r\n");
    assert_eq!(site.send(said.as_bytes()).await.0, 413);
    let mut unsaid = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..33 {
        unsaid.extend(b"100000\r\n");
        unsaid.extend(std::iter::repeat_n(b' ', 1 << 20));
        unsaid.extend(b"\r\n");
    }
    assert_eq!(site.send(&unsaid).await.0, 413);
    site.running.stop().await;
}

#[tokio::test]
async fn a_door_that_nobody_can_knock_at_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master.star");
    fs::write(&file, "webhook(\"forge\")\n").unwrap();
    let start = |state: &Path, listen_http| Options {
        dir: state.to_owned(),
        config: load(Origin::File(&file), None).unwrap(),
        config_file: None,
        checkout: None,
        listen: None,
        listen_http,
    };
    let running = Master::start(start(&dir.path().join("a"), None)).await.unwrap();
    let note = "webhook forge takes nothing, for the master was started without --listen-http";
    assert_eq!(running.notes(), [note]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().ok();
    let error = Master::start(start(&dir.path().join("b"), address)).await.err().unwrap();
    assert_eq!(error.exit_code(), 3);
    running.stop().await;
}
