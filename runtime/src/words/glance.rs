//! A first look at a whole body, which settles for most that none of the words is in it: no string is taken
//! apart, and nothing is decoded.

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// How many bytes are looked at together.
const BLOCK: usize = 4096;

/// What JSON may write in a second way, beside `\u`: a word with one of these could be missed.
const ESCAPED: &str = "\"\\/\u{8}\u{c}\n\r\t";

/// Words to look for in bytes as they lie.
pub(super) struct Glance {
    searcher: Searcher,
    /// Bytes of the longest word.
    longest: usize,
    /// Some word has letters beyond ASCII, of which only the small ones are looked for.
    beyond_ascii: bool,
}

impl Glance {
    /// A look for `words`, which are in small letters; `None` where it would be of no use.
    pub(super) fn of(words: &[String]) -> Option<Self> {
        let longest = words.iter().map(String::len).max()?;
        if longest > BLOCK / 2
            || words
                .iter()
                .any(|word| word.contains(|c| ESCAPED.contains(c)))
        {
            return None;
        }
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        let alike = words.iter().map(|word| alike(word.as_bytes()));
        Some(Self {
            // None where the machine has no instructions for it, or where there are too many words.
            searcher: builder.extend(alike).build()?,
            longest,
            beyond_ascii: !words.iter().all(|word| word.is_ascii()),
        })
    }

    /// Whether none of the words can be in `body`, whatever its strings mean, which have no Unicode escapes.
    pub(super) fn finds_nothing(&self, body: &str) -> bool {
        if self.beyond_ascii && !body.is_ascii() {
            return false;
        }
        let mut rest = body.as_bytes();
        loop {
            let looked_at = rest.get(..BLOCK).unwrap_or(rest);
            if self.searcher.find(alike(looked_at)).is_some() {
                return false;
            }
            if looked_at.len() == rest.len() {
                return true;
            }
            // A word may lie across the end of a block.
            rest = rest.get(BLOCK + 1 - self.longest..).unwrap_or_default();
        }
    }
}

/// `text` with small letters for its capitals. Some other bytes become alike too, and what may be one of the
/// words is looked at again; telling the letters from those would take longer.
fn alike(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| byte | 0x20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_across_two_blocks_is_found() {
        let glance = Glance::of(&["bluebird".to_owned(), "fox".to_owned()]).unwrap();
        for before in BLOCK - 12..BLOCK + 4 {
            let body = "x".repeat(before) + "BlueBird" + &"x".repeat(BLOCK);
            assert!(!glance.finds_nothing(&body), "{before}");
        }
        assert!(glance.finds_nothing(&"blue bird ".repeat(BLOCK)));
    }

    #[test]
    fn what_may_be_written_otherwise_is_not_settled() {
        let words = |word: &str| Glance::of(&[word.to_owned()]);
        assert!(words("a/b").is_none() && words("a\tb").is_none());
        assert!(words("a@b").unwrap().finds_nothing("a@c"));
        assert!(!words("a@b[").unwrap().finds_nothing("A@B["));
        assert!(!words("école").unwrap().finds_nothing("ÉCOLE"));
        assert!(words("école").unwrap().finds_nothing("ecole"));
    }
}
