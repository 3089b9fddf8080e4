//! Telephone numbers: seven to fifteen digits after a `+`, ten to fifteen otherwise, in groups or not.
//! Digits that are part of a word, an id or an IPv4 address are none.

use std::net::Ipv4Addr;
use std::ops::Range;

/// The digits of the shortest number, which is one with a `+`.
pub(super) const FEWEST_DIGITS: usize = 7;

/// The first telephone number in `text` from `start` on.
pub(super) fn find(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        let candidate = candidate(bytes, at);
        if candidate.end == at {
            at += 1;
            continue;
        }
        if is_number(text, &candidate) {
            return Some(candidate);
        }
        at = candidate.end;
    }
    None
}

/// What could be a number from `start` on: digits, and single separators between them.
fn candidate(bytes: &[u8], start: usize) -> Range<usize> {
    let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
    let mut end = start;
    let mut index = start;
    if matches!(at(index), b'+' | b'(') {
        index += 1;
        if at(index) == b'(' {
            index += 1;
        }
    }
    let mut separators = 0;
    loop {
        match at(index) {
            digit if digit.is_ascii_digit() => {
                separators = 0;
                end = index + 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' if end > start && separators < 2 => separators += 1,
            _ => return start..end,
        }
        index += 1;
    }
}

fn is_number(text: &str, found: &Range<usize>) -> bool {
    let Some(number) = text.get(found.clone()) else {
        return false;
    };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let shortest = if number.starts_with('+') {
        FEWEST_DIGITS
    } else {
        10
    };
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..found.start).unwrap_or_default();
    let after = text.get(found.end..).unwrap_or_default();
    let joined_before = match before.chars().next_back() {
        // What follows a percent-encoded byte is no part of it.
        Some(_) if ends_encoded(before) => false,
        Some('-' | '.') => before.trim_end_matches(['-', '.']).ends_with(is_part),
        Some('%') => true,
        last => last.is_some_and(is_part),
    };
    (shortest..=15).contains(&digits)
        && !joined_before
        && !after.starts_with(is_part)
        && number.parse::<Ipv4Addr>().is_err()
}

fn ends_encoded(before: &str) -> bool {
    let bytes = before.as_bytes();
    matches!(bytes, [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}
