//! Slots by hand, the changes of the clock, and a law: later each time, and no matching minute is left out.

use proptest::prelude::*;

use super::*;

fn moment(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().expect("a moment");
    Timestamp(at.as_millisecond())
}

fn zone(name: &str) -> Zone {
    Zone::named(name).expect("a zone")
}

fn cron(text: &str) -> Cron {
    Cron::parse(text, DayMatch::Any).expect(text)
}

/// The next slots, in local time.
fn slots(cron: &Cron, from: &str, name: &str, count: usize) -> Vec<String> {
    let zone = zone(name);
    let mut at = moment(from);
    let mut found = Vec::new();
    for _ in 0..count {
        at = cron.next_after(at, &zone).expect("a slot");
        let local = jiff::Timestamp::from_millisecond(at.0).expect("in range");
        found.push(local.to_zoned(zone.tz().clone()).strftime("%a %F %R %z").to_string());
    }
    found
}

/// PN-2, PN-3.
#[test]
fn fields() {
    for (text, from, wanted) in [
        ("0 3 * * *", "2026-01-01T03:00:00Z", ["Fri 2026-01-02 03:00", "Sat 2026-01-03 03:00"]),
        ("*/20 * * * *", "2026-01-01T00:25:00Z", ["Thu 2026-01-01 00:40", "Thu 2026-01-01 01:00"]),
        (
            "5-7 9,17 * * *",
            "2026-01-01T09:06:30Z",
            ["Thu 2026-01-01 09:07", "Thu 2026-01-01 17:05"],
        ),
        (
            "0-30/15 0 * * *",
            "2026-01-01T00:00:00Z",
            ["Thu 2026-01-01 00:15", "Thu 2026-01-01 00:30"],
        ),
        ("0 0 L * *", "2026-01-31T00:00:00Z", ["Sat 2026-02-28 00:00", "Tue 2026-03-31 00:00"]),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]),
        ("0 0 29 feb *", "2096-03-01T00:00:00Z", ["Fri 2104-02-29 00:00", "Wed 2108-02-29 00:00"]),
        (
            "0 0 1 jan,JULY *",
            "2026-01-01T00:00:00Z",
            ["Wed 2026-07-01 00:00", "Fri 2027-01-01 00:00"],
        ),
        ("0 0 * * mon", "2026-01-01T00:00:00Z", ["Mon 2026-01-05 00:00", "Mon 2026-01-12 00:00"]),
        ("0 0 * * 1,7", "2026-01-01T00:00:00Z", ["Sun 2026-01-04 00:00", "Mon 2026-01-05 00:00"]),
        (
            "0 0 * * sat-sun",
            "2026-01-01T00:00:00Z",
            ["Sat 2026-01-03 00:00", "Sun 2026-01-04 00:00"],
        ),
        ("0 0 * * fri#2", "2026-01-01T00:00:00Z", ["Fri 2026-01-09 00:00", "Fri 2026-02-13 00:00"]),
        ("0 0 * * 5#5", "2026-01-01T00:00:00Z", ["Fri 2026-01-30 00:00", "Fri 2026-05-29 00:00"]),
        ("0 0 * * L5", "2026-01-01T00:00:00Z", ["Fri 2026-01-30 00:00", "Fri 2026-02-27 00:00"]),
        ("0 0 * * Lsun", "2026-01-01T00:00:00Z", ["Sun 2026-01-25 00:00", "Sun 2026-02-22 00:00"]),
        (
            "59 23 31 12 *",
            "2026-12-31T23:59:59.999Z",
            ["Fri 2027-12-31 23:59", "Sun 2028-12-31 23:59"],
        ),
    ] {
        let wanted = wanted.map(|slot| format!("{slot} +0000"));
        assert_eq!(slots(&cron(text), from, "UTC", 2), wanted, "{text}");
    }
}

/// PN-5, F10: either day, or both on demand; a field that leaves no day out does not count.
#[test]
fn day_of_month_and_of_week() {
    let from = "2026-01-01T00:00:00Z";
    let days = |text, day_match, count| {
        slots(&Cron::parse(text, day_match).expect(text), from, "UTC", count)
            .iter()
            .map(|slot| slot[..14].to_owned())
            .collect::<Vec<_>>()
    };
    let any = ["Mon 2026-01-05", "Thu 2026-01-08", "Mon 2026-01-12", "Tue 2026-01-13"];
    assert_eq!(days("0 0 13 * mon,thu", DayMatch::Any, 4), any);
    assert_eq!(days("0 0 13 * fri", DayMatch::All, 2), ["Fri 2026-02-13", "Fri 2026-03-13"]);
    for day_match in [DayMatch::Any, DayMatch::All] {
        assert_eq!(days("0 0 1-31 * fri", day_match, 2), ["Fri 2026-01-02", "Fri 2026-01-09"]);
        assert_eq!(days("0 0 13 * 1-7", day_match, 2), ["Tue 2026-01-13", "Fri 2026-02-13"]);
    }
}

