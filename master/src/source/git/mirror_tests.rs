//! Remote repositories, served by git's own daemon on the loopback device.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use linn_core::config::Vcs;
use tokio::time::timeout;

use super::mirror::Mirror;
use super::testing::Repo;
use super::{Repository, Tips};
use crate::source::{ResolveError, resolve};

/// A daemon that serves a folder; ended with the test.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    fn serve(folder: &Path) -> Self {
        Self::serve_with(folder, &[])
    }

    /// One that sends nothing before there is a file `go` in the folder, and makes a file `begun` when it would.
    fn serve_held(folder: &Path) -> Self {
        let hook = folder.join("hook");
        let script = format!(
            "#!/bin/sh\ncd {}\n: >begun\nwhile [ ! -e go ]; do sleep 0.05; done\ncd - >/dev/null\nexec \"$@\"\n",
            folder.display()
        );
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        Self::serve_with(folder, &["-c", &format!("uploadpack.packObjectsHook={}", hook.display())])
    }

    fn serve_with(folder: &Path, settings: &[&str]) -> Self {
        // The daemon cannot tell which port it got, so a free one is found first.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("git")
            .args(settings)
            .args(["daemon", "--export-all", "--reuseaddr", "--verbose", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", folder.display()))
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 1];
        child.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
        Self { child, port }
    }

    fn url(&self, path: &str) -> String {
        format!("git://127.0.0.1:{}/{path}", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_remote_repository_is_read_through_a_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    let first = repo.commit("a", "one");
    repo.git(&["tag", "v1"]);
    repo.git(&["branch", "a"]);
    let daemon = Daemon::serve(folder.path());
    let url = daemon.url("r/.git");
    let state = tempfile::tempdir().unwrap();

    let tip = resolve(state.path(), Vcs::Git, &url, None, None).await.unwrap();
    assert_eq!((tip.revision.as_str(), tip.branch.as_deref()), (first.as_str(), Some("main")));
    assert_eq!(tip.commits.len(), 1);

    // A branch that becomes a folder of branches is no conflict, and a rewritten one is followed.
    repo.git(&["branch", "-D", "a"]);
    repo.git(&["branch", "a/b"]);
    repo.git(&["commit", "-q", "--amend", "-m", "one again"]);
    let second = repo.tip("HEAD");
    let nested = resolve(state.path(), Vcs::Git, &url, Some("a/b"), None).await.unwrap();
    assert_eq!(nested.revision, first);
    let amended = resolve(state.path(), Vcs::Git, &url, Some("main"), None).await.unwrap();
    assert_eq!(amended.revision, second);
    let tagged = resolve(state.path(), Vcs::Git, &url, None, Some("v1")).await.unwrap();
    assert_eq!(tagged.revision, first);
    let short = resolve(state.path(), Vcs::Git, &url, None, Some(&second[..8])).await.unwrap();
    assert_eq!(short.revision, second);

    let unknown = resolve(state.path(), Vcs::Git, &url, None, Some("0123456")).await.unwrap_err();
    assert!(matches!(unknown, ResolveError::UnknownRevision { .. }), "{unknown}");
    let unknown = resolve(state.path(), Vcs::Git, &url, Some("mian"), None).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        format!("there is no branch `mian` in {url}; did you mean `main`?")
    );
    let mirrors = std::fs::read_dir(state.path().join("mirrors")).unwrap().count();
    assert_eq!(mirrors, 2, "one mirror and its lock");
}

#[tokio::test]
async fn a_host_where_nobody_answers_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("git://127.0.0.1:{port}/r");
    let error = resolve(folder.path(), Vcs::Git, &url, None, None).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("git could not list the branches of {url}: ")), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn two_who_need_the_same_mirror_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    let first = repo.commit("a", "one");
    let daemon = Daemon::serve(folder.path());
    let url = daemon.url("r/.git");
    let look = async || {
        let repository = Repository::new(folder.path(), &url).unwrap();
        let tips = Tips::of(&repository).await.unwrap();
        tips.fetched(&repository, "main", &first).await.unwrap();
        repository.commit(&first).await.unwrap()
    };
    let (one, two, three) = tokio::join!(look(), look(), look());
    assert_eq!([one, two, three], [const { None::<String> }; 3].map(|_| Some(first.clone())));
}

#[test]
fn who_waits_for_a_mirror_takes_no_thread_from_others() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(folder.path(), "https://h.example/r".to_owned());
        let nothing = BTreeMap::new();
        mirror.bring(&nothing).await.unwrap();
        let lock = File::open(mirror.git_dir().with_extension("lock")).unwrap();
        lock.lock().unwrap();
        for _ in 0..3 {
            timeout(Duration::from_millis(100), mirror.bring(&nothing)).await.unwrap_err();
        }
        let other = tokio::task::spawn_blocking(|| "read a log");
        timeout(Duration::from_secs(5), other).await.expect("a thread is free").unwrap();
        drop(lock);
        mirror.bring(&nothing).await.unwrap();
    });
}

#[tokio::test]
async fn a_fetch_goes_on_when_who_asked_for_it_no_longer_waits() {
    let folder = tempfile::tempdir().unwrap();
    let repo = Repo::init(folder.path().join("r"));
    let first = repo.commit("a", "one");
    let daemon = Daemon::serve_held(folder.path());
    let url = daemon.url("r/.git");
    let state = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    tokio::select! {
        _ = resolve(state.path(), Vcs::Git, &url, None, None) => panic!("nothing has been sent yet"),
        () = exists(&begun) => {}
    }
    fs::write(folder.path().join("go"), "").unwrap();
    let repository = Repository::new(state.path(), &url).unwrap();
    let arrived = async {
        while repository.commit(&first).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), arrived).await.expect("the fetch has gone on");
}

async fn exists(file: &Path) {
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_killed_fetch_had_received_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(folder.path(), "https://h.example/r".to_owned());
    let nothing = BTreeMap::new();
    mirror.bring(&nothing).await.unwrap();
    let half = mirror.git_dir().join("objects/pack/tmp_pack_x4Yz12");
    fs::create_dir_all(half.parent().unwrap()).unwrap();
    fs::write(&half, "PACK").unwrap();
    mirror.bring(&nothing).await.unwrap();
    assert!(!half.exists());
}
