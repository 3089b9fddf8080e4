//! Durations: `"500ms"`, `"30s"`, `"5m"`, `"1h"`.

use std::time::Duration;

use crate::unit::{split_number, whole};

/// The longest duration that the language accepts: a day. A longer wait is a mistake in a gateway.
pub(crate) const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a duration from 1 ms to [`MAX`].
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const FORM: &str =
        "write a whole number and a unit: `\"500ms\"`, `\"30s\"`, `\"5m\"` or `\"1h\"`";
    let (number, unit) = split_number(text);
    let number = whole(number).ok_or(FORM)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if number > 0 => {
            return Err(format!("add a unit: `\"{number}s\"` or `\"{number}ms\"`"));
        }
        _ => return Err(FORM.to_owned()),
    };
    match number.checked_mul(milliseconds).map(Duration::from_millis) {
        Some(Duration::ZERO) => Err("a duration is at least `\"1ms\"`".to_owned()),
        Some(duration) if duration <= MAX => Ok(duration),
        _ => Err("a duration is at most `\"24h\"`".to_owned()),
    }
}

/// A duration as the language writes it, for messages: `500ms`, `90s`, `24h`.
pub(crate) fn shown(duration: Duration) -> String {
    let (seconds, rest) = (duration.as_secs(), duration.subsec_nanos());
    match (seconds, rest) {
        (3600.., 0) if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        (1.., 0) => format!("{seconds}s"),
        _ => format!("{}ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_unit() {
        let parsed: Vec<_> = ["500ms", "30s", "5m", "1h"]
            .map(|text| parse(text).unwrap())
            .into();
        assert_eq!(
            parsed,
            [500, 30_000, 300_000, 3_600_000].map(Duration::from_millis)
        );
    }

    #[test]
    fn says_what_is_missing() {
        assert_eq!(
            parse("30").unwrap_err(),
            "add a unit: `\"30s\"` or `\"30ms\"`"
        );
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1 day",
            "0s",
            "25h",
            "99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_may_be_written() {
        for text in ["1ms", "1500ms", "1s", "90s", "1h", "24h"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
    }
}
