//! What is written reads back, and what was cut short is recognised.

use linn_proto::worker::{Exit, Shell};

use super::*;

fn spool() -> (tempfile::TempDir, Spool) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    (dir, spool)
}

fn a_start(command: u64) -> Start {
    Start { command, builder: "b".into(), ..Start::default() }
}

fn states(spool: &Spool, boot: &str) -> Vec<(u64, FoundState)> {
    let found = spool.found(boot).unwrap();
    found.into_iter().map(|found| (found.start.command, found.state)).collect()
}

#[test]
fn a_command_is_made_once() {
    let (_dir, spool) = spool();
    spool.create(&a_start(1)).unwrap();
    assert_eq!(spool.create(&a_start(1)).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    spool.remove(CommandId(1));
    spool.create(&a_start(1)).unwrap();
}

#[test]
fn a_claim_has_one_winner() {
    let (_dir, spool) = spool();
    spool.create(&a_start(1)).unwrap();
    let folder = spool.folder(CommandId(1));
    let me = Identity::own().unwrap();
    assert!(claim(&folder, &me).unwrap());
    assert!(!claim(&folder, &me).unwrap());
    assert_eq!(claimant(&folder), Some(me));
}

#[test]
fn every_state_is_recognised() {
    let (_dir, spool) = spool();
    let me = Identity::own().unwrap();
    for id in 1..=6 {
        spool.create(&a_start(id)).unwrap();
    }
    let folder = |id| spool.folder(CommandId(id));
    claim(&folder(2), &me).unwrap();
    claim(&folder(3), &Identity { start: me.start + 1, ..me.clone() }).unwrap();
    claim(&folder(4), &Identity { boot: "other".into(), ..me.clone() }).unwrap();
    write_exit(
        &folder(5),
        &Finished { command: 5, exit: Some(Exit::default()), ..Finished::default() },
        true,
    )
    .unwrap();
    claim(&folder(5), &me).unwrap();
    std::fs::remove_file(folder(6).join("start")).unwrap();

    let states = states(&spool, &me.boot);
    assert!(
        matches!(
            &states[..],
            [
                (1, FoundState::Unclaimed),
                (2, FoundState::Running),
                (3, FoundState::Lost { this_boot: true }),
                (4, FoundState::Lost { this_boot: false }),
                (5, FoundState::Finished(_)),
            ]
        ),
        "{states:?}"
    );
    assert!(!folder(6).exists(), "a folder without a start is rubbish");
}

#[test]
fn a_start_that_was_cut_short_is_rubbish() {
    let (_dir, spool) = spool();
    let mut start = a_start(300);
    start.build = "linux#1".into();
    spool.create(&start).unwrap();
    let path = spool.folder(CommandId(300)).join("start");
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(states(&spool, "boot").is_empty(), "cut at {cut}");
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(states(&spool, "boot").len(), 1);
}

#[test]
fn after_a_reboot_a_result_needs_its_whole_log() {
    let (_dir, spool) = spool();
    let me = Identity::own().unwrap();
    spool.create(&a_start(1)).unwrap();
    let folder = spool.folder(CommandId(1));
    claim(&folder, &Identity { boot: "before".into(), ..me }).unwrap();
    std::fs::write(log_path(&folder, 0), b"hello").unwrap();
    let log = FinalLog {
        name: STDIO.into(),
        bytes: 5,
        dropped: 0,
        sha256: Sha256::digest(b"hello").to_vec(),
    };
    let finished = Finished { command: 1, logs: vec![log], ..Finished::default() };
    write_exit(&folder, &finished, false).unwrap();
    assert!(matches!(states(&spool, "now")[0].1, FoundState::Finished(_)));
    std::fs::write(log_path(&folder, 0), b"hell\0").unwrap();
    assert!(matches!(states(&spool, "now")[0].1, FoundState::Lost { this_boot: false }));
    std::fs::write(log_path(&folder, 0), b"hel").unwrap();
    assert!(matches!(states(&spool, "now")[0].1, FoundState::Lost { this_boot: false }));
}

#[test]
fn ranges_are_cut_where_stream_or_time_changes() {
    let (_dir, spool) = spool();
    spool.create(&a_start(1)).unwrap();
    let folder = spool.folder(CommandId(1));
    std::fs::write(log_path(&folder, 0), b"aaabbbccc").unwrap();
    let spans = [
        encode_span(0, 10, Stream::Out),
        encode_span(3, 20, Stream::Err),
        encode_span(6, 30, Stream::Out),
    ];
    std::fs::write(spans_path(&folder, 0), spans.concat()).unwrap();
    let read = |from, to| {
        let pieces = spool.read(CommandId(1), 0, from, to).unwrap();
        pieces
            .into_iter()
            .map(|piece| {
                (piece.offset, piece.stream, piece.at_ms, String::from_utf8(piece.data).unwrap())
            })
            .collect::<Vec<_>>()
    };
    let piece = |offset, stream, at, text: &str| (offset, stream, at, text.to_owned());
    assert_eq!(
        read(0, 9),
        [
            piece(0, Stream::Out, 10, "aaa"),
            piece(3, Stream::Err, 20, "bbb"),
            piece(6, Stream::Out, 30, "ccc")
        ]
    );
    assert_eq!(read(4, 7), [piece(4, Stream::Err, 20, "bb"), piece(6, Stream::Out, 30, "c")]);
    assert_eq!(read(3, 6), [piece(3, Stream::Err, 20, "bbb")]);
    // Torn and zeroed records, as a full disk or a power cut leaves them, are times that are not known.
    let torn = [&spans[0][..], &[0; SPAN_BYTES], &[0; 7], &spans[2]].concat();
    std::fs::write(spans_path(&folder, 0), torn).unwrap();
    for (from, to) in [(0, 9), (4, 7), (8, 9)] {
        let text: String = read(from, to).into_iter().map(|(.., text)| text).collect();
        assert_eq!(text, "aaabbbccc"[from as usize..to as usize]);
    }
    // The loss of the spans is cosmetic.
    std::fs::remove_file(spans_path(&folder, 0)).unwrap();
    assert_eq!(read(4, 7), [piece(4, Stream::Out, 0, "bbc")]);
    assert!(spool.read(CommandId(1), 0, 4, 10).is_err());
}

#[test]
fn log_names_have_fixed_places() {
    let mut start = a_start(1);
    assert_eq!(log_names(&start), [STDIO]);
    let logfiles = [("z".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())].into();
    start.what = Some(start::What::Shell(Shell { logfiles, ..Shell::default() }));
    assert_eq!(log_names(&start), [STDIO, "a", "z"]);
}
