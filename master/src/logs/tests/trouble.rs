//! Full disks, hostile lines, crashes at bad moments, things that are removed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use super::super::{
    Ack, Growing, LogError, LogStore, MAX_APPEND, Pattern, Start, key::build_folder,
};
use super::*;

/// F14: nothing is called durable, memory stays bounded, and it goes on by itself when there is room.
#[tokio::test]
async fn a_full_disk_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let key = key(1);
    let build = build_folder(folder.path(), key.build);
    fs::create_dir_all(&build).unwrap();
    let file = build.join("1-stdio.log");
    // Writing there says that no space is left.
    symlink("/dev/full", &file).unwrap();
    let bytes = vec![b'x'; 1_000_000];
    let mut taken = 0;
    let refused = loop {
        let data = Bytes::copy_from_slice(&bytes[taken..taken + 100_000]);
        match store.append(&key, taken as u64, Stream::Out, Timestamp(0), data).await {
            Ok(appended) => {
                assert_eq!(appended.durable_to, 0);
                taken += 100_000;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, LogError::Full { .. }), "{refused}");
    assert!(taken <= 300_000, "{taken} bytes in memory");
    assert!(matches!(store.durable_to(&key).await, Err(LogError::Full { .. })));
    fs::remove_file(&file).unwrap();
    append_all(&store, &key, &bytes, 100_000).await;
    assert!(settle_all(&store, &key, &bytes).await.intact);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

/// The same with a real file system, where this user may mount one.
#[tokio::test]
async fn a_really_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |args: &[&str]| {
        let done = std::process::Command::new(args[0]).args(&args[1..]).output();
        done.is_ok_and(|output| output.status.success())
    };
    let path = folder.path().to_str().unwrap();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path]) {
        return;
    }
    let store = LogStore::open(folder.path()).unwrap();
    let ballast = folder.path().join("ballast");
    fs::write(&ballast, vec![0; 1_500_000]).unwrap();
    let key = key(1);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut sent = 0;
    while sent < bytes.len() {
        let data = Bytes::copy_from_slice(&bytes[sent..sent + 50_000]);
        match store.append(&key, sent as u64, Stream::Out, Timestamp(0), data).await {
            Ok(_) => sent += 50_000,
            Err(LogError::Full { .. }) => fs::remove_file(&ballast).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    let settled = settle_all(&store, &key, &bytes).await;
    assert!(settled.intact && !ballast.exists());
    assert_eq!(stored(&store, &key).await, bytes);
    drop(store);
    assert!(mount(&["umount", "-l", path]));
}

/// F16: all bytes were sent when the sync fails. Their worker waits for acks alone, so it must hear what to send again.
#[tokio::test]
async fn what_cannot_be_synced_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let (pusher, mut acks) = store.pusher();
    let key = key(1);
    let file = lie_in_nothing(folder.path(), &key);
    let bytes = Bytes::from_static(b"one\ntwo\n");
    let ends = tokio::spawn({
        let (store, key, bytes) = (store.clone(), key.clone(), bytes.clone());
        async move {
            // Nobody waits for it in the meantime but a command that has ended.
            while store.settle(&key, bytes.len() as u64, Some(digest(&bytes))).await.is_err() {}
        }
    });
    pusher.append(&key, 0, Stream::Out, Timestamp(0), bytes.clone()).await.unwrap();
    let lost = Ack { log: key.log, durable_to: 0, expected: Some(0) };
    let news = tokio::time::timeout(Duration::from_secs(5), acks.next()).await;
    assert_eq!(news.expect("it is told"), Some(vec![lost]));
    fs::remove_file(&file).unwrap();
    pusher.append(&key, 0, Stream::Out, Timestamp(0), bytes.clone()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), ends).await.expect("it settles").unwrap();
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

/// I6: a power cut may leave a file of the right length and the wrong bytes. Its worker has the right ones.
#[tokio::test]
async fn what_a_power_cut_spoilt_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes = b"0123456789\n".repeat(20_000);
    let length = bytes.len() as u64;
    append_all(&store, &key(1), &bytes, 50_000).await;
    store.flush().await.unwrap();
    drop(store);
    let file = file_of(folder.path(), &key(1), ".log").unwrap();
    let mut spoilt = bytes.clone();
    spoilt[150_000..].fill(0);
    fs::write(&file, &spoilt).unwrap();

    // Who has nothing better keeps it, and hears that it is not what it was.
    let store = LogStore::open(folder.path()).unwrap();
    assert!(!settle_all(&store, &key(1), &bytes).await.intact);
    assert_eq!(fs::read(&file).unwrap(), spoilt);
    drop(store);

    let store = LogStore::open(folder.path()).unwrap();
    assert_eq!(store.durable_to(&key(1)).await.unwrap(), length);
    let settled = store.settle_or_drop(&key(1), length, Some(digest(&bytes))).await;
    assert!(matches!(settled, Err(LogError::Differs { .. })), "{settled:?}");
    assert_eq!(store.durable_to(&key(1)).await.unwrap(), 0);
    append_all(&store, &key(1), &bytes, 50_000).await;
    let settled = store.settle_or_drop(&key(1), length, Some(digest(&bytes))).await.unwrap();
    assert!(settled.intact);
    assert_eq!(stored(&store, &key(1)).await, bytes);

    // What this process took in itself is not asked for twice.
    append_all(&store, &key(2), &spoilt, 50_000).await;
    let settled = store.settle_or_drop(&key(2), length, Some(digest(&bytes))).await.unwrap();
    assert!(!settled.intact);
}

