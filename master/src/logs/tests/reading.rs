//! Windows, times, searches and marks against the plain way: all lines in a list.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{Found, Line, LogStore, MAX_TEXT, Pattern, Start};
use super::*;

/// A log of lines, some of them long, some with errors, with or without an end.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => "[a-z ]{0,60}".prop_map(String::into_bytes),
        1 => Just(b"error: it broke\r".to_vec()),
        1 => Just(b"src/x.c:3: warning: unused".to_vec()),
        1 => (0_usize..200_000).prop_map(|length| vec![b'q'; length]),
        1 => Just(vec![0, 0xff, 0xfe]),
    ];
    (proptest::collection::vec(line, 0..60), 1_usize..30, any::<bool>()).prop_map(
        |(lines, times, ended)| {
            let mut bytes = Vec::new();
            for nth in 0..times {
                for line in &lines {
                    if bytes.len() < 1_500_000 {
                        bytes.extend_from_slice(line);
                        bytes.extend_from_slice(if nth % 7 == 3 { b" needle\n" } else { b"\n" });
                    }
                }
            }
            if !ended {
                bytes.pop();
            }
            bytes
        },
    )
}

/// All lines, without time.
fn lines_of(bytes: &[u8]) -> Vec<Line> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').zip(1..);
    lines
        .map(|(line, number)| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            Line {
                number,
                at: None,
                text: line[..line.len().min(MAX_TEXT)].to_vec(),
                cut: line.len() > MAX_TEXT,
                err: false,
            }
        })
        .collect()
}

fn timeless(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| Line { at: None, ..line }).collect()
}

async fn found(
    store: &LogStore,
    key: &LogKey,
    pattern: Pattern,
    from: u64,
    back: bool,
    limit: u32,
) -> Vec<u64> {
    let mut hits = store.search(key, pattern, from, back, limit);
    let (mut numbers, mut done) = (Vec::new(), false);
    while let Some(hit) = hits.recv().await {
        let Found { line, searched_to, done: last } = hit.unwrap();
        assert!(!done, "nothing follows the last");
        if let Some(line) = line {
            assert_eq!(line.number, searched_to);
            numbers.push(line.number);
        }
        done = last;
    }
    assert!(done, "the last message says so");
    numbers
}

async fn compare(store: &LogStore, key: &LogKey, bytes: &[u8], dice: &[(i64, u16)]) {
    let all = lines_of(bytes);
    let lengths = store.lengths(key).await.unwrap();
    assert_eq!((lengths.bytes, lengths.lines), (bytes.len() as u64, all.len() as u64));
    for (from, count) in dice {
        let from = if all.is_empty() { *from } else { from % (all.len() as i64 + 3) };
        let count = usize::from(*count) % 40;
        let first = if from < 0 {
            all.len().saturating_sub(usize::try_from(-from).unwrap())
        } else {
            usize::try_from(from).unwrap().saturating_sub(1)
        };
        let expected: Vec<_> = all.iter().skip(first).take(count).cloned().collect();
        let window = store.read_lines(key, Start::Line(from), count).await.unwrap();
        let got = timeless(window.lines);
        assert!(
            got.len() == expected.len()
                || got.iter().map(|line| line.text.len()).sum::<usize>() > 1 << 20
        );
        assert!(got[..] == expected[..got.len()], "{from} {count}");
    }
    for (text, ignore_case) in [
        ("needle", false),
        ("BROKE", true),
        ("q.*q|^$", false),
        ("a\\s+b", false),
        ("[^x]broke$", false),
    ] {
        let pattern = Pattern::regex(text, ignore_case).unwrap();
        let hits: Vec<u64> = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .zip(1..)
            .filter(|(line, _)| pattern.is_in(line.strip_suffix(b"\n").unwrap_or(line)))
            .map(|(_, number)| number)
            .collect();
        assert_eq!(
            found(store, key, pattern.clone(), 0, false, 0).await,
            hits[..hits.len().min(10_000)],
            "{text}"
        );
        let backward: Vec<u64> = hits.iter().rev().copied().collect();
        assert_eq!(
            found(store, key, pattern.clone(), 0, true, 0).await,
            backward[..hits.len().min(10_000)],
            "{text}"
        );
        let middle = all.len() as u64 / 2 + 1;
        let ahead: Vec<u64> =
            hits.iter().copied().filter(|line| *line >= middle).take(70).collect();
        assert_eq!(found(store, key, pattern.clone(), middle, false, 70).await, ahead, "{text}");
        let before: Vec<u64> =
            backward.iter().copied().filter(|line| *line <= middle).take(70).collect();
        assert_eq!(found(store, key, pattern.clone(), middle, true, 70).await, before, "{text}");
        assert_eq!(store.count_matches(key, &pattern).await.unwrap(), hits.len() as u64);
    }
    let marks = store.marks(key).await.unwrap();
    let errors: Vec<u64> = all
        .iter()
        .filter(|line| line.text.starts_with(b"error:"))
        .map(|line| line.number)
        .collect();
    assert!(marks.errors.len() == errors.len() || errors.len() > 2_000);
    assert_eq!(marks.marked_to, all.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn readers_see_the_lines(
        bytes in text(),
        piece in 1_usize..300_000,
        dice in proptest::collection::vec((any::<i64>(), any::<u16>()), 12),
    ) {
        runtime().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = LogStore::open(folder.path()).unwrap();
            let key = key(1);
            // Live, with some of it still in memory; then settled; then sealed; then in another process.
            append_all(&store, &key, &bytes, piece.max(bytes.len() / 200)).await;
            compare(&store, &key, &bytes, &dice).await;
            settle_all(&store, &key, &bytes).await;
            let marks = store.marks(&key).await.unwrap();
            store.seal(key.build, BTreeSet::new()).await.unwrap();
            compare(&store, &key, &bytes, &dice).await;
            let again = LogStore::open(folder.path()).unwrap();
            compare(&again, &key, &bytes, &dice).await;
            assert_eq!(again.marks(&key).await.unwrap(), marks);
        });
    }
}

