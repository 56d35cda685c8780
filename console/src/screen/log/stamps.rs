//! The times beside log lines.

use crate::{time, zone::Zone};

/// Which time stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stamps {
    #[default]
    Off,
    Local,
    Utc,
    /// How long ago.
    Relative,
    /// Since the step began.
    Start,
    /// Since the line before.
    Delta,
}

impl Stamps {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Off => Self::Local,
            Self::Local => Self::Utc,
            Self::Utc => Self::Relative,
            Self::Relative => Self::Start,
            Self::Start => Self::Delta,
            Self::Delta => Self::Off,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Local => "local",
            Self::Utc => "UTC",
            Self::Relative => "relative",
            Self::Start => "since start",
            Self::Delta => "delta",
        }
    }

    /// Cells it takes.
    pub(crate) fn width(self) -> u16 {
        match self {
            Self::Off => 0,
            Self::Local | Self::Utc => 12,
            Self::Relative | Self::Start | Self::Delta => 9,
        }
    }

    /// The text for a line; empty where a time it needs is unknown.
    pub(crate) fn text(
        self,
        at_ms: i64,
        before_ms: i64,
        start_ms: Option<i64>,
        now_ms: i64,
        zone: &Zone,
    ) -> String {
        if at_ms <= 0 {
            return String::new();
        }
        match self {
            Self::Off => String::new(),
            Self::Local => zone.milli(at_ms),
            Self::Utc => Zone::utc().milli(at_ms),
            Self::Relative => format!("-{}", time::span(now_ms - at_ms)),
            Self::Start => start_ms.map_or_else(String::new, |start| time::span(at_ms - start)),
            Self::Delta if before_ms <= 0 => String::new(),
            Self::Delta => {
                let ms = (at_ms - before_ms).max(0);
                format!("+{}.{:03}", ms / 1000, ms % 1000)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_fits_its_column() {
        let zone = Zone::utc();
        let mut stamps = Stamps::Off;
        for _ in 0..6 {
            let text = stamps.text(52_327_101, 52_326_000, Some(52_000_000), 52_400_000, &zone);
            assert!(text.len() <= usize::from(stamps.width()), "{text}");
            stamps = stamps.next();
        }
        assert_eq!(stamps, Stamps::Off);
        assert_eq!(Stamps::Delta.text(52_327_101, 52_326_000, None, 0, &zone), "+1.101");
        assert_eq!(Stamps::Local.text(0, 0, None, 0, &zone), "");
    }
}