/// PN-6, F10: a gap is made up for at its end, an overlap counts once.
#[test]
fn changes_of_the_clock() {
    let berlin = |text, from, count| slots(&cron(text), from, "Europe/Berlin", count);
    assert_eq!(
        berlin("30 2 * * *", "2026-03-28T12:00:00Z", 2),
        ["Sun 2026-03-29 03:00 +0200", "Mon 2026-03-30 02:30 +0200"]
    );
    assert_eq!(
        berlin("*/30 1-3 * * *", "2026-03-29T00:00:00Z", 4),
        [
            "Sun 2026-03-29 01:30 +0100",
            "Sun 2026-03-29 03:00 +0200",
            "Sun 2026-03-29 03:30 +0200",
            "Mon 2026-03-30 01:00 +0200",
        ]
    );
    assert_eq!(
        berlin("30 2 * * *", "2026-10-24T12:00:00Z", 2),
        ["Sun 2026-10-25 02:30 +0200", "Mon 2026-10-26 02:30 +0100"]
    );
    // Asked in the second passing of the hour.
    assert_eq!(berlin("45 2 * * *", "2026-10-25T01:10:00Z", 1), ["Mon 2026-10-26 02:45 +0100"]);
    let york = |text, from, count| slots(&cron(text), from, "America/New_York", count);
    assert_eq!(
        york("0,30 2 * * *", "2026-03-08T00:00:00Z", 2),
        ["Sun 2026-03-08 03:00 -0400", "Mon 2026-03-09 02:00 -0400"]
    );
    assert_eq!(
        york("0 1 * * *", "2026-11-01T00:00:00Z", 2),
        ["Sun 2026-11-01 01:00 -0400", "Mon 2026-11-02 01:00 -0500"]
    );
    // Half an hour, and a whole day.
    assert_eq!(
        slots(&cron("10 2 * * *"), "2026-10-03T00:00:00Z", "Australia/Lord_Howe", 1),
        ["Sun 2026-10-04 02:30 +1100"]
    );
    assert_eq!(
        slots(&cron("0 3 * * *"), "2011-12-29T14:00:00Z", "Pacific/Apia", 2),
        ["Sat 2011-12-31 00:00 +1400", "Sat 2011-12-31 03:00 +1400"]
    );
}

