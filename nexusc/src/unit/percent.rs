//! Percentages in steps of 0.01 %: `"5%"`, `"0.25%"`.

use std::fmt;
use std::str::FromStr;

use crate::ir::Percent;
use crate::unit::{split_number, whole};

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

/// As people read it: `5 %`, `0.25 %`.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole} %"),
            (whole, rest) if rest % 10 == 0 => write!(f, "{whole}.{} %", rest / 10),
            (whole, rest) => write!(f, "{whole}.{rest:02} %"),
        }
    }
}

/// Parses a percentage from 0 to 100 with at most two decimals.
pub(crate) fn parse(text: &str) -> Result<Percent, String> {
    up_to(100, text)
}

/// Parses a percentage from 0 to `most` with at most two decimals.
pub(crate) fn up_to(most: u32, text: &str) -> Result<Percent, String> {
    let form =
        || format!("write a number from 0 to {most} and a percent sign: `\"5%\"` or `\"0.25%\"`");
    let (number, unit) = split_number(text);
    if unit != "%" {
        let help = match number.parse::<f64>() {
            // "0.05" may be a share of 1.
            Ok(share) if unit.is_empty() && share > 0.0 && share < 1.0 => {
                format!(
                    "write `\"{}%\"`, or `\"{number}%\"` if that is meant",
                    share * 100.0
                )
            }
            Ok(percent) if unit.is_empty() && percent <= 100.0 => {
                format!("add the sign: `\"{number}%\"`")
            }
            _ => form(),
        };
        return Err(help);
    }
    let (units, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if decimals.len() > 2 {
        return Err("a percentage has at most two decimals".to_owned());
    }
    let units = whole(units).ok_or_else(form)?;
    let hundredths = whole(decimals).ok_or_else(form)? * if decimals.len() == 1 { 10 } else { 1 };
    let percentage = units
        .checked_mul(100)
        .and_then(|units| units.checked_add(hundredths))
        .and_then(|percentage| u32::try_from(percentage).ok());
    match percentage {
        Some(percentage) if percentage <= most * 100 => Ok(Percent(percentage)),
        _ => Err(format!("this percentage is at most `\"{most}%\"`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_two_decimals() {
        let parsed = ["5%", "0.25%", "2.5%", "100%", "0%"].map(|text| parse(text).unwrap().0);
        assert_eq!(parsed, [500, 25, 250, 10_000, 0]);
    }

    #[test]
    fn is_shown_without_decimals_that_say_nothing() {
        let points = [0, 500, 25, 1250, 9999, 10_000];
        let shown = points.map(|points| Percent(points).to_string());
        assert_eq!(
            shown,
            ["0 %", "5 %", "0.25 %", "12.5 %", "99.99 %", "100 %"]
        );
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("5").unwrap_err(), "add the sign: `\"5%\"`");
        for text in [
            "",
            "%",
            ".5%",
            "5.%",
            "101%",
            "1.234%",
            "-1%",
            "5 percent",
            "1.2.3%",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }
}
