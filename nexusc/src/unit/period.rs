//! Periods of objectives: `"7d"`, `"30d"`, `"12h"`.

use std::time::Duration;

use crate::unit::{split_number, whole};

const HOUR: Duration = Duration::from_secs(60 * 60);
const MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Parses a period of whole hours or days, from an hour to 90 days.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let form = || "write a whole number of days or hours: `\"30d\"`, `\"12h\"`".to_owned();
    let (number, unit) = split_number(text);
    let number = whole(number)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(form)?;
    let hours = match unit {
        "h" => number,
        "d" => number.saturating_mul(24),
        _ => return Err(form()),
    };
    match HOUR.saturating_mul(hours) {
        Duration::ZERO => Err("a period is at least `\"1h\"`".to_owned()),
        period if period <= MAX => Ok(period),
        _ => Err("a period is at most `\"90d\"`".to_owned()),
    }
}

/// A period as the language writes it: `30d`, `12h`.
pub(crate) fn shown(period: Duration) -> String {
    let hours = period.as_secs() / HOUR.as_secs();
    if hours.is_multiple_of(24) {
        format!("{}d", hours / 24)
    } else {
        format!("{hours}h")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_read_as_it_is_shown() {
        for text in ["1h", "12h", "7d", "30d", "90d"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
        for text in [
            "",
            "30",
            "30m",
            "0d",
            "91d",
            "1.5d",
            "99999999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }
}
