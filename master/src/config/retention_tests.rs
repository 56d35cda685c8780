//! `retention` and `log_retention`: what is taken, and what is a mistake in which words (JN-2).

use linn_core::config::{HistoryKind, Limits};
use linn_core::id::BuilderName;

use super::tests::{good, lines};

/// How a builder's history of one kind is limited, in words.
fn limit(star: &str, builder: &str, what: HistoryKind) -> Option<String> {
    let limits = Limits::new(&good(star).config.retention);
    limits.of(&BuilderName::from(builder), what).map(|limit| limit.words(what))
}

#[test]
fn without_rules_all_is_kept() {
    let config = good("").config;
    assert!(config.retention.is_empty() && Limits::new(&config.retention).are_none());
}

/// The later call holds, `None` keeps for ever, and `master` has the least say, wherever it stands.
#[test]
fn the_later_call_holds() {
    let star = "retention(builds = \"365d\", builds_kept = 100, logs = \"90d\")\n\
        retention(builders = [\"release-*\"], builds = None, artifacts_kept = 9)\n\
        master(log_retention = \"5d\")\n";
    let words = |builder, what| limit(star, builder, what);
    assert_eq!(
        words("b", HistoryKind::Builds).as_deref(),
        Some("builds = 365d, builds_kept = 100")
    );
    assert_eq!(words("release-1", HistoryKind::Builds), None);
    assert_eq!(words("release-1", HistoryKind::Logs).as_deref(), Some("logs = 90d"));
    assert_eq!(words("release-1", HistoryKind::Artifacts).as_deref(), Some("artifacts_kept = 9"));
    assert_eq!(words("b", HistoryKind::Statistics), None);
    let star = "master(log_retention = \"5d\")\nretention(logs = None)\n";
    assert_eq!(limit(star, "b", HistoryKind::Logs), None);
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    let said = lines(
        "retention()\n\
         retention(builders = [\"b\"])\n\
         retention(builders = [], builds = \"1d\")\n\
         retention(builders = [\"b\"], changes = \"30d\")\n\
         retention(logs = 180)\n\
         retention(logs = \"0s\")\n\
         retention(builds_kept = 0)\n\
         master(log_retention = \"0s\")\n",
    );
    let nothing =
        "`retention` says nothing of what goes; write for example retention(logs = \"180d\")";
    let at_once = "nothing is older than it is: all of it would go at its end; \
        write for example \"30d\", or `None` to keep it for ever";
    assert_eq!(
        said,
        [
            format!("master.star:1:1: {nothing}"),
            format!("master.star:2:1: {nothing}"),
            "master.star:3:11: this names no builder; leave `builders` out to mean all of them".into(),
            "master.star:4:29: changes belong to no builder; write it in a call of `retention` without `builders`".into(),
            "master.star:5:11: `logs` of `retention` must be a duration in quotes, not the number 180; write \"180s\"".into(),
            format!("master.star:6:11: {at_once}"),
            "master.star:7:11: `builds_kept` of `retention` must be a whole number from 1 on, not the number 0".into(),
            format!("master.star:8:8: {at_once}"),
        ]
    );
}

/// A builder that is declared no more has history that a rule may speak of; a misspelt one is worth a word.
#[test]
fn a_builder_that_is_not_declared_is_noted() {
    let loaded = good("retention(builders = [\"gone\", \"old-*\"], builds = \"30d\")\n");
    let notes: Vec<_> = loaded.notes.iter().map(|note| note.message.as_str()).collect();
    let wanted = "`retention` names the builder `gone`, which is not declared: it speaks of what such a one left";
    assert_eq!(notes, [wanted]);
}
