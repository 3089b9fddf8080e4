//! The time of day, and how log lines write it: RFC 3339, UTC, milliseconds.

use std::cell::Cell;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day, for what is told to others (log lines, records, spans, metrics) and for dates that others
/// have set (certificates, `Retry-After`). It may step at any moment, in both directions: what lasts for a time
/// is measured with `tokio::time::Instant`.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The second that it is, counted from 1970-01-01T00:00:00Z. A clock that stands before 1970 reads as 1970.
#[cfg(feature = "certificates")]
pub(crate) fn second() -> u64 {
    let elapsed = now().duration_since(UNIX_EPOCH);
    elapsed.unwrap_or_default().as_secs()
}

thread_local! {
    /// The last second that was written, and how: most are asked for many times.
    static WRITTEN: Cell<(u64, [u8; 24])> = const { Cell::new((0, *b"1970-01-01T00:00:00.000Z")) };
}

/// A moment that prints as `2026-01-31T23:59:59.123Z`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    milliseconds: u64,
}

impl Timestamp {
    /// This moment. A clock that stands before 1970 reads as 1970.
    pub(crate) fn now() -> Self {
        let elapsed = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = elapsed.as_secs().saturating_mul(1000);
        Self {
            milliseconds: seconds.saturating_add(elapsed.subsec_millis().into()),
        }
    }

    /// The moment so many seconds after 1970-01-01T00:00:00Z.
    #[cfg(feature = "certificates")]
    pub(crate) fn of_second(second: u64) -> Self {
        Self {
            milliseconds: second.saturating_mul(1000),
        }
    }
}

#[cfg(feature = "audit")]
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Timestamp {
    /// It as ASCII. The year is one of four digits.
    pub(crate) fn text(self) -> [u8; 24] {
        let second = self.milliseconds / 1000;
        let (written, mut text) = WRITTEN.get();
        if written != second {
            text = text_of_second(second);
            WRITTEN.set((second, text));
        }
        let milliseconds = self.milliseconds % 1000;
        text[20] = digit(milliseconds / 100);
        text[21] = digit(milliseconds / 10);
        text[22] = digit(milliseconds);
        text
    }
}

/// The beginning of the second so many seconds after 1970-01-01T00:00:00Z.
fn text_of_second(seconds: u64) -> [u8; 24] {
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let two = |number: u64| [digit(number / 10), digit(number)];
    let ([y3, y2], [y1, y0]) = (two(year / 100), two(year));
    let ([o1, o0], [d1, d0]) = (two(month), two(day));
    let ([h1, h0], [m1, m0], [s1, s0]) = (two(hour), two(minute), two(second));
    [
        y3, y2, y1, y0, b'-', o1, o0, b'-', d1, d0, b'T', h1, h0, b':', m1, m0, b':', s1, s0, b'.',
        b'0', b'0', b'0', b'Z',
    ]
}

/// The last decimal digit of `number`.
pub(super) fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        formatter.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// Year, month and day of the day that many days after 1970-01-01.
///
/// Counts in years that begin on the first of March, so that the leap day is a year's last
/// (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_MARCH_0000: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days + DAYS_FROM_MARCH_0000;
    let era = days / DAYS_IN_400_YEARS;
    let day_of_era = days % DAYS_IN_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(milliseconds: u64) -> String {
        Timestamp { milliseconds }.to_string()
    }

    #[test]
    fn prints_known_moments() {
        assert_eq!(printed(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(printed(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(printed(1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(printed(1_709_251_199_070), "2024-02-29T23:59:59.070Z");
        assert_eq!(printed(4_107_542_400_001), "2100-03-01T00:00:00.001Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut previous = civil(0);
        for day in 1..200_000 {
            let next = civil(day);
            let same_month = next == (previous.0, previous.1, previous.2 + 1);
            let new_month = next == (previous.0, previous.1 + 1, 1);
            let new_year = previous.1 == 12 && previous.2 == 31 && next == (previous.0 + 1, 1, 1);
            assert!(same_month || new_month || new_year, "{previous:?} {next:?}");
            previous = next;
        }
    }
}
