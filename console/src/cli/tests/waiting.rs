//! `--wait` and `linn wait`: the exit code is the result's, and a master may die in between.

use linn_proto::common::Results;

use super::*;

#[tokio::test]
async fn exit_codes_by_result() {
    let fake = Fake::start();
    for (results, word, code) in [
        (Results::Success, "SUCCESS", 0),
        (Results::Warnings, "WARNINGS", 0),
        (Results::Failure, "FAILURE", 1),
        (Results::Skipped, "SKIPPED", 1),
        (Results::Exception, "EXCEPTION", 1),
        (Results::Retry, "RETRY", 1),
        (Results::Cancelled, "CANCELLED", 1),
    ] {
        fake.world().results = results;
        for (what, name) in [
            ("linux", "linux#42"),
            ("linux#42", "linux#42"),
            ("17", "request:17"),
            ("buildset:5", "buildset:5"),
        ] {
            let said = linn_at(&fake, &["wait", what]).await;
            assert_eq!((said.code, said.out), (code, format!("{name} {word}\n")), "{what}");
        }
        for args in [&["force", "linux", "--wait"][..], &["rebuild", "linux#42", "--wait"]] {
            let said = linn_at(&fake, args).await;
            assert_eq!(said.code, code, "{args:?}");
            assert_eq!(said.lines(), ["request 17 linux", "request 18 mac"]);
            let mut told = vec!["linux#43 begins on w2".to_owned()];
            if !matches!(results, Results::Success | Results::Skipped) {
                told.push(format!(
                    "linux#43/unit tests {word}: as it went; its log: linn log 'linux#43/unit tests'"
                ));
            }
            told.push(format!("linux#43 ended: {word}: as it went"));
            told.push(format!("buildset 5 ended: {word}"));
            assert_eq!(said.err.lines().collect::<Vec<_>>(), told, "{args:?}");
            let said = linn_at(&fake, &[args, &["--json"]].concat()).await;
            assert_eq!((said.code, said.json()[0]["results"].as_str()), (code, Some(word)));
        }
    }
}

#[tokio::test]
async fn nothing_to_wait_for() {
    let fake = Fake::start();
    assert_eq!(linn_at(&fake, &["wait", "99"]).await.code, 3);
    assert_eq!(linn_at(&fake, &["wait", "mac"]).await.code, 3);
}

#[tokio::test]
async fn waiting_outlives_the_master() {
    for args in [&["wait", "linux"][..], &["force", "linux", "--wait"]] {
        let mut fake = Fake::start();
        fake.set_finished(false);
        fake.world().results = Results::Failure;
        let address = fake.address();
        let args: Vec<&str> = [&["--server", &address], args].concat();
        let waiting = linn(&args);
        let dying = async {
            fake.somebody_waits().await;
            fake.die();
            fake.nobody_waits().await;
            fake.set_finished(true);
            fake.rise();
        };
        let (said, ()) = tokio::join!(waiting, dying);
        assert_eq!(said.code, 1, "{args:?}: {}", said.err);
        assert!(said.err.contains("lost the master") && said.err.contains("the master is back"));
    }
}
