//! Actions on a real gRPC service: done once, pending until seen, refused in full sentences.

use super::{Driver, fake::Fake, world};
use crate::{command::Command, message::Message, model::Model, options::ExitReason};

async fn live(master: &Fake) -> Driver {
    let mut driver = Driver::start(master, 80, 24);
    driver.until("a live link", Model::is_live).await;
    driver
}

#[tokio::test]
async fn a_build_is_stopped_with_the_default_reason() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.press("right right x");
    assert!(driver.text().contains("stop linux-rel#914 ?"), "{}", driver.text());
    driver.press("s");
    driver.until_shown("linux-rel#914 was asked to stop").await;
    assert_eq!(master.state().deeds, ["stop linux-rel#914 (stopped from the console)"]);
    assert!(driver.model.deeds.pending.is_empty());
}

#[tokio::test]
async fn the_focus_is_on_cancel() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.press("right right x enter");
    assert!(driver.model.popups.is_empty() && driver.model.deeds.pending.is_empty());
    assert_eq!(master.state().deeds, Vec::<String>::new());
}

/// A key that is held down must not do what nobody has read.
#[tokio::test]
async fn no_key_that_opens_a_dialog_presses_its_button() {
    let master = Fake::start(world::NOW, world::farm());
    for keys in ["e r r r r", "4 x x x x", "5 P P P P", "right right x x x x"] {
        let mut driver = live(&master).await;
        driver.press(keys);
        assert_eq!(driver.model.popups.len(), 1, "{keys}");
        assert!(driver.model.deeds.pending.is_empty(), "{keys}");
    }
    let mut owner = live(&master).await;
    owner.model.options.owns_master = true;
    owner.press("q q q q");
    assert!(owner.left.is_empty());
    assert_eq!(master.state().deeds, Vec::<String>::new());
}

/// The letters choose the way, and the button says it.
#[tokio::test]
async fn the_workers_dialog_says_what_its_button_does() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.press("5 P d");
    assert!(driver.text().contains("[ Drain "), "{}", driver.text());
    assert!(driver.model.deeds.pending.is_empty());
    driver.press("y");
    assert_eq!(driver.model.deeds.pending.len(), 1);
}

/// Where nothing can be seen of what a key does, it does nothing.
#[tokio::test]
async fn keys_rest_in_a_window_that_is_too_small() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.model.options.owns_master = true;
    driver.take(Message::Resize(20, 5));
    driver.press("f ctrl-s q y e r y");
    assert!(driver.model.popups.is_empty() && driver.left.is_empty());
    assert!(driver.model.deeds.pending.is_empty());
}

#[tokio::test]
async fn an_action_whose_answer_was_lost_is_done_once() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    master.state().break_answers = 2;
    driver.press("e r y");
    driver.until_shown("unknown, asking").await;
    driver.until_shown("rebuild linux-dbg#377: done").await;
    assert_eq!(master.state().deeds, ["rebuild linux-dbg#377"], "console.md I20");
}

#[tokio::test]
async fn a_refusal_is_a_sentence_in_a_box() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    master.state().refuse = Some("linux-dbg#377 was rebuilt already".into());
    driver.press("e r y");
    driver.until_shown("linux-dbg#377 was rebuilt already").await;
    assert!(driver.text().contains("cannot rebuild linux-dbg#377"));
    driver.press("esc");
    assert!(driver.model.popups.is_empty());
}

#[tokio::test]
async fn a_build_is_forced_with_its_fields() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.press("3 f tab tab right tab space tab x ctrl-s");
    driver.until_shown("force linux-dbg: request 90001").await;
    assert_eq!(
        master.state().deeds,
        [r#"force linux-dbg {"clean": "true", "sdk": "14.3-beta"} (x)"#]
    );
}

#[tokio::test]
async fn actions_wait_while_the_link_is_broken() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    master.set_down(true);
    driver.until("the loss", |model| !model.is_live()).await;
    driver.press("e r");
    assert!(driver.model.popups.is_empty());
    assert!(driver.text().contains("actions wait until it is back"), "{}", driver.text());
}

#[tokio::test]
async fn leaving_asks_whether_the_master_goes_on() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = live(&master).await;
    driver.model.options.owns_master = true;
    driver.press("q down y");
    assert_eq!(driver.left.last(), Some(&Command::Exit(ExitReason::QuitLeaveRunning)));
    driver.press("q y");
    assert_eq!(driver.left.last(), Some(&Command::Exit(ExitReason::QuitStop)));
    driver.model.options.owns_master = false;
    driver.press("q");
    assert_eq!(driver.left.last(), Some(&Command::Exit(ExitReason::Quit)));
}
