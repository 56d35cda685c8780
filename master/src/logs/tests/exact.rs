//! Byte for byte (I6): whatever pieces bytes come in, however often, with whatever crashes in between.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Ack, LogStore};
use super::*;

/// Pieces of a log as a worker may send them: forward, again, overlapping, and too far ahead.
#[derive(Clone, Debug)]
enum Move {
    Next(usize),
    Again { back: usize, length: usize },
    Ahead(usize),
    Crash,
    Resume,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    proptest::collection::vec(
        prop_oneof![
            6 => (0_usize..90_000).prop_map(Move::Next),
            3 => (0_usize..100_000, 0_usize..120_000).prop_map(|(back, length)| Move::Again { back, length }),
            1 => (1_usize..1000).prop_map(Move::Ahead),
            1 => Just(Move::Crash),
            1 => Just(Move::Resume),
        ],
        1..30,
    )
}

/// Bytes of every sort: lines, long lines, NUL, invalid UTF-8.
fn content(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|at| match (at.wrapping_mul(31) ^ usize::from(seed)) % 97 {
            0 if seed < 128 => b'\n',
            1 => 0,
            2 => 0xff,
            n => u8::try_from(n).unwrap(),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_telling_gives_the_same_bytes(moves in moves(), seed: u8) {
        runtime().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let mut store = LogStore::open(folder.path()).unwrap();
            let key = key(u64::from(seed));
            let whole = content(3_000_000, seed);
            // What the worker knows to be taken in.
            let mut told = 0_usize;
            for it in moves {
                let (from, to) = match it {
                    Move::Next(length) => (told, told + length),
                    Move::Again { back, length } => {
                        let from = told.saturating_sub(back);
                        (from, from + length)
                    }
                    Move::Ahead(gap) => (told + gap, told + gap + 10),
                    Move::Resume => {
                        let durable = store.durable_to(&key).await.unwrap();
                        assert_eq!(durable, told as u64);
                        continue;
                    }
                    Move::Crash => {
                        // What was not written is lost, and asked for again.
                        store = LogStore::open(folder.path()).unwrap();
                        let durable = store.durable_to(&key).await.unwrap();
                        assert!(durable <= told as u64);
                        told = usize::try_from(durable).unwrap();
                        continue;
                    }
                };
                let data = Bytes::copy_from_slice(&whole[from..to]);
                let at = Timestamp(i64::try_from(from).unwrap());
                let appended = store.append(&key, from as u64, Stream::Out, at, data).await.unwrap();
                if from > told {
                    assert_eq!(appended.expected, Some(told as u64));
                } else {
                    told = told.max(to);
                    assert_eq!((appended.length, appended.expected), (told as u64, None));
                }
            }
            let told = &whole[..told];
            assert_eq!(stored(&store, &key).await, told);
            let settled = settle_all(&store, &key, told).await;
            let lines = told.split_inclusive(|byte| *byte == b'\n').count() as u64;
            assert_eq!(settled, Settled { bytes: told.len() as u64, lines, intact: true });
            let file = file_of(folder.path(), &key, ".log");
            assert_eq!(file.map(|file| std::fs::read(file).unwrap()).unwrap_or_default(), told);
            // Sealed, it is the same; opened by another process as well.
            store.seal(key.build, BTreeSet::new()).await.unwrap();
            let large = told.len() as u64 >= super::super::seal::SEAL_FROM;
            assert_eq!(file_of(folder.path(), &key, ".log.zst").is_some(), large);
            assert_eq!(stored(&store, &key).await, told);
            let again = LogStore::open(folder.path()).unwrap();
            assert_eq!(stored(&again, &key).await, told);
            assert_eq!(again.lengths(&key).await.unwrap().lines, lines);
            // A worker that missed the ack sends again, and hears that all is well.
            if !told.is_empty() {
                let data = Bytes::copy_from_slice(&told[told.len() / 2..]);
                let offset = (told.len() / 2) as u64;
                let appended = again.append(&key, offset, Stream::Out, Timestamp(0), data).await.unwrap();
                assert_eq!((appended.length, appended.expected), (told.len() as u64, None));
            }
        });
    }
}

#[tokio::test]
async fn a_silent_log_has_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let settled = settle_all(&store, &key(1), b"").await;
    assert_eq!(settled, Settled { bytes: 0, lines: 0, intact: true });
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    assert!(
        store.read_lines(&key(1), super::super::Start::Line(1), 10).await.unwrap().lines.is_empty()
    );
}

/// The end may be told before the last bytes have come.
#[tokio::test]
async fn settling_waits_for_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let key = key(1);
    let bytes = b"one\ntwo\n".as_slice();
    let waiting = tokio::spawn({
        let (store, key) = (store.clone(), key.clone());
        async move { settle_all(&store, &key, bytes).await }
    });
    append_all(&store, &key, bytes, 3).await;
    assert!(waiting.await.unwrap().intact);
    let mut watch = store.watch(&key).await.unwrap();
    assert!(watch.borrow_and_update().complete);
    let more = store.append(&key, 8, Stream::Out, Timestamp(0), Bytes::from_static(b"x")).await;
    assert!(matches!(more, Err(super::super::LogError::Complete { bytes: 8, .. })));
    let wrong = store.settle(&key, 8, Some([0; 32])).await.unwrap();
    assert!(wrong.intact, "the first settling counts");
}

