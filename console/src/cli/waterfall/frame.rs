//! Draws the frame: time runs down into the past, a column a builder, a row a stretch of time.
//!
//! The first row of a build has its state, number and duration; the rows below name the step that ran then. Rows in which
//! nothing happened are folded. Pure: the time is an argument.

use std::fmt::Write as _;

use linn_proto::entity::{Build, Builder, Change, Step};

use crate::cli::builds::short;
use crate::cli::paint::{Tone, tone};
use crate::cli::table::fit;
use crate::glyph::{ASCII, Glyphs, State, UNICODE};
use crate::safe::text as shown;
use crate::screen::waterfall::grid::seen_ms;
use crate::time::{span, unit};
use crate::words::{person, subject};
use crate::zone::Zone;

/// Cells of a builder's column, and of the changes' column.
const COLUMN: usize = 11;
const CHANGES: usize = 26;
/// Cells of the time at the left edge.
const TIME: usize = 6;

/// How long a row may be: the shortest with which the frame fits is taken.
const ROWS_MS: [i64; 12] = [
    15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
    21_600_000, 86_400_000,
];

/// What is drawn.
pub(super) struct Picture<'a> {
    pub(super) now_ms: i64,
    pub(super) since_ms: i64,
    pub(super) zone: &'a Zone,
    pub(super) builders: &'a [Builder],
    pub(super) builds: &'a [Build],
    pub(super) changes: &'a [Change],
    pub(super) rich: bool,
    pub(super) width: Option<usize>,
    /// Rows of time, at most.
    pub(super) rows: usize,
}

/// A stretch of time, `from` included, `to` not.
#[derive(Clone, Copy)]
struct Row {
    from: i64,
    to: i64,
}

/// One cell of a builder's column, before it is padded.
struct Slot {
    text: String,
    tone: Tone,
}

