//! Text as a sequence of words, which stand for tokens here.

use serde::Serialize;

/// The most tokens of one answer: a bound, with the next, on what a request can make this crate build.
const CONTEXT: usize = 1024;

/// The most bytes of one answer.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// How many tokens a text has: its words.
pub(crate) fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// The text in pieces of one word each, with the white space before it; together they are the text.
pub(crate) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut in_word = false;
    for (position, character) in text.char_indices() {
        if character.is_whitespace() && in_word {
            pieces.push(&text[start..position]);
            start = position;
        }
        in_word = !character.is_whitespace();
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// A text after a limit on its tokens.
pub(crate) struct Limited<'a> {
    /// The pieces that are left of it.
    pub(crate) pieces: Vec<&'a str>,
    /// Whether something was cut off.
    pub(crate) cut: bool,
}

impl Limited<'_> {
    /// The text that is left.
    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// Cuts a text to at most `limit` tokens, and in any case to [`CONTEXT`] and [`MAX_BYTES`].
pub(crate) fn limited(text: &str, limit: Option<u64>) -> Limited<'_> {
    let (beginning, rest) = text.split_at(text.floor_char_boundary(MAX_BYTES));
    let mut pieces = pieces(beginning);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(CONTEXT).min(CONTEXT);
    let cut = pieces.len() > limit || !rest.is_empty();
    pieces.truncate(limit);
    Limited { pieces, cut }
}

/// The `usage` of a response, in tokens.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl Usage {
    /// What went in and what came out.
    pub(crate) fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text() {
        for text in ["", "a", "You said: Hello", "  two\n\nlines ", "日本 語"] {
            assert_eq!(pieces(text).concat(), text);
        }
    }

    #[test]
    fn a_piece_holds_one_word_with_the_space_before_it() {
        assert_eq!(pieces("You said: Hello"), ["You", " said:", " Hello"]);
    }

    #[test]
    fn a_limit_cuts_at_a_word() {
        let limited = limited("You said: Hello", Some(2));
        assert_eq!((limited.text().as_str(), limited.cut), ("You said:", true));
    }

    #[test]
    fn an_endless_word_is_cut() {
        let limited = limited(&"日".repeat(MAX_BYTES), None).text().len();
        assert!((1..=MAX_BYTES).contains(&limited));
    }
}