/// What is over does not grow: whoever settles it with more than it has hears so, and is not left waiting.
#[tokio::test]
async fn settling_does_not_wait_for_what_never_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes = b"0123456789\n".repeat(10_000);
    let more = bytes.len() as u64 + 1;
    let answered = move |store: LogStore, key: LogKey| async move {
        let settled = tokio::time::timeout(Duration::from_secs(5), store.settle(&key, more, None));
        settled.await.expect("it is answered").unwrap()
    };
    // Settled shorter before; sealed since; removed since.
    append_all(&store, &key(1), &bytes, 65_536).await;
    assert!(settle_all(&store, &key(1), &bytes).await.intact);
    let settled = answered(store.clone(), key(1)).await;
    assert_eq!((settled.bytes, settled.intact), (bytes.len() as u64, false));
    store.seal(key(1).build, BTreeSet::new()).await.unwrap();
    let settled = answered(store.clone(), key(1)).await;
    assert_eq!((settled.bytes, settled.intact), (bytes.len() as u64, false));
    // The same while somebody waits.
    for log in [2, 3] {
        append_all(&store, &key(log), &bytes, 65_536).await;
        store.flush().await.unwrap();
        let waiting = tokio::spawn(answered(store.clone(), key(log)));
        while store.known(&key(log)).is_none_or(|entry| entry.lengths.receiver_count() == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if log == 2 {
            store.seal(key(log).build, BTreeSet::new()).await.unwrap();
        } else {
            store.remove(key(log).build).await.unwrap();
        }
        assert!(!waiting.await.unwrap().intact);
    }
}

/// The rest of the log of a step that was given up may still come with its worker: until then the log stays open.
#[tokio::test]
async fn what_is_awaited_is_sealed_when_it_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let bytes = b"0123456789\n".repeat(10_000);
    let (here, late) = bytes.split_at(100_000);
    append_all(&store, &key(1), here, 50_000).await;
    store.flush().await.unwrap();
    let awaited = BTreeSet::from([key(1).log]);
    store.seal(key(1).build, awaited.clone()).await.unwrap();
    let data = Bytes::copy_from_slice(late);
    store.append(&key(1), 100_000, Stream::Out, Timestamp(9_999_999), data).await.unwrap();
    assert!(settle_all(&store, &key(1), &bytes).await.intact);
    store.seal(key(1).build, awaited).await.unwrap();
    assert!(file_of(folder.path(), &key(1), ".log.zst").is_some());
    assert_eq!(stored(&store, &key(1)).await, bytes);
}

#[tokio::test]
async fn a_wrong_digest_is_told_and_the_bytes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    append_all(&store, &key(1), b"abc", 2).await;
    let settled = store.settle(&key(1), 3, Some([7; 32])).await.unwrap();
    assert_eq!((settled.bytes, settled.intact), (3, false));
    assert_eq!(stored(&store, &key(1)).await, b"abc");
}

/// A worker waits for its welcome until each log it holds was looked at: none is read for that.
#[tokio::test]
async fn how_much_is_durable_is_known_without_reading() {
    const LENGTH: u64 = 16 << 30;
    let folder = tempfile::tempdir().unwrap();
    let build = super::super::key::build_folder(folder.path(), key(1).build);
    std::fs::create_dir_all(&build).unwrap();
    let holes = std::fs::File::create(build.join("1-stdio.log")).unwrap();
    holes.set_len(LENGTH).unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let known = tokio::time::timeout(Duration::from_secs(2), store.durable_to(&key(1))).await;
    assert_eq!(known.expect("it is quick").unwrap(), LENGTH);
    assert_eq!(store.durable_to(&key(2)).await.unwrap(), 0, "one without a file");
}

/// Workers hear over their own connection what they may forget, and the newest value only.
#[tokio::test]
async fn acks_go_to_the_connection_that_sends() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let (pusher, mut acks) = store.pusher();
    for (log, bytes) in [(1, "one"), (2, "two two")] {
        let data = Bytes::from_static(bytes.as_bytes());
        pusher.append(&key(log), 0, Stream::Out, Timestamp(0), data).await.unwrap();
    }
    let mut heard = std::collections::BTreeMap::new();
    while heard.len() < 2 {
        heard.extend(acks.next().await.unwrap().into_iter().map(|ack| (ack.log, ack.durable_to)));
    }
    assert_eq!(heard, [(LogId(1), 3), (LogId(2), 7)].into());
    // Another connection sends the same again: it hears at once.
    let (second, mut second_acks) = store.pusher();
    let data = Bytes::from_static(b"one");
    second.append(&key(1), 0, Stream::Out, Timestamp(0), data).await.unwrap();
    let safe = Ack { log: LogId(1), durable_to: 3, expected: None };
    assert_eq!(second_acks.next().await, Some(vec![safe]));
    drop(second);
    assert_eq!(second_acks.next().await, None);
    drop(pusher);
    assert_eq!(acks.next().await, None);
}
