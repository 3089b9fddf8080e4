//! API keys and tokens: what services issue with a telling beginning, JSON Web Tokens, and whatever
//! follows `Bearer`. The compiler knows the same beginnings, to keep them out of specs.

use std::ops::Range;

/// How keys begin that services issue.
const BEGINNINGS: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJ",
    "gsk_",
    "nvapi-",
];

/// What an issued key has at least after its beginning.
const SHORTEST: usize = 6;

/// The bytes of the shortest text that could hold a key: `Bearer x`.
pub(super) const SHORTEST_TEXT: usize = 8;

/// The first key in `text` from `start` on.
pub(super) fn find(text: &str, start: usize) -> Option<Range<usize>> {
    let mut from = start;
    loop {
        // Bytes of a key are ASCII, so words begin and end between characters.
        let bytes = text.as_bytes();
        let word = from + bytes.get(from..)?.iter().position(in_key)?;
        let length = bytes.get(word..)?.iter().position(|byte| !in_key(byte));
        let end = length.map_or(text.len(), |length| word + length);
        let before = text.get(..word)?;
        // Most words are neither long enough for an issued key nor behind a space.
        if end - word > SHORTEST || before.ends_with(' ') {
            let key = text.get(word..end)?.trim_end_matches('.');
            if is_issued(key) || follows_bearer(before) {
                return Some(word..word + key.len());
            }
        }
        from = end;
    }
}

fn is_issued(key: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        key.strip_prefix(beginning)
            .is_some_and(|rest| rest.len() >= SHORTEST)
    })
}

fn in_key(byte: &u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'+')
}

fn follows_bearer(before: &str) -> bool {
    let word = before.trim_end_matches(' ');
    let start = word.len().checked_sub("bearer".len());
    let bearer = start.and_then(|start| word.get(start..));
    word.len() < before.len() && bearer.is_some_and(|word| word.eq_ignore_ascii_case("bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::mask::is_harmless;

    #[test]
    fn no_beginning_of_a_key_is_overlooked() {
        for beginning in BEGINNINGS {
            assert!(!is_harmless(beginning), "{beginning}");
        }
    }
}
