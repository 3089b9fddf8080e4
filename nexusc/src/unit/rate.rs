//! Rates: `"10/s"`, `"600/min"`, `"200_000/h"`.

use std::time::Duration;

use crate::ir::Rate;
use crate::unit::whole;

/// The highest rate that the language accepts.
const MOST: u64 = 1_000_000_000;

/// Parses a rate from 1 to [`MOST`] in a second, a minute or an hour.
pub(crate) fn parse(text: &str) -> Result<Rate, String> {
    const FORM: &str =
        "write a whole number, a slash and a unit: `\"10/s\"`, `\"600/min\"` or `\"5_000/h\"`";
    let (number, unit) = match text.split_once('/') {
        Some((number, unit)) => (number.trim_end(), unit.trim_start()),
        None => {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '_');
            let (number, unit) = text.split_at(end.unwrap_or(text.len()));
            (number, unit.trim_start())
        }
    };
    let amount = digits(number).ok_or(FORM)?;
    let seconds = match unit {
        _ if !text.contains('/') => {
            return Err(match unit {
                "" | "rpm" | "tpm" | "RPM" | "TPM" => format!("write `\"{number}/min\"`"),
                "rps" | "RPS" => format!("write `\"{number}/s\"`"),
                _ => FORM.to_owned(),
            });
        }
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "sec" | "second" => return Err(format!("write `\"{number}/s\"`")),
        "m" | "minute" => return Err(format!("write `\"{number}/min\"`")),
        "hour" => return Err(format!("write `\"{number}/h\"`")),
        _ => return Err(FORM.to_owned()),
    };
    match amount {
        0 => Err("a rate is at least 1: to let nobody ask, remove the key or the model".to_owned()),
        1..=MOST => Ok(Rate {
            amount,
            per: Duration::from_secs(seconds),
        }),
        _ => Err("a rate is at most `\"1_000_000_000/s\"`".to_owned()),
    }
}

/// A whole number, whose digits may be in groups.
fn digits(number: &str) -> Option<u64> {
    let grouped = number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
        && !number.contains("__");
    grouped.then(|| whole(&number.replace('_', ""))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_unit_and_grouped_digits() {
        let parsed = ["10/s", "600/min", "200_000/h", "1 / min"].map(|text| {
            let rate = parse(text).unwrap();
            (rate.amount, rate.per.as_secs())
        });
        assert_eq!(parsed, [(10, 1), (600, 60), (200_000, 3_600), (1, 60)]);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("600").unwrap_err(), "write `\"600/min\"`");
        assert_eq!(parse("600rpm").unwrap_err(), "write `\"600/min\"`");
        assert_eq!(parse("600/m").unwrap_err(), "write `\"600/min\"`");
        for text in [
            "",
            "/min",
            "0/min",
            "-1/min",
            "1.5/min",
            "1__0/min",
            "_1/min",
            "1_/min",
            "10/day",
            "1000000001/s",
            "99999999999999999999/s",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }
}