/// What is lost is news until it was heard.
#[tokio::test]
async fn a_later_sync_does_not_hide_what_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let (pusher, mut acks) = store.pusher();
    let key = key(1);
    let file = lie_in_nothing(folder.path(), &key);
    let data = Bytes::from_static(b"one\n");
    pusher.append(&key, 0, Stream::Out, Timestamp(0), data.clone()).await.unwrap();
    // Whoever syncs first hears that it failed: this, or the next round.
    drop(store.flush().await);
    fs::remove_file(&file).unwrap();
    pusher.append(&key, 0, Stream::Out, Timestamp(0), data).await.unwrap();
    assert_eq!(store.durable_to(&key).await.unwrap(), 4);
    let both = Ack { log: key.log, durable_to: 4, expected: Some(0) };
    assert_eq!(acks.next().await, Some(vec![both]));
}

/// Puts a log where writing succeeds and syncing does not.
fn lie_in_nothing(root: &Path, key: &LogKey) -> PathBuf {
    let build = build_folder(root, key.build);
    fs::create_dir_all(&build).unwrap();
    let file = build.join(format!("{}-stdio.log", key.log));
    symlink("/dev/null", &file).unwrap();
    file
}

/// One line of 50 MB: windows and searches of it need little memory and give little.
#[tokio::test]
async fn a_line_without_an_end_is_cut_for_readers() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let mut bytes = vec![b'='; 50_000_000];
    bytes[1_000] = b'#';
    bytes.extend_from_slice(b"\nlast\n");
    append_all(&store, &key(1), &bytes, 256 * 1024).await;
    for _ in 0..2 {
        let window = store.read_lines(&key(1), Start::Line(1), 10).await.unwrap();
        assert_eq!(window.lines.len(), 2);
        assert!(window.lines[0].cut && window.lines[0].text.len() == super::super::MAX_TEXT);
        assert_eq!(window.lines[1].text, b"last");
        assert_eq!(
            store.count_matches(&key(1), &Pattern::literal("#", false).unwrap()).await.unwrap(),
            1
        );
        let mut hits = store.search(&key(1), Pattern::literal("a", false).unwrap(), 0, true, 1);
        assert_eq!(hits.recv().await.unwrap().unwrap().line.unwrap().number, 2);
        assert!(settle_all(&store, &key(1), &bytes).await.intact);
        store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    }
    let packed = fs::metadata(file_of(folder.path(), &key(1), ".log.zst").unwrap()).unwrap();
    assert!(packed.len() < 200_000);
}

/// The system's own tools read what we write.
#[tokio::test]
async fn sealed_logs_are_plain_zstd() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes = b"some line of a log\n".repeat(50_000);
    append_all(&store, &key(1), &bytes, 65_536).await;
    settle_all(&store, &key(1), &bytes).await;
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    let packed = fs::read(file_of(folder.path(), &key(1), ".log.zst").unwrap()).unwrap();
    assert_eq!(zstd::stream::decode_all(packed.as_slice()).unwrap(), bytes);
}

#[tokio::test]
async fn damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes: Vec<u8> = (0..400_000_u32).map(|n| (n.wrapping_mul(n) >> 3) as u8).collect();
    append_all(&store, &key(1), &bytes, 65_536).await;
    settle_all(&store, &key(1), &bytes).await;
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    let path = file_of(folder.path(), &key(1), ".log.zst").unwrap();
    let whole = fs::read(&path).unwrap();
    for damage in 0..400 {
        let mut broken = whole.clone();
        if damage % 2 == 0 {
            broken.truncate(whole.len() * damage / 400);
        } else {
            let at = whole.len() - 1 - damage * damage % whole.len();
            broken[at] ^= 0x55;
        }
        fs::write(&path, &broken).unwrap();
        // Each way a new reader, who knows nothing. It may fail, but neither panic nor give other bytes.
        let reader = LogStore::open(folder.path()).unwrap();
        let mut pieces = reader.raw(&key(1), 0);
        let mut read = Vec::new();
        while let Some(Ok(piece)) = pieces.recv().await {
            read.extend_from_slice(&piece);
        }
        assert!(bytes.starts_with(&read), "{damage}");
        drop(reader.marks(&key(1)).await);
        drop(reader.read_lines(&key(1), Start::Line(-5), 5).await);
    }
}