impl Picture<'_> {
    /// The frame.
    pub(super) fn lines(&self) -> Vec<String> {
        let row_ms = self.row_ms();
        let builders = self.fitting();
        let mut lines = self.heading(row_ms, builders.len());
        let mut idle = 0;
        let mut whole = true;
        for row in self.rows(row_ms) {
            match self.row(row, builders, whole) {
                Some(line) => {
                    self.fold(&mut lines, &mut idle, row_ms);
                    lines.push(line);
                    whole = false;
                }
                None => {
                    idle += 1;
                    whole = true;
                }
            }
        }
        self.fold(&mut lines, &mut idle, row_ms);
        lines
    }

    fn row_ms(&self) -> i64 {
        let busy = self.busy();
        let rows = i64::try_from(self.rows.max(1)).unwrap_or(1);
        let fits = |row_ms: &i64| shown_rows(&busy, *row_ms) <= rows;
        ROWS_MS.into_iter().find(fits).unwrap_or(ROWS_MS[ROWS_MS.len() - 1])
    }

    /// The stretches in which something is to be seen, oldest first; they may overlap.
    fn busy(&self) -> Vec<(i64, i64)> {
        let builds = self.builds.iter().map(|build| (build.started_at_ms, self.end(build)));
        let changes = self.changes.iter().map(|change| (seen_ms(change), seen_ms(change)));
        let within = |(from, to): (i64, i64)| {
            (to >= self.since_ms).then_some((from.max(self.since_ms), to.min(self.now_ms)))
        };
        let mut busy: Vec<_> = builds.chain(changes).filter_map(within).collect();
        busy.sort_unstable();
        busy
    }

    /// Rows lie on round times, so that the same build stands in the same row of two frames.
    fn rows(&self, row_ms: i64) -> impl Iterator<Item = Row> {
        let newest = self.now_ms.div_euclid(row_ms) * row_ms;
        let since = self.since_ms;
        (0..)
            .map(move |back| newest - back * row_ms)
            .take_while(move |from| from + row_ms > since)
            .map(move |from| Row { from, to: from + row_ms })
    }

    /// The builders that fit beside each other.
    fn fitting(&self) -> &[Builder] {
        let room = self.width.map_or(usize::MAX, |width| {
            (width.saturating_sub(TIME + CHANGES) / (COLUMN + 1)).max(1)
        });
        &self.builders[..self.builders.len().min(room)]
    }

    fn heading(&self, row_ms: i64, fitting: usize) -> Vec<String> {
        let all = self.builders.len();
        let count = if fitting < all { format!("{fitting} of {all}") } else { all.to_string() };
        let builders = if all == 1 { "builder" } else { "builders" };
        let summary = format!(
            "{} {}  {count} {builders}  {} a row",
            self.zone.day(self.now_ms),
            self.zone.second(self.now_ms),
            unit(row_ms)
        );
        let mut heads = format!("{:TIME$}{:CHANGES$}", "", "change");
        for builder in &self.builders[..fitting] {
            heads.push_str(&fit(&shown(&builder.name), COLUMN));
            heads.push(' ');
        }
        vec![self.paint(Tone::Dim, &summary), self.paint(Tone::Strong, heads.trim_end())]
    }

    /// One row; none when there is nothing to see in it. `whole`: it stands alone, so its time is written out.
    fn row(&self, row: Row, builders: &[Builder], whole: bool) -> Option<String> {
        let slots: Vec<Option<Slot>> =
            builders.iter().map(|builder| self.slot(builder, row)).collect();
        let change = self.change(row);
        if change.is_none() && slots.iter().all(Option::is_none) {
            return None;
        }
        let mut line =
            self.paint(Tone::Dim, &fit(&self.zone.row(row.from, row.to - row.from, whole), TIME));
        line.push_str(&fit(&change.unwrap_or_default(), CHANGES - 1));
        line.push(' ');
        for slot in slots {
            match slot {
                Some(slot) => line.push_str(&self.paint(slot.tone, &fit(&slot.text, COLUMN))),
                None => line.push_str(&fit("", COLUMN)),
            }
            line.push(' ');
        }
        Some(line.trim_end().to_owned())
    }

    /// The newest change of a row; `+2` says that two more came in the same stretch.
    fn change(&self, row: Row) -> Option<String> {
        let mut of_row = self.changes.iter().filter(|change| within(seen_ms(change), row));
        let newest = of_row.next()?;
        let more = of_row.count();
        let revision = short(newest.revision.as_deref().unwrap_or_default());
        let revision: String = revision.chars().take(7).collect();
        let more = if more > 0 { format!("+{more} ") } else { String::new() };
        let text = format!("{more}{revision} {} {}", person(&newest.author), subject(newest));
        Some(shown(&text).into_owned())
    }

    fn slot(&self, builder: &Builder, row: Row) -> Option<Slot> {
        let mut of_row = self.builds.iter().filter(|build| {
            build.builder == builder.name
                && build.started_at_ms < row.to
                && self.end(build) >= row.from
        });
        let newest = of_row.next()?;
        let glyphs = self.glyphs();
        let state = State::of_build(newest);
        let end = self.end(newest);
        // Its first row, seen from above, is the one in which it ended, or now.
        if within(end, row) || (newest.complete_at_ms.is_none() && row.to > self.now_ms) {
            // Others began or ended in the same stretch: how many, and the worst of them when that is bad news.
            let others: Vec<&Build> = of_row.collect();
            let more = others.len();
            let mut text = format!(
                "{}{} {}",
                glyphs.state(state),
                newest.number,
                span(end - newest.started_at_ms)
            );
            if more > 0 {
                let _ = write!(text, " +{more}");
            }
            let red = others.iter().find(|build| State::of_build(build).is_red());
            let Some(red) = red.filter(|_| !state.is_red()) else {
                return Some(Slot { text, tone: tone(newest.results()) });
            };
            text.push_str(glyphs.state(State::of_build(red)));
            return Some(Slot { text, tone: tone(red.results()) });
        }
        let step = step_at(newest, row, self.now_ms).map_or("", |step| step.name.as_str());
        let text = format!("{}{}", glyphs.bar(state), shown(step));
        Some(Slot { text, tone: tone(newest.results()) })
    }

    fn end(&self, build: &Build) -> i64 {
        build.complete_at_ms.unwrap_or(self.now_ms)
    }

    fn fold(&self, lines: &mut Vec<String>, idle: &mut i64, row_ms: i64) {
        if *idle > 0 {
            let fold = self.glyphs().fold;
            let text = format!("{fold} {} idle {fold}", span(*idle * row_ms));
            lines.push(self.paint(Tone::Dim, &format!("{:TIME$}{text}", "")));
            *idle = 0;
        }
    }

    fn glyphs(&self) -> &'static Glyphs {
        if self.rich { &UNICODE } else { &ASCII }
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        if self.rich { tone.paint(text) } else { text.to_owned() }
    }
}

/// How many lines stretches take, each fold one more.
fn shown_rows(busy: &[(i64, i64)], row_ms: i64) -> i64 {
    let (mut lines, mut last) = (0, i64::MIN);
    for (from, to) in busy {
        let (from, to) = (from.div_euclid(row_ms), to.div_euclid(row_ms));
        let first = from.max(last.saturating_add(1));
        if from > last.saturating_add(1) {
            lines += 1;
        }
        lines += (to - first + 1).max(0);
        last = last.max(to);
    }
    lines
}

fn within(at: i64, row: Row) -> bool {
    (row.from..row.to).contains(&at)
}

