//! From the waterfall to the failing line, and about in a log, on a real gRPC service.

use super::{Driver, fake::Fake, world};
use crate::model::Model;

const RED: &str = "linux-dbg#377/3/stdio";
const LIVE: &str = "linux-rel#914/3/stdio";

async fn live(master: &Fake) -> Driver {
    let mut driver = Driver::start(master, 80, 24);
    driver.until("a live link", Model::is_live).await;
    driver
}

#[tokio::test]
async fn two_keys_from_the_waterfall_to_the_failing_line() {
    let master = Fake::start(world::NOW, world::farm());
    master.append(RED, &world::log_text(), true);
    let mut driver = live(&master).await;
    driver.press("e l");
    driver.until_shown("701 │Eerror: thread 'lexer::unicode_3' panicked").await;
    driver.press("e");
    driver.until_shown("1100 │Eerror: test failed").await;
    driver.press("E");
    driver.until_shown("701 │Eerror: thread").await;
}

#[tokio::test]
async fn a_log_is_walked_by_line_time_and_match() {
    let master = Fake::start(world::NOW, world::farm());
    master.append(RED, &world::log_text(), true);
    let mut driver = live(&master).await;
    driver.press("e l");
    driver.until_shown("701 │E").await;
    driver.press(": 1 2 enter");
    driver.until_shown("  12 │ test case_0012").await;
    driver.press("/ c a s e _ 0 9 0 enter");
    driver.until_shown("match 1 of 10, searched on the master").await;
    driver.press("n");
    driver.until_shown("901 │*test case_0901").await;
    driver.press("esc g g");
    driver.until_shown("   1 │ test case_0001").await;
    driver.press("G");
    driver.until_shown("1200 │ test case_1200").await;
}

#[tokio::test]
async fn a_growing_log_is_followed_and_survives_a_cut() {
    let master = Fake::start(world::NOW, world::farm());
    master.append(LIVE, b"one\ntwo\n", false);
    let mut driver = live(&master).await;
    driver.press("right right l");
    driver.until_shown("FOLLOW").await;
    driver.until_shown("2 │ two").await;
    master.append(LIVE, b"three\n", false);
    driver.until_shown("3 │ three").await;
    master.set_down(true);
    driver.until("the loss", |model| !model.is_live()).await;
    master.append(LIVE, b"four\nfive\n", false);
    master.set_down(false);
    driver.until_shown("5 │ five").await;
    let shown = driver.text();
    assert!(
        ["1 │ one", "2 │ two", "3 │ three", "4 │ four"].iter().all(|line| shown.contains(line)),
        "{shown}"
    );
    driver.press("k");
    master.append(LIVE, b"six\n", true);
    driver
        .until("the end", |model| model.log.as_ref().is_some_and(|log| log.buffer.complete))
        .await;
}

#[tokio::test]
async fn a_log_is_saved_byte_for_byte_and_never_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let master = Fake::start(world::NOW, world::farm());
    let bytes = b"raw \xff bytes\r\nand more".repeat(500);
    master.append(RED, &bytes, true);
    let mut driver = live(&master).await;
    driver.press("e l");
    driver.until("the log", |model| model.log.as_ref().is_some_and(|log| log.buffer.known)).await;
    for expected in ["saved ", "exists already"] {
        driver.press("ctrl-s ctrl-u");
        driver.take(crate::message::Message::Paste(path.display().to_string()));
        driver.press("enter");
        driver.until_shown(expected).await;
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn the_build_screen_shows_its_error_and_properties() {
    let master = Fake::start(world::NOW, world::farm());
    master.append(RED, &world::log_text(), true);
    let mut driver = live(&master).await;
    driver.press("e enter");
    driver.until_shown("panicked at src/lexer.rs").await;
    driver.press("p");
    driver.until_shown("got_revision").await;
    driver.press("esc l");
    driver.until_shown("701 │E").await;
    driver.press("esc esc");
    assert!(driver.text().contains("1 Waterfall"), "{}", driver.text());
}

#[tokio::test]
async fn the_newest_notice_opens_with_one_key() {
    let master = Fake::start(world::NOW, world::farm());
    master.append(RED, &world::log_text(), true);
    let mut driver = live(&master).await;
    driver.press("5 !");
    driver.until_shown("701 │E").await;
}
