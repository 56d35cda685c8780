//! Time zones by name, from the bundled database alone.

use std::fmt;
use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    name: String,
    tz: TimeZone,
}

impl Zone {
    /// The zone of a name like `Europe/Berlin`; `None`: there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let tz = BUNDLED.get(name).ok()?;
        let name = tz.iana_name().unwrap_or(name).to_owned();
        Some(Self { name, tz })
    }

    pub(super) const fn tz(&self) -> &TimeZone {
        &self.tz
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Every name that [`Zone::named`] knows, in order.
#[must_use]
pub fn zone_names() -> Vec<String> {
    BUNDLED.available().map(|name| name.to_string()).collect()
}