/// Times and streams of lines, live, after a crash, and sealed.
#[tokio::test]
async fn lines_know_when_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let key = key(1);
    let mut offset = 0;
    for nth in 0..40_000_i64 {
        let data = format!("line {nth}\n");
        let stream = if nth % 10 == 3 { Stream::Err } else { Stream::Out };
        let at = Timestamp(1_000_000 + nth * 50);
        store.append(&key, offset, stream, at, Bytes::from(data.clone())).await.unwrap();
        offset += data.len() as u64;
    }
    let check = async |store: &LogStore| {
        for first in [1, 4, 1_024, 39_990] {
            let window = store.read_lines(&key, Start::Line(first), 5).await.unwrap();
            for line in window.lines {
                let nth = i64::try_from(line.number).unwrap() - 1;
                assert_eq!(
                    (line.at, line.err),
                    (Some(Timestamp(1_000_000 + nth * 50)), nth % 10 == 3)
                );
            }
            let at = Timestamp(1_000_000 + (first - 1) * 50 - 20);
            let window = store.read_lines(&key, Start::At(at), 1).await.unwrap();
            assert_eq!(window.lines[0].number, u64::try_from(first).unwrap());
        }
        let late = store.read_lines(&key, Start::At(Timestamp(1 << 40)), 1).await.unwrap();
        assert!(late.lines.is_empty());
    };
    check(&store).await;
    store.flush().await.unwrap();
    let second = LogStore::open(folder.path()).unwrap();
    check(&second).await;
    second.settle(&key, offset, None).await.unwrap();
    second.seal(key.build, BTreeSet::new()).await.unwrap();
    check(&second).await;
    assert!(file_of(folder.path(), &key, ".spans").is_none());
}

/// A follower sees a line as soon as it is taken in, durable or not.
#[tokio::test]
async fn followers_hear_of_every_growth() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path()).unwrap();
    let mut watch = store.watch(&key(1)).await.unwrap();
    append_all(&store, &key(1), b"half", 4).await;
    watch.changed().await.unwrap();
    let lengths = *watch.borrow_and_update();
    assert_eq!((lengths.bytes, lengths.lines), (4, 1));
    let data = Bytes::from_static(b" a line\n");
    store.append(&key(1), 4, Stream::Out, Timestamp(5), data).await.unwrap();
    watch.changed().await.unwrap();
    let window = store.read_lines(&key(1), Start::Line(-1), 1).await.unwrap();
    assert_eq!(window.lines[0].text, b"half a line");
    settle_all(&store, &key(1), b"half a line\n").await;
    watch.wait_for(|lengths| lengths.complete).await.unwrap();
}
