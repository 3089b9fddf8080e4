//! Text for lines that people paste into a shell.

/// A text as one word of a POSIX shell, whatever is in it. It stays on one line for YAML 1.1 too, which ends a line
/// at U+2028 and U+2029.
pub fn word(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let inside = text
        .replace('\'', r"'\''")
        .replace('\u{2028}', r#"'"$(printf '\342\200\250')"'"#)
        .replace('\u{2029}', r#"'"$(printf '\342\200\251')"'"#);
    format!("'{inside}'")
}

/// The value of a variable as a part of a word.
pub(super) fn variable(name: &str) -> String {
    format!("\"${name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_word_is_carried_out() {
        assert_eq!(word("/run/secrets/ca.crt"), "/run/secrets/ca.crt");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("$(id) `id`"), "'$(id) `id`'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }
}