/// The step that ran at the end of the row.
fn step_at(build: &Build, row: Row, now_ms: i64) -> Option<&Step> {
    build.steps.iter().rev().find(|step| {
        !step.hidden
            && step.started_at_ms.is_some_and(|from| from < row.to)
            && step.complete_at_ms.unwrap_or(now_ms) >= row.from
    })
}

#[cfg(test)]
mod tests {
    use linn_proto::common::Results;
    use linn_proto::entity::BuildState;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn step(name: &str, from: i64, to: Option<i64>) -> Step {
        Step {
            name: name.into(),
            started_at_ms: Some(from * MINUTE),
            complete_at_ms: to.map(|to| to * MINUTE),
            ..Default::default()
        }
    }

    #[test]
    fn a_frame() {
        let builders: Vec<Builder> = ["linux", "mac\u{1b}"]
            .map(|name| Builder { name: name.into(), ..Default::default() })
            .into();
        let builds = [
            Build {
                builder: "linux".into(),
                number: 8,
                state: BuildState::Running.into(),
                started_at_ms: 57 * MINUTE,
                steps: vec![step("git", 57, Some(58)), step("test", 58, None)],
                ..Default::default()
            },
            Build {
                builder: "linux".into(),
                number: 7,
                state: BuildState::Finished.into(),
                results: Results::Failure.into(),
                started_at_ms: 43 * MINUTE,
                complete_at_ms: Some(46 * MINUTE),
                steps: vec![step("git", 43, Some(44)), step("test", 44, Some(46))],
                ..Default::default()
            },
        ];
        let changes = [Change {
            author: "Ana <ana@example.org>".into(),
            comments: "lexer: reuse\nmore".into(),
            revision: Some("9f2c1d7".into()),
            when_ms: 42 * MINUTE,
            ..Default::default()
        }];
        let picture = Picture {
            now_ms: 60 * MINUTE,
            since_ms: 40 * MINUTE,
            zone: &Zone::utc(),
            builders: &builders,
            builds: &builds,
            changes: &changes,
            rich: false,
            width: None,
            rows: 12,
        };
        let expected = "\
01-01 01:00:00  2 builders  1m a row
      change                    linux       mac␛
01:00                           >8 3:00
00:59                           !test
00:58                           !test
00:57                           !git
      ... 10:00 idle ...
00:46                           X7 3:00
00:45                           #test
00:44                           #test
00:43                           #git
00:42 9f2c1d7 ana lexer: reuse
      ... 2:00 idle ...";
        let lines = picture.lines();
        assert_eq!(lines.join("\n"), expected);
        assert!(!lines.concat().contains('\u{1b}'));
    }

    #[test]
    fn rows_are_as_short_as_fits_and_no_red_is_hidden() {
        let builders = [Builder { name: "linux".into(), ..Default::default() }];
        let build = |number: u32, from: i64, results: Results| Build {
            builder: "linux".into(),
            number,
            state: BuildState::Finished.into(),
            results: results.into(),
            started_at_ms: from,
            complete_at_ms: Some(from + 5_000),
            ..Default::default()
        };
        let day = 24 * 60 * MINUTE;
        let builds = [
            build(3, day - 10_000, Results::Success),
            build(2, day - 60_000, Results::Failure),
            build(1, day - 70_000, Results::Success),
        ];
        let changes = [Change {
            revision: Some("9f2c1d7".into()),
            when_ms: 42,
            received_at_ms: day - 80_000,
            ..Default::default()
        }];
        let picture = |rows| {
            let picture = Picture {
                now_ms: day,
                since_ms: 0,
                zone: &Zone::utc(),
                builders: &builders,
                builds: &builds,
                changes: &changes,
                rich: false,
                width: None,
                rows,
            };
            picture.lines().join("\n")
        };
        let long = picture(20);
        assert!(long.contains("15s a row") && long.contains("X2 0:05"), "{long}");
        assert!(long.contains("9f2c1d7"), "it came in though it was made long ago: {long}");
        let short = picture(2);
        assert!(short.contains(".3 0:05 +2X") || short.contains(".3 0:05 +1X"), "{short}");
    }

    #[test]
    fn a_narrow_terminal_shows_fewer_builders() {
        let builders: Vec<Builder> = (0..9)
            .map(|number| Builder { name: format!("b{number}"), ..Default::default() })
            .collect();
        let picture = Picture {
            now_ms: 60 * MINUTE,
            since_ms: 0,
            zone: &Zone::utc(),
            builders: &builders,
            builds: &[],
            changes: &[],
            rich: false,
            width: Some(80),
            rows: 20,
        };
        let lines = picture.lines();
        assert!(lines[0].contains("4 of 9 builders"), "{}", lines[0]);
        assert!(lines.iter().all(|line| line.len() <= 80));
    }
}
