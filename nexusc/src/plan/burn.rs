//! When an error budget burns too fast: the windows and factors of the SRE workbook (chapter 5, "Multiwindow,
//! Multi-Burn-Rate Alerts"), which are for a period of 30 days, in proportion to any other.
//!
//! A burn rate of 1 uses the budget up exactly at the end of the period. An alert fires while the rate exceeds its
//! factor both over a long window, so that it is worth somebody's time, and over a short one, so that it ends soon after
//! its cause.

use std::time::Duration;

use crate::ir::alert::Severity;

/// A pair of windows with the burn rate that neither may exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The long one.
    pub long: Duration,
    /// The short one: a twelfth.
    pub short: Duration,
    /// The burn rate.
    pub factor: f64,
    /// How bad it is.
    pub severity: Severity,
}

/// The part of the period that a long window is, the part of the budget that may burn in it, and how bad more is: an
/// hour, six hours, a day and three days of 30 days.
const PAIRS: [(u32, f64, Severity); 4] = [
    (720, 0.02, Severity::Critical),
    (120, 0.05, Severity::Critical),
    (30, 0.10, Severity::Medium),
    (10, 0.10, Severity::Medium),
];

/// The windows for a period, the fastest burn first.
pub fn windows(period: Duration) -> [Window; 4] {
    PAIRS.map(|(part, budget, severity)| {
        // Prometheus takes whole seconds.
        let long = Duration::from_secs(period.as_secs() / u64::from(part));
        let short = Duration::from_secs((long.as_secs() / 12).max(1));
        // In thousandths, as the product of two fractions need not be the fraction that is meant.
        let factor = (budget * f64::from(part) * 1000.0).round() / 1000.0;
        Window {
            long,
            short,
            factor,
            severity,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_the_windows_of_the_workbook() {
        const HOUR: u64 = 3600;
        let hours = Duration::from_secs;
        let month = windows(hours(30 * 24 * HOUR));
        let expected = [
            (HOUR, 300, 14.4),
            (6 * HOUR, 1800, 6.0),
            (24 * HOUR, 2 * HOUR, 3.0),
            (72 * HOUR, 6 * HOUR, 1.0),
        ];
        for (window, (long, short, factor)) in month.into_iter().zip(expected) {
            assert_eq!((window.long, window.short), (hours(long), hours(short)));
            assert_eq!(window.factor, factor);
        }
    }
}
