//! `linn log` in all its ways.

use super::*;

fn fake(log: &[u8]) -> Fake {
    let fake = Fake::start();
    let mut world = fake.world();
    world.log = log.to_vec();
    world.log_complete = true;
    drop(world);
    fake
}

fn numbered(lines: u64) -> Vec<u8> {
    (1..=lines).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}

#[tokio::test]
async fn a_whole_log_has_header_and_footer() {
    let fake = fake(b"one\ntwo\n");
    let said = linn_at(&fake, &["log", "linux/test"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "$ make test\nin /build\none\ntwo\nexit 0\n"));
}

#[tokio::test]
async fn windows() {
    let fake = fake(&numbered(10));
    for (args, lines) in [
        (&["--lines", "2:4"][..], 2..=4),
        (&["--lines", "9:"], 9..=10),
        (&["--lines", ":2"], 1..=2),
        (&["--lines", "9:99"], 9..=10),
        (&["--lines", "0:1"], 1..=1),
        (&["--tail", "3"], 8..=10),
        (&["--tail", "99"], 1..=10),
    ] {
        let said = linn_at(&fake, &[&["log", "linux#42/test"], args].concat()).await;
        let expected: String = lines.map(|number| format!("line {number}\n")).collect();
        assert_eq!((said.code, said.out), (0, expected), "{args:?}");
    }
    for args in [&["--lines", "4:2"][..], &["--lines", "11:"], &["--tail", "0"]] {
        let said = linn_at(&fake, &[&["log", "linux#42/test"], args].concat()).await;
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{args:?} (C17, LG-5)");
    }
}

#[tokio::test]
async fn a_log_longer_than_a_page() {
    let fake = fake(&numbered(9000));
    let said = linn_at(&fake, &["log", "linux#42/test", "--lines", "1:9000"]).await;
    assert_eq!(said.out.as_bytes(), numbered(9000));
}

#[tokio::test]
async fn numbers_times_and_json() {
    let fake = fake(b"a\nb\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--lines", "2", "-n"]).await;
    assert_eq!(said.out, "2:b\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--lines", "2", "--timestamps"]).await;
    assert_eq!(said.out, "2026-09-21T14:13:20.000Z b\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--json"]).await;
    let lines = said.json();
    assert_eq!(lines.len(), 2, "a header is no line");
    assert_eq!((&lines[1]["number"], &lines[1]["text"]), (&2.into(), &"b".into()));
}

#[tokio::test]
async fn hostile_lines_are_made_safe_and_raw_ones_are_not() {
    let hostile = b"\x1b]52;c;eA==\x07x\xff\x00\r\n\x1b[31mred\x1b[0m\nno end";
    let fake = fake(hostile);
    let said = linn_at(&fake, &["log", "linux#42/test"]).await;
    assert!(!said.out.contains(['\u{1b}', '\u{7}', '\0', '\r']), "{:?}", said.out);
    assert!(said.out.contains("\nred\n"));
    let (out, err) = (Heard::default(), Heard::default());
    let address = fake.address();
    let args = ["--server", address.as_str(), "log", "linux#42/test", "--raw"];
    let place = Place { folder: "/".into(), ..Default::default() };
    assert_eq!(linn_to(place, b"", &args, out.clone(), err).await, 0);
    assert_eq!(out.bytes(), hostile);
}

#[tokio::test]
async fn broken_links_leave_no_gap_and_no_repeat() {
    for args in [
        &["log", "linux#42/test", "--raw"][..],
        &["log", "linux#42/test", "--raw", "-f"],
        &["log", "linux#42/test", "-f", "--lines", "1:"],
        &["log", "linux#42/test", "--grep", "line"],
        &["log", "linux#42/test", "-f", "--grep", "line"],
    ] {
        let fake = fake(&numbered(20));
        {
            let mut world = fake.world();
            (world.breaks, world.breaks_after) = (3, 2);
        }
        let said = linn_at(&fake, args).await;
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        assert_eq!(said.out.as_bytes(), numbered(20), "{args:?}");
        assert_eq!(fake.world().breaks, 0, "{args:?}");
    }
}

#[tokio::test]
async fn following_ends_with_the_log() {
    let fake = fake(b"one\ntwo\nthree\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "-f"]).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "$ make test\nin /build\none\ntwo\nthree\nexit 0\n")
    );
    let said = linn_at(&fake, &["log", "linux#42/test", "-f", "--tail", "1"]).await;
    assert_eq!(said.out, "three\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "-f", "--lines", ":2"]).await;
    assert_eq!(said.out, "one\ntwo\n");
}

#[tokio::test]
async fn following_goes_on_while_the_log_is_not_complete() {
    let fake = fake(b"one\n");
    fake.world().log_complete = false;
    let following =
        async { linn_at(&fake, &["log", "linux#42/test", "-f", "--lines", "1:"]).await };
    let growing = async {
        // The first stream ends without the log's end; the second begins behind the first line.
        while fake.world().follows == 0 {
            tokio::task::yield_now().await;
        }
        let mut world = fake.world();
        world.log = b"one\ntwo\n".to_vec();
        world.log_complete = true;
    };
    let (said, ()) = tokio::join!(following, growing);
    assert_eq!((said.code, said.out.as_str()), (0, "one\ntwo\n"));
}

#[tokio::test]
async fn searching() {
    let fake = fake(&numbered(25_000));
    let said = linn_at(&fake, &["log", "linux#42/test", "--grep", "line"]).await;
    assert_eq!(said.lines().len(), 25_000, "more than one answer holds");
    let said = linn_at(&fake, &["log", "linux#42/test", "--grep", "[ ]7$", "-n"]).await;
    assert_eq!(said.out, "7:line 7\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--grep", "7$", "--lines", "5:20"]).await;
    assert_eq!(said.out, "line 7\nline 17\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--grep", "7$", "--tail", "10"]).await;
    assert_eq!(said.out, "line 24997\n");
    let said = linn_at(&fake, &["log", "linux#42/test", "--grep", "nothing"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, ""));
}

#[tokio::test]
async fn no_such_build() {
    let fake = fake(b"");
    assert_eq!(linn_at(&fake, &["log", "linux#7/test"]).await.code, 3);
    assert_eq!(linn_at(&fake, &["log", "mac/test"]).await.code, 3);
    let said = linn_at(&fake, &["log", "linux#42/test", "--lines", "1:"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, ""));
}
