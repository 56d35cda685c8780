//! Going to a place in a log by what is typed after `:`: a line, a time of day, a time ago, a share.

use crate::{
    command::Command,
    logs::Purpose,
    model::{Model, Out},
    zone::Zone,
};

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Line(u64),
    /// Per cent of the lines.
    Share(u64),
    /// The first line printed at or after this time.
    Time(i64),
}

/// Reads `1234`, `50%`, `14:31:50`, `14:31`, `-5m`, `-90s`, `-2h`. `None`: it is none of these.
pub(crate) fn read(text: &str, now_ms: i64, zone: &Zone) -> Option<Target> {
    let text = text.trim();
    if let Ok(line) = text.parse::<u64>() {
        return Some(Target::Line(line));
    }
    if let Some(share) = text.strip_suffix('%') {
        return share.parse::<u64>().ok().filter(|share| *share <= 100).map(Target::Share);
    }
    if let Some(ago) = text.strip_prefix('-') {
        let unit = ago.chars().last()?;
        let number: i64 = ago.strip_suffix(unit)?.parse().ok()?;
        let unit_ms = match unit {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            _ => return None,
        };
        return Some(Target::Time(now_ms - number.checked_mul(unit_ms)?));
    }
    let mut parts = text.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second = parts.next().map_or(Some(0), |second| second.parse().ok())?;
    if parts.next().is_some() {
        return None;
    }
    zone.last(now_ms, hour, minute, second).map(Target::Time)
}

/// Goes there.
pub(crate) fn go(model: &mut Model, target: Target, out: &mut Out) {
    let rows = super::rows(model);
    let Some(screen) = model.log.as_mut() else { return };
    let total = screen.buffer.total_lines;
    match target {
        Target::Line(line) => {
            screen.jump(line, rows);
            if line > total {
                let text = format!("the log has {}: this is the last", crate::words::lines(total));
                model.toast(text, None);
            }
        }
        Target::Share(share) => screen.jump(total.saturating_mul(share) / 100, rows),
        Target::Time(at_ms) => out.push(Command::ReadLog {
            log: screen.buffer.log.clone(),
            purpose: Purpose::Jump,
            from: 1,
            lines: super::WINDOW,
            at_ms: Some(at_ms),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_kinds_of_places() {
        let zone = Zone::utc();
        let now = 86_400_000 + 52_327_000;
        let at = |text| read(text, now, &zone);
        assert_eq!(at("1234"), Some(Target::Line(1234)));
        assert_eq!(at("50%"), Some(Target::Share(50)));
        assert_eq!(at("-5m"), Some(Target::Time(now - 300_000)));
        assert_eq!(at("14:31:50"), Some(Target::Time(86_400_000 + 52_310_000)));
        assert_eq!(at("14:31"), Some(Target::Time(86_400_000 + 52_260_000)));
        for wrong in ["rebuild", "", "-", "-m", "101%", "25:00", "1:2:3:4", "-5d"] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }
}
