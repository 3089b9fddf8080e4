//! How much of a mean is allowed, as a percentage of it: `"125%"`.

use crate::ir::Percent;
use crate::unit::percent;

/// Parses a percentage up to 10000 with at most two decimals.
pub(crate) fn parse(text: &str) -> Result<Percent, String> {
    percent::up_to(10_000, text).map_err(|_| match text.parse::<f64>() {
        // "1.25" is a factor, "125" a percentage.
        Ok(factor) if (1.0..=10.0).contains(&factor) => {
            format!("write `\"{}%\"`", (factor * 10_000.0).round() / 100.0)
        }
        Ok(percent) if (100.0..=10_000.0).contains(&percent) => {
            format!("add the sign: `\"{text}%\"`")
        }
        _ => "write a percentage of the mean from 100 to 10000: `\"125%\"`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn may_exceed_the_whole() {
        let parsed = ["100%", "125%", "112.5%"].map(|text| parse(text).unwrap().0);
        assert_eq!(parsed, [10_000, 12_500, 11_250]);
        assert!(parse("10001%").is_err());
    }

    #[test]
    fn says_what_is_meant() {
        assert_eq!(parse("1.1").unwrap_err(), "write `\"110%\"`");
        assert_eq!(parse("125").unwrap_err(), "add the sign: `\"125%\"`");
        assert!(parse("much").unwrap_err().contains("of the mean"));
    }
}
