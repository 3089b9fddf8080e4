//! What a text that no parser of units takes was most likely meant to be: for fixes.
//!
//! Each answer is one that the parser takes. Safe is what can be read in one way only; a number without a unit can
//! be meant in several.

use crate::diagnostic::fix::Safety;
use crate::unit::{duration, load_factor, percent, rate, size};

/// A text that can be read, and whether it is sure to be what was meant.
pub(crate) type Spelling = (String, Safety);

/// `30` and `30 seconds` are `30s`.
pub(crate) fn of_duration(text: &str) -> Option<Spelling> {
    let (number, unit) = parts(text)?;
    let (unit, safety) = match unit.as_str() {
        "" => ("s", Safety::Unsafe),
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => ("ms", Safety::Safe),
        "s" | "sec" | "secs" | "second" | "seconds" => ("s", Safety::Safe),
        "m" | "min" | "mins" | "minute" | "minutes" => ("m", Safety::Safe),
        "h" | "hr" | "hrs" | "hour" | "hours" => ("h", Safety::Safe),
        _ => return None,
    };
    let text = format!("{number}{unit}");
    duration::parse(&text).is_ok().then_some((text, safety))
}

/// `8mib` is `8MiB`, and `8MB` nearly.
pub(crate) fn of_size(text: &str) -> Option<Spelling> {
    let (number, unit) = parts(text)?;
    let (unit, safety) = match unit.as_str() {
        "" => ("B", Safety::Unsafe),
        "b" | "byte" | "bytes" => ("B", Safety::Safe),
        "kib" => ("KiB", Safety::Safe),
        "mib" => ("MiB", Safety::Safe),
        "gib" => ("GiB", Safety::Safe),
        "k" | "kb" => ("KiB", Safety::Unsafe),
        "m" | "mb" => ("MiB", Safety::Unsafe),
        "g" | "gb" => ("GiB", Safety::Unsafe),
        _ => return None,
    };
    let text = format!("{number}{unit}");
    size::parse(&text).is_ok().then_some((text, safety))
}

/// `5` is `5%`, and `0.05` may be.
pub(crate) fn of_percent(text: &str) -> Option<Spelling> {
    let number = number_of_percent(text);
    let share = number.parse::<f64>().ok()?;
    let spelling = if text == number && share > 0.0 && share <= 1.0 {
        (format!("{}%", hundredfold(share)), Safety::Unsafe)
    } else {
        (format!("{number}%"), Safety::Safe)
    };
    percent::parse(&spelling.0).is_ok().then_some(spelling)
}

/// `125` is `125%`, and `1.25` may be.
pub(crate) fn of_load_factor(text: &str) -> Option<Spelling> {
    let number = number_of_percent(text);
    let factor = number.parse::<f64>().ok()?;
    let spelling = if text == number && (1.0..=10.0).contains(&factor) {
        (format!("{}%", hundredfold(factor)), Safety::Unsafe)
    } else {
        (format!("{number}%"), Safety::Safe)
    };
    load_factor::parse(&spelling.0).is_ok().then_some(spelling)
}

/// `600rpm` and `600/minute` are `600/min`; `600` may be.
pub(crate) fn of_rate(text: &str) -> Option<Spelling> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_');
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let unit = unit.trim_start_matches([' ', '/']).to_ascii_lowercase();
    let (unit, safety) = match unit.as_str() {
        "" => ("min", Safety::Unsafe),
        "rps" | "s" | "sec" | "second" => ("s", Safety::Safe),
        "rpm" | "tpm" | "m" | "min" | "minute" => ("min", Safety::Safe),
        "rph" | "h" | "hour" => ("h", Safety::Safe),
        _ => return None,
    };
    let text = format!("{number}/{unit}");
    rate::parse(&text).is_ok().then_some((text, safety))
}

/// A whole number, without groups, and its unit in lower case.
fn parts(text: &str) -> Option<(String, String)> {
    let text = text.trim().replace('_', "").to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at_checked(end.unwrap_or(text.len()))?;
    (!number.is_empty()).then(|| (number.to_owned(), unit.trim().to_owned()))
}

fn number_of_percent(text: &str) -> &str {
    let text = text.trim();
    let number = text.strip_suffix("percent").unwrap_or(text);
    number.trim_end_matches([' ', '%'])
}

/// A share as a percentage, rounded to the steps of the language.
fn hundredfold(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_one_way_is_safe() {
        let safe = |text: &str| Some((text.to_owned(), Safety::Safe));
        assert_eq!(of_duration("30 seconds"), safe("30s"));
        assert_eq!(of_duration("1_500MS"), safe("1500ms"));
        assert_eq!(of_size("8 mib"), safe("8MiB"));
        assert_eq!(of_percent("5"), safe("5%"));
        assert_eq!(of_percent("5 percent"), safe("5%"));
        assert_eq!(of_load_factor("125"), safe("125%"));
        assert_eq!(of_rate("600rpm"), safe("600/min"));
        assert_eq!(of_rate("5_000 / hour"), safe("5_000/h"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not() {
        let unsure = |text: &str| Some((text.to_owned(), Safety::Unsafe));
        assert_eq!(of_duration("30"), unsure("30s"));
        assert_eq!(of_size("8MB"), unsure("8MiB"));
        assert_eq!(of_percent("0.05"), unsure("5%"));
        assert_eq!(of_percent("1"), unsure("100%"));
        assert_eq!(of_load_factor("1.25"), unsure("125%"));
        assert_eq!(of_rate("600"), unsure("600/min"));
    }

    #[test]
    fn what_no_parser_takes_is_not_offered() {
        for text in ["", "s", "0", "-1s", "25h", "soon", "99999999999999999999"] {
            assert_eq!(of_duration(text), None, "{text}");
        }
        for text in ["", "500", "nan", "inf", "1e3", "-5", "1.234"] {
            assert_eq!(of_percent(text), None, "{text}");
        }
        for text in ["", "0rpm", "10/day", "é/min"] {
            assert_eq!(of_rate(text), None, "{text}");
        }
    }
}
