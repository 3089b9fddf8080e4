//! Sizes in binary units: `"64KiB"`, `"8MiB"`, `"1GiB"`.

use crate::unit::{split_number, whole};

/// Parses a size in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    const FORM: &str = "write a whole number and a unit: `\"64KiB\"`, `\"8MiB\"` or `\"1GiB\"`";
    let (number, unit) = split_number(text);
    let number = whole(number).ok_or(FORM)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        "" => {
            return Err(format!(
                "add a unit: `\"{number}MiB\"` or `\"{number}KiB\"`"
            ));
        }
        _ => match unit.to_ascii_lowercase().chars().next() {
            Some(first @ ('k' | 'm' | 'g' | 't')) => {
                let binary = first.to_ascii_uppercase();
                return Err(format!("sizes are binary: write `\"{number}{binary}iB\"`"));
            }
            _ => return Err(FORM.to_owned()),
        },
    };
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "a size that fits in 64 bits".to_owned())
}

/// A size as the language writes it, for messages: `8MiB`, `1500B`.
pub(crate) fn shown(bytes: u64) -> String {
    let (amount, unit) = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(shift, _)| bytes >= 1 << shift && bytes.trailing_zeros() >= *shift)
        .map_or((bytes, "B"), |(shift, unit)| (bytes >> shift, unit));
    format!("{amount}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_unit() {
        assert_eq!(parse("1B"), Ok(1));
        assert_eq!(parse("64KiB"), Ok(65_536));
        assert_eq!(parse("8 MiB"), Ok(8 << 20));
        assert_eq!(parse("1GiB"), Ok(1 << 30));
    }

    #[test]
    fn decimal_units_are_corrected() {
        assert_eq!(
            parse("8MB").unwrap_err(),
            "sizes are binary: write `\"8MiB\"`"
        );
        assert_eq!(
            parse("8").unwrap_err(),
            "add a unit: `\"8MiB\"` or `\"8KiB\"`"
        );
        assert!(parse("99999999999TiB").is_err());
    }

    #[test]
    fn a_size_is_shown_as_it_may_be_written() {
        for text in ["1B", "1500B", "64KiB", "8MiB", "1025MiB", "1GiB", "2TiB"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
    }
}