/// F10, F11, PN-4: every mistake says where and what to write.
#[test]
fn mistakes() {
    let all = [
        ("", "five fields, not none", "\"0 3 * * *\""),
        ("0 3 * *", "has 4 fields", "03:00"),
        ("@daily", "has one field", "03:00"),
        ("60 * * * *", "`60` in the minute is not from 0 to 59", ""),
        ("* 24 * * *", "`24` in the hour", ""),
        ("0 0 0 * *", "`0` in the day of the month", ""),
        ("0 0 1 13 *", "`13` in the month", ""),
        ("0 0 1 jum *", "`jum` in the month is not understood", "jan feb"),
        ("0 0 * * 0", "`0` in the day of the week is not from 1 to 7", "write `sun`"),
        ("0 0 * * 0-5", "`0` in the day of the week", "write `sun`"),
        ("0 0 * * L0", "`0` in the day of the week", "write `sun`"),
        ("0 0 * * 8", "`8` in the day of the week", ""),
        ("0 0 * * fri#6", "after `#` stands 1 to 5", "second Friday"),
        ("0 0 * * L", "does not say which day", "`Lfri`"),
        ("0 0 * * 5L", "`5L` in the day of the week", "`L5`"),
        ("0 22-2 * * *", "`22-2` in the hour goes backwards", "`22-23,0-2`"),
        ("0 0 * * sat-mon", "goes backwards", "`sat-7,1-mon`"),
        ("*/0 * * * *", "needs a step from 1 to 60", ""),
        ("*/61 * * * *", "needs a step", ""),
        ("5/10 * * * *", "has a step but no range", "`5-59/10`"),
        ("1,,2 * * * *", "`` in the minute is not understood", ""),
        ("+1 * * * *", "`+1` in the minute is not understood", ""),
        ("-1 * * * *", "`` in the minute", ""),
        ("1-2-3 * * * *", "`2-3` in the minute", ""),
        ("0 0 31 2 *", "never comes", "`L`"),
        ("0 0 30 feb *", "never comes", ""),
        ("0 0 31 4,6,9,11 *", "never comes", ""),
        ("0 0 * feb mon#6", "after `#`", ""),
    ];
    for (text, what, hint) in all {
        let error = Cron::parse(text, DayMatch::Any).expect_err(text);
        assert!(error.what.contains(what), "{text}: {}", error.what);
        assert!(error.hint.contains(hint), "{text}: {}", error.hint);
    }
    assert!(Cron::parse("0 0 1-7 * fri#2", DayMatch::All).is_err(), "the second Friday is later");
    assert!(Cron::parse("0 0 29 2 mon#5", DayMatch::All).is_ok(), "once in 28 years");
    let long = "1,".repeat(600) + "1 * * * *";
    assert!(Cron::parse(&long, DayMatch::Any).is_err());
    assert_eq!(Zone::named("Europe/Berlim"), None);
    assert_eq!(zone("europe/berlin").to_string(), "Europe/Berlin");
    assert!(zone_names().contains(&"America/New_York".to_owned()));
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (least..=most).prop_map(|value| value.to_string()),
        1 => (1..=most - least + 1).prop_map(|step| format!("*/{step}")),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    let weekday = prop_oneof![
        3 => field(1, 7),
        1 => (1..=7, 1..=5).prop_map(|(day, nth)| format!("{day}#{nth}")),
        1 => (1..=7).prop_map(|day| format!("L{day}")),
    ];
    let day = prop_oneof![3 => field(1, 31), 1 => Just("L".to_owned())];
    (field(0, 59), field(0, 23), day, field(1, 12), weekday)
        .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

/// Minute by minute: does the clock show a matching time for the first time, or does it jump over one?
fn slow_next(cron: &Cron, after: Timestamp, zone: &Zone, minutes: i64) -> Option<Timestamp> {
    let local = |at: i64| {
        let at = jiff::Timestamp::from_millisecond(at).expect("in range");
        zone.tz().to_datetime(at)
    };
    let matches = |time: DateTime| cron.at_or_after(time) == Some(time);
    let start = after.0.div_euclid(60_000) * 60_000 + 60_000;
    // The latest time that the clock has shown in the day before.
    let mut seen = (1..=26 * 60).map(|ago| local(start - ago * 60_000)).max().expect("some");
    for nth in 0..minutes {
        let at = start + nth * 60_000;
        let shows = local(at);
        if shows <= seen {
            continue;
        }
        let mut passed = seen;
        seen = shows;
        while passed < shows {
            passed = passed.checked_add(jiff::Span::new().minutes(1)).expect("in range");
            if matches(passed) {
                return Some(Timestamp(at));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Strictly later each time, and never a matching minute left out, around both changes of the clock.
    #[test]
    fn nothing_is_skipped(
        text in texts(),
        all in any::<bool>(),
        zone_at in 0..4usize,
        near in prop_oneof![Just("2026-03-08T00:00:00Z"), Just("2026-03-28T20:00:00Z"),
            Just("2026-10-24T20:00:00Z"), Just("2026-11-01T00:00:00Z"), Just("2026-10-03T10:00:00Z")],
        offset in 0..2_000i64,
    ) {
        let day_match = if all { DayMatch::All } else { DayMatch::Any };
        let Ok(cron) = Cron::parse(&text, day_match) else { return Ok(()) };
        let names = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
        let zone = zone(names[zone_at]);
        let mut at = Timestamp(moment(near).0 + offset * 61_003);
        for _ in 0..3 {
            let slow = slow_next(&cron, at, &zone, 2 * 24 * 60);
            let quick = cron.next_after(at, &zone);
            if let Some(slow) = slow {
                prop_assert_eq!(quick, Some(slow), "{} in {} after {}", &text, &zone, at);
            } else {
                let end = Timestamp(at.0 + 2 * 24 * 3_600_000);
                prop_assert!(quick.is_none_or(|quick| quick > end));
            }
            let Some(next) = quick else { break };
            prop_assert!(next > at);
            at = next;
        }
    }

    /// Nothing that people may write makes it fall.
    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9*/,#Lla-z \u{80}]{0,24}") {
        let _ = Cron::parse(&text, DayMatch::Any);
    }
}
