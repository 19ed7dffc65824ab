//! Points in time, as values.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, the precision that Mediagraph gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// 1980-01-01T00:00:00Z: an earlier file time is a mistake of some program (FAT cannot even write it).
    pub const OLDEST_PLAUSIBLE: Self = Self(315_532_800_000);

    /// `milliseconds` later, or earlier where negative; stays at the ends of the range.
    #[must_use]
    pub const fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The modification time that a downloaded file gets: this one, or `now` where this one is impossible (rule R2).
    #[must_use]
    pub fn plausible_at(self, now: Self) -> Self {
        if self < Self::OLDEST_PLAUSIBLE || self > now { now } else { self }
    }

    fn civil(self) -> jiff::civil::DateTime {
        let timestamp = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::TimeZone::UTC.to_datetime(timestamp)
    }

    /// `yyyymmddThhmmssZ`, as the trash names its directories.
    pub fn compact(self) -> String {
        self.civil().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// `yyyy-mm-dd HHMMSS` in UTC, as conflict copies carry it.
    pub fn for_conflict_copy(self) -> String {
        self.civil().strftime("%Y-%m-%d %H%M%S").to_string()
    }
}

impl fmt::Display for UnixMs {
    /// ISO 8601 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil().strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_file_times_become_now() {
        let now = UnixMs(1_900_000_000_000);
        assert_eq!(UnixMs(0).plausible_at(now), now);
        assert_eq!(now.plus_ms(1).plausible_at(now), now);
        assert_eq!(now.plus_ms(-1).plausible_at(now), now.plus_ms(-1));
    }

    #[test]
    fn prints_the_three_forms() {
        let time = UnixMs(1_769_700_512_376);
        assert_eq!(time.to_string(), "2026-01-29T15:28:32.376Z");
        assert_eq!(time.compact(), "20260129T152832Z");
        assert_eq!(time.for_conflict_copy(), "2026-01-29 152832");
    }
}
