//! `linn stats`: what the steps of a builder's builds counted, over time (C33).

use std::collections::BTreeMap;

use clap::Args;
use linn_proto::console::{Statistic, StatisticsRequest};
use serde_json::json;

use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode, json as shape};

pub(crate) const EXAMPLE: &str = "Example:\n  linn stats linux --name tests-failed\n  \
    linn stats linux --json | jq -r 'select(.name == \"warnings\") | [.build, .value] | @tsv'";

/// How many values a trend shows.
const TREND: usize = 24;

/// `linn stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// Of which builder
    #[arg(value_name = "BUILDER")]
    builder: String,
    /// Of this name only: warnings, tests-failed ...
    #[arg(long, value_name = "N", default_value = "", hide_default_value = true)]
    name: String,
    /// At most so many builds of each name
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    limit: u32,
}

pub(crate) async fn run(stats: &Stats, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let request = StatisticsRequest {
        builder: stats.builder.clone(),
        name: stats.name.clone(),
        limit: stats.limit,
        before: 0,
    };
    let values = session.statistics(request.clone()).await?;
    if values.is_empty() && !stats.name.is_empty() && !session.json {
        // Whoever mistyped a name wants the names that there are.
        let all = session.statistics(StatisticsRequest { name: String::new(), ..request }).await?;
        let names: Vec<&str> = by_name(&all).into_keys().collect();
        let what = format!("no statistics of the name {}", stats.name);
        session.io.tell(&match names.as_slice() {
            [] => format!("{what}, nor of any other"),
            names => format!("{what}; there are {}", names.join(", ")),
        });
        return Ok(ExitCode::DONE);
    }
    if session.json {
        for it in &values {
            session.io.json(&json!({
                "build": format!("{}#{}", stats.builder, it.number),
                "name": it.name,
                "value": shape::number(it.value),
            }))?;
        }
        return Ok(ExitCode::DONE);
    }
    let mut table =
        Table::new(&["NAME", ">LAST", "BUILD", ">BEFORE", ">MIN", ">MAX", ">BUILDS", "TREND"]);
    for (name, values) in by_name(&values) {
        let Some(last) = values.first() else { continue };
        let number = |value: f64| Cell::from(shown(value));
        let all = || values.iter().map(|it| it.value);
        table.row([
            Cell::new(name, Tone::Strong),
            number(last.value),
            Cell::new(&format!("#{}", last.number), Tone::Dim),
            values.get(1).map(|it| shown(it.value)).unwrap_or_default().into(),
            number(all().fold(f64::INFINITY, f64::min)),
            number(all().fold(f64::NEG_INFINITY, f64::max)),
            values.len().to_string().into(),
            trend(&values, session.io.rich).into(),
        ]);
    }
    table.print(session.io, "statistics")?;
    Ok(ExitCode::DONE)
}

/// Newest first, as they came.
fn by_name(values: &[Statistic]) -> BTreeMap<&str, Vec<&Statistic>> {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for value in values {
        names.entry(value.name.as_str()).or_default().push(value);
    }
    names
}

/// A number without what nobody reads: three digits behind the point at most.
fn shown(value: f64) -> String {
    let text = format!("{value:.3}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The newest values from the oldest of them to the last, low to high.
fn trend(values: &[&Statistic], rich: bool) -> String {
    let glyphs: [char; 8] = if rich {
        ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        ['_', '.', ',', '-', '=', '+', '*', '#']
    };
    let newest: Vec<f64> = values.iter().take(TREND).map(|it| it.value).collect();
    let low = newest.iter().copied().fold(f64::INFINITY, f64::min);
    let high = newest.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let glyph = |value: &f64| {
        if high <= low {
            return glyphs[0];
        }
        let share = (value - low) / (high - low) * 7.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 7; a share of what is not finite becomes 0"
        )]
        glyphs[(share.round() as usize).min(7)]
    };
    newest.iter().rev().map(glyph).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (12.0, "12"),
            (0.5, "0.5"),
            (1.0 / 3.0, "0.333"),
            (-0.0, "0"),
            (1e6, "1000000"),
            (-2.25, "-2.25"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn a_trend_goes_from_old_to_new() {
        let values: Vec<Statistic> = (0..40)
            .rev()
            .map(|number| Statistic { number, name: "n".into(), value: f64::from(number) })
            .collect();
        let all: Vec<&Statistic> = values.iter().collect();
        let drawn = trend(&all, true);
        assert_eq!(drawn.chars().count(), TREND);
        assert!(drawn.starts_with('▁') && drawn.ends_with('█'), "{drawn}");
        assert_eq!(trend(&all[..8], false), "_.,-=+*#");
        let flat = Statistic { number: 1, name: "n".into(), value: 5.0 };
        assert_eq!(trend(&[&flat, &flat], true), "▁▁");
    }
}
