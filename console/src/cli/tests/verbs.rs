//! The writing commands: what they print (C1), what they refuse, and that nothing is done twice.

use super::*;

#[tokio::test]
async fn change_send() {
    let fake = Fake::start();
    let send = |key: &'static str| {
        [
            "change",
            "send",
            "--author",
            "Ana <a@x>",
            "--branch",
            "main",
            "--property",
            "n=[1]",
            "--key",
            key,
        ]
    };
    let said = linn_at(&fake, &send("k")).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "1\n", ""));
    assert_eq!(linn_at(&fake, &send("k")).await.out, "1\n", "the same key gives the same id");
    assert_eq!(linn_at(&fake, &send("other")).await.out, "2\n");
    let change = &linn_at(&fake, &[&send("k")[..], &["--json"]].concat()).await.json()[0];
    assert_eq!((&change["id"], &change["branch"]), (&1.into(), &"main".into()));
    let world = fake.world();
    assert_eq!(world.changes[0].properties[0].json, "[1]");
    assert_eq!(world.changes[0].codebase, None);
}

#[tokio::test]
async fn change_send_repeats_only_what_has_a_key() {
    let fake = Fake::start();
    fake.world().unheard = 1;
    let said = linn_at(&fake, &["change", "send", "--author", "a", "--key", "k"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"));
    fake.world().unheard = 1;
    let said = linn_at(&fake, &["change", "send", "--author", "a"]).await;
    assert_eq!(said.code, 4, "{}", said.err);
    assert_eq!(fake.world().changes.len(), 2, "sent once");
}

#[tokio::test]
async fn force() {
    let fake = Fake::start();
    let said =
        linn_at(&fake, &["force", "linux", "mac", "--reason", "r", "--priority", "-3"]).await;
    assert_eq!((said.code, said.out.as_str()), (0, "request 17 linux\nrequest 18 mac\n"));
    let said = linn_at(&fake, &["force", "linux", "--json"]).await;
    assert_eq!(said.json()[0]["requests"], serde_json::json!([17, 18]));
    let said = linn_at(&fake, &["force", "nothing"]).await;
    assert_eq!((said.code, said.err.as_str()), (3, "error: there is no builder `nothing`\n"));
    assert!(fake.world().asked[0].1.contains("priority: Some(-3)"));
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_repeated_under_its_id() {
    for args in [
        &["force", "linux"][..],
        &["rebuild", "linux#42"],
        &["stop", "linux#42", "--reason", "r"],
        &["cancel", "17", "--reason", "r"],
        &["priority", "17", "3"],
        &["worker", "pause", "w1"],
        &["scheduler", "disable", "all"],
        &["pin", "linux#42", "--reason", "r"],
        &["unpin", "linux#42"],
    ] {
        let fake = Fake::start();
        fake.world().unheard = 2;
        let said = linn_at(&fake, args).await;
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        let world = fake.world();
        assert_eq!(world.asked.len(), 3, "{args:?}");
        assert!(world.asked.iter().all(|(id, _)| *id == world.asked[0].0), "{args:?}");
    }
}

#[tokio::test]
async fn rebuild_stop_cancel_priority() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["rebuild", "linux", "--latest"]).await;
    assert_eq!((said.code, said.lines().len()), (0, 2));
    let stop = ["stop", "linux#42", "--reason", "wrong"];
    assert_eq!(linn_at(&fake, &stop).await.out, "");
    let build = &linn_at(&fake, &[&stop[..], &["--json"]].concat()).await.json()[0];
    assert_eq!(build["builder"], "linux");
    let said = linn_at(&fake, &["stop", "linux#42", "--reason", "late"]).await;
    assert_eq!((said.code, said.err.as_str()), (3, "error: linux#42 is finished\n"));
    let request = &linn_at(&fake, &["cancel", "17", "--reason", "r", "--json"]).await.json()[0];
    assert_eq!(request["id"], 17);
    let request = &linn_at(&fake, &["priority", "request:17", "-5", "--json"]).await.json()[0];
    assert_eq!(request["id"], 17);
    assert_eq!(linn_at(&fake, &["cancel", "99", "--reason", "r"]).await.code, 3);
    let world = fake.world();
    let asked: Vec<&str> = world.asked.iter().map(|(_, what)| what.as_str()).collect();
    assert_eq!(asked[0], "rebuild linux#42 true", "the newest build is named by its number");
    assert!(asked.contains(&"priority 17 -5"));
}

#[tokio::test]
async fn workers_and_sources() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["worker", "pause", "w1", "--reason", "disk"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", "worker w1 is paused\n"));
    for verb in ["resume", "drain"] {
        let worker = &linn_at(&fake, &["worker", verb, "w1", "--json"]).await.json()[0];
        assert_eq!(worker["name"], "w1");
    }
    assert_eq!(linn_at(&fake, &["worker", "drain", "w9"]).await.code, 3);
    let said = linn_at(&fake, &["scheduler", "disable", "all"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, "scheduler all is disabled\n"));
    let scheduler = &linn_at(&fake, &["scheduler", "enable", "all", "--json"]).await.json()[0];
    assert_eq!(scheduler["name"], "all");
    assert_eq!(fake.world().asked.last().map(|(_, what)| what.as_str()), Some("enable all"));
    assert_eq!(linn_at(&fake, &["source", "poll", "up"]).await.code, 0);
    assert_eq!(linn_at(&fake, &["source", "poll", "up", "--json"]).await.json()[0]["name"], "up");
    assert_eq!(linn_at(&fake, &["source", "poll", "down"]).await.code, 3, "C40");
}

#[tokio::test]
async fn pin_and_unpin() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["pin", "linux#42", "--reason", "shipped"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", "pinned linux#42\n"));
    let said = linn_at(&fake, &["unpin", "linux#42", "--json"]).await;
    assert_eq!((said.code, &said.json()[0]["number"]), (0, &42.into()));
    let asked: Vec<_> = fake.world().asked.iter().map(|(_, what)| what.clone()).collect();
    assert_eq!(asked, ["pin linux#42 Some(\"shipped\")", "pin linux#42 None"]);
}

/// What would go is shown with its rule, and what stays with its reason; `--now` says that it went.
#[tokio::test]
async fn retention() {
    let fake = Fake::start();
    let said = linn_at(&fake, &["retention"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let wanted = [
        "WOULD GO  COUNT   BYTES  OLDEST              NEWEST                 BY",
        "logs      1 234  5.0 MB  1970-01-01 linux#1  1970-01-02 linux#1234  logs = 180d",
        "",
        "STAYS   COUNT  THOUGH OLD, FOR",
        "builds      2  pinned",
        "",
        "rules  logs = 180d",
        "next   1970-01-03 00:00:00",
    ];
    assert_eq!(said.lines(), wanted);
    assert!(linn_at(&fake, &["retention", "--now"]).await.out.starts_with("WENT"));
    let lines = linn_at(&fake, &["retention", "--json"]).await.json();
    let went = serde_json::json!({
        "goes": true, "done": false, "kind": "logs", "rule": "logs = 180d", "count": 1234, "bytes": 5_000_000,
        "oldest": "linux#1", "oldest_at": "1970-01-01T00:00:00.000Z",
        "newest": "linux#1234", "newest_at": "1970-01-02T00:00:00.000Z",
    });
    let stays = serde_json::json!({"goes": false, "kind": "builds", "why": "pinned", "count": 2});
    assert_eq!(lines, [went, stays]);
}