/// A crash while sealing: half a file, or both files.
#[tokio::test]
async fn leftovers_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes = b"0123456789\n".repeat(20_000);
    for log in [1, 2, 3] {
        append_all(&store, &key(log), &bytes, 50_000).await;
        settle_all(&store, &key(log), &bytes).await;
    }
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    drop(store);
    let sealed = file_of(folder.path(), &key(1), ".log.zst").unwrap();
    fs::write(sealed.with_extension(""), &bytes).unwrap();
    fs::write(sealed.with_file_name("9-x.zst.new"), b"half").unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    store.recover(Growing {
        newest: BuildId(2_000),
        unfinished: BTreeSet::from([key(3).build]),
        awaited: BTreeSet::new(),
    });
    // Orders are done one after another: this one comes after the sweep.
    store.seal(BuildId(9), BTreeSet::new()).await.unwrap();
    assert_eq!(fs::read_dir(sealed.parent().unwrap()).unwrap().count(), 1);
    assert!(
        file_of(folder.path(), &key(2), ".log").is_none(),
        "it was forgotten, and is sealed now"
    );
    assert!(file_of(folder.path(), &key(3), ".log").is_some(), "its build is not over");
    for log in [1, 2, 3] {
        assert_eq!(stored(&store, &key(log)).await, bytes);
    }
}

/// Bytes that came while a log was packed are in the plain file alone.
#[tokio::test]
async fn the_longer_of_two_counts() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = b"0123456789\n".repeat(20_000);
    let store = LogStore::open(folder.path()).unwrap();
    append_all(&store, &key(1), &bytes, 50_000).await;
    settle_all(&store, &key(1), &bytes).await;
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    drop(store);
    let sealed = file_of(folder.path(), &key(1), ".log.zst").unwrap();
    let longer = [bytes.as_slice(), b"more\n"].concat();
    fs::write(sealed.with_extension(""), &longer).unwrap();
    assert_eq!(stored(&LogStore::open(folder.path()).unwrap(), &key(1)).await, longer);
    let store = LogStore::open(folder.path()).unwrap();
    store.recover(Growing {
        newest: key(1).build,
        unfinished: BTreeSet::new(),
        awaited: BTreeSet::new(),
    });
    store.seal(BuildId(9), BTreeSet::new()).await.unwrap();
    assert_eq!(stored(&store, &key(1)).await, longer);
    assert_eq!(fs::read_dir(sealed.parent().unwrap()).unwrap().count(), 1, "it is packed anew");
}

/// The sweep steps back behind everything else, so builds may have begun before it comes to look.
#[tokio::test]
async fn what_grows_is_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = b"0123456789\n".repeat(20_000);
    let store = LogStore::open(folder.path()).unwrap();
    append_all(&store, &key(3), &bytes, 50_000).await;
    store.flush().await.unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    for log in [1, 2] {
        append_all(&store, &key(log), &bytes, 50_000).await;
    }
    store.flush().await.unwrap();
    // The first was known; the second is new; the third is to come with its worker.
    store.recover(Growing {
        newest: key(1).build,
        unfinished: BTreeSet::new(),
        awaited: BTreeSet::from([key(3).log]),
    });
    store.seal(BuildId(9), BTreeSet::new()).await.unwrap();
    for log in [1, 2, 3] {
        assert!(file_of(folder.path(), &key(log), ".log").is_some(), "{log}");
        let more = Bytes::from_static(b"more\n");
        store.append(&key(log), bytes.len() as u64, Stream::Out, Timestamp(0), more).await.unwrap();
    }
}

#[tokio::test]
async fn removed_logs_are_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    append_all(&store, &key(1), b"abc\n", 4).await;
    store.flush().await.unwrap();
    let mut watch = store.watch(&key(1)).await.unwrap();
    store.remove(key(1).build).await.unwrap();
    store.remove(key(1).build).await.unwrap();
    assert!(file_of(folder.path(), &key(1), "").is_none());
    assert_eq!(store.lengths(&key(1)).await.unwrap().bytes, 0);
    // Whoever watched it hears that no more comes.
    assert!(watch.wait_for(|_| false).await.is_err());
}

#[tokio::test]
async fn appends_have_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let data = Bytes::from(vec![0; MAX_APPEND + 1]);
    let refused = store.append(&key(1), 0, Stream::Out, Timestamp(0), data).await;
    assert!(matches!(refused, Err(LogError::TooLarge { .. })));
}

/// Many logs at once are synced together, and idle ones are forgotten.
#[tokio::test]
async fn many_logs_share_rounds_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let (pusher, mut acks) = store.pusher();
    for log in 1..=400 {
        let data = Bytes::from(format!("log {log}\n"));
        pusher.append(&key(log), 0, Stream::Out, Timestamp(0), data).await.unwrap();
    }
    let mut durable = BTreeSet::new();
    while durable.len() < 400 {
        durable.extend(acks.next().await.unwrap().into_iter().map(|ack| ack.log));
    }
    for log in 1..=400 {
        let bytes = format!("log {log}\n");
        assert!(settle_all(&store, &key(log), bytes.as_bytes()).await.intact);
        store.seal(key(log).build, BTreeSet::new()).await.unwrap();
    }
    for log in 401..=2_000 {
        store.lengths(&key(log)).await.unwrap();
    }
    assert!(store.all().len() <= 1_100, "{}", store.all().len());
    assert_eq!(stored(&store, &key(17)).await, b"log 17\n");
}
