//! A JSON string as the text that it means, in small letters.

use std::str::Chars;

/// Writes the text that `raw`, the inside of a JSON string, means into `folded`, in small letters.
pub(super) fn fold(raw: &str, folded: &mut String) {
    folded.clear();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let c = if c == '\\' { escaped(&mut chars) } else { c };
        folded.extend(c.to_lowercase());
    }
}

/// What follows a backslash.
fn escaped(chars: &mut Chars<'_>) -> char {
    match chars.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => unicode(chars),
        // A quote, a slash or another backslash.
        Some(other) => other,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// What follows `\u`: a character, or half of one whose other half follows.
fn unicode(chars: &mut Chars<'_>) -> char {
    let unit = unit(chars);
    let first = unit.and_then(char::from_u32);
    let is_half = unit.is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
    match (first, unit) {
        (Some(c), _) => c,
        (None, Some(high)) if is_half => {
            let mut ahead = chars.clone();
            let low = match (ahead.next(), ahead.next()) {
                (Some('\\'), Some('u')) => self::unit(&mut ahead),
                _ => None,
            };
            match low.filter(|low| (0xDC00..0xE000).contains(low)) {
                Some(low) => {
                    *chars = ahead;
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                // A half alone is no character, and hides none.
                None => char::REPLACEMENT_CHARACTER,
            }
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Four hexadecimal digits.
fn unit(chars: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(raw: &str) -> String {
        let mut folded = "left over".to_owned();
        fold(raw, &mut folded);
        folded
    }

    #[test]
    fn half_a_character_is_none() {
        assert_eq!(folded(r"a\ud83db"), "a\u{fffd}b");
        assert_eq!(folded(r"a\ude00b"), "a\u{fffd}b");
        assert_eq!(folded(r"\ud83d\u0041"), "\u{fffd}a");
        assert_eq!(folded(r"\ud83d\ud83d\ude00"), "\u{fffd}\u{1f600}");
        assert_eq!(folded(r"\ud8"), "\u{fffd}");
        assert_eq!(folded("\\"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn reads_what_json_means(text in any::<String>(), escape in any::<bool>()) {
            let raw = if escape {
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
            } else {
                let json = serde_json::to_string(&text).unwrap();
                json[1..json.len() - 1].to_owned()
            };
            let expected: String = text.chars().flat_map(char::to_lowercase).collect();
            prop_assert_eq!(folded(&raw), expected);
        }
    }
}
