//! Passing over JSON: the values of a document one after the other, each by where it stands.
//!
//! What the gateway needs of a body is a few short fields; the rest has only to be JSON. So strings, of which
//! prompts are made, are looked through many bytes at once, and nothing is built or decoded.

use std::ops::Range;

/// Up to how many bytes of a string are looked at before it is taken for a long one.
const SHORT: usize = 16;

/// How many bytes of a long string are looked at together.
const BLOCK: usize = 32;

/// A place in a document. Whatever is no JSON there gives `None`; whether it is UTF-8 is not looked at.
pub(crate) struct Reader<'a> {
    json: &'a [u8],
    at: usize,
    open: Open,
    /// What was met in strings so far, for who would otherwise have to look for it.
    pub(crate) met: Met,
}

/// What is worth to know of the strings of a document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    /// Some character is written as `\u`.
    pub(crate) unicode_escapes: bool,
    /// After some quote, escaped or not, stands [`DATA_URL`] or [`INPUT_AUDIO`].
    pub(crate) media: bool,
}

/// How data URLs begin.
pub(crate) const DATA_URL: &[u8] = b"data:";

/// The name of the field in which recordings stand, and its end.
pub(crate) const INPUT_AUDIO: &[u8] = b"input_audio\"";

/// The name of a field.
pub(crate) struct Name {
    /// What stands between its quotes.
    pub(crate) inside: Range<usize>,
    /// Whether that is not what it means.
    pub(crate) has_escapes: bool,
}

impl<'a> Reader<'a> {
    /// At the start of `json`.
    pub(crate) fn of(json: &'a [u8]) -> Self {
        Self {
            json,
            at: 0,
            open: Open::default(),
            met: Met::default(),
        }
    }

    /// Where it is, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, which is left there.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        // Most documents have none, or little.
        match self.byte()? {
            ..=b' ' => self.peek_after_space(),
            byte => Some(byte),
        }
    }

    /// The same where there may be some.
    #[inline(never)]
    fn peek_after_space(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Enters an object or a list, of which `opens` is the bracket. Says whether there is anything in it.
    pub(crate) fn enter(&mut self, opens: u8) -> Option<bool> {
        self.expect(opens)?;
        Some(!self.closes(closing(opens)))
    }

    /// Goes on after a value in an object or a list, of which `opens` is the bracket. Says whether there is
    /// another.
    pub(crate) fn another(&mut self, opens: u8) -> Option<bool> {
        match self.next()? {
            b',' => Some(true),
            byte => (byte == closing(opens)).then_some(false),
        }
    }

    /// The name of a field, up to its value.
    pub(crate) fn name(&mut self) -> Option<Name> {
        self.expect(b'"')?;
        let start = self.at;
        let has_escapes = self.string()?;
        let inside = start..self.at - 1;
        self.expect(b':')?;
        Some(Name {
            inside,
            has_escapes,
        })
    }

    /// The value that begins here.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        self.peek()?;
        let start = self.at;
        let depth = self.open.depth;
        loop {
            match self.next()? {
                b'"' => {
                    self.string()?;
                }
                opens @ (b'{' | b'[') => {
                    if !self.closes(closing(opens)) {
                        self.open.push(opens);
                        if opens == b'{' {
                            self.name()?;
                        }
                        continue;
                    }
                }
                first => self.scalar(first)?,
            }
            // A value has ended, and with it perhaps those that it is in.
            loop {
                if self.open.depth == depth {
                    return Some(start..self.at);
                }
                let opens = self.open.innermost();
                if self.another(opens)? {
                    if opens == b'{' {
                        self.name()?;
                    }
                    break;
                }
                self.open.pop();
            }
        }
    }

    /// Nothing but white space follows.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn byte(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Passes over `byte`, which has to be the next that is no white space.
    pub(crate) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn closes(&mut self, closing: u8) -> bool {
        let closes = self.peek() == Some(closing);
        self.at += usize::from(closes);
        closes
    }

    /// The rest of what is neither a string nor has others in it, after its `first` byte.
    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            b'-' => {
                let first = self.byte()?;
                self.at += 1;
                self.number(first)
            }
            first => self.number(first),
        }
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let is_there = self.json.get(self.at..)?.starts_with(rest);
        self.at += rest.len();
        is_there.then_some(())
    }

    /// The rest of a string, after its first quote. Says whether it has escapes.
    fn string(&mut self) -> Option<bool> {
        // Names and many values are short, and plain.
        let rest = self.json.get(self.at..)?;
        self.met.media |= begins_media(rest);
        let near = rest.first_chunk::<SHORT>();
        let plain = near.map_or(0, |near| plain(near));
        self.at += plain;
        if near.is_some_and(|near| near.get(plain) == Some(&b'"')) {
            self.at += 1;
            return Some(false);
        }
        self.rest_of_string()
    }

    /// The same of a string that is long, or not plain.
    #[inline(never)]
    fn rest_of_string(&mut self) -> Option<bool> {
        let mut has_escapes = false;
        loop {
            let rest = self.json.get(self.at..)?;
            let blocks = rest.as_chunks().0.iter();
            let blocks = blocks.take_while(|block| is_plain_block(block)).count();
            let (passed, rest) = rest.split_at(blocks * BLOCK);
            let plain = plain(rest);
            self.at += passed.len() + plain + 1;
            match *rest.get(plain)? {
                b'"' => return Some(has_escapes),
                b'\\' => {}
                _ => return None,
            }
            has_escapes = true;
            self.at += 1;
            let after = rest.get(plain + 2..)?;
            match *rest.get(plain + 1)? {
                b'"' => self.met.media |= begins_media(after),
                b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    let digits = after.first_chunk::<4>()?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    self.met.unicode_escapes = true;
                    self.at += digits.len();
                }
                _ => return None,
            }
        }
    }

    /// The rest of a number, after its first digit, which `first` has to be.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => {
                self.digits();
            }
            _ => return None,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn some_digits(&mut self) -> Option<()> {
        (self.digits() > 0).then_some(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }
}

/// The brackets that are yet to be closed, a bit for each: set where it is that of an object.
#[derive(Default)]
struct Open {
    depth: usize,
    /// The innermost of them, as far as they fit.
    bits: u64,
    /// All outside of those, where there are so many.
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, opens: u8) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(opens == b'{');
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth.is_multiple_of(64)
            && let Some(bits) = self.outer.pop()
        {
            self.bits = bits;
        }
    }

    fn innermost(&self) -> u8 {
        if self.bits & 1 == 1 { b'{' } else { b'[' }
    }
}

/// Whether what follows a quote may be something else than text, or its name.
#[inline]
fn begins_media(after_quote: &[u8]) -> bool {
    after_quote.starts_with(DATA_URL) || after_quote.starts_with(INPUT_AUDIO)
}

/// Whether a byte stands for itself in a string, and ends none.
fn is_plain(byte: u8) -> bool {
    // The quote is next to the last of the control characters but for this bit, so one look tells all of them.
    byte ^ 2 > b' ' && byte != b'\\'
}

/// Whether all bytes are plain. Looked at to the end, although one tells: so it is done for many at once.
fn is_plain_block(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(true, |all, byte| all & is_plain(*byte))
}

/// How many bytes, from the first on, are plain.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    let (eights, rest) = bytes.as_chunks();
    let mut plain = 0;
    for eight in eights {
        let more = plain_of_eight(*eight);
        plain += more;
        if more < eight.len() {
            return plain;
        }
    }
    plain + rest.iter().take_while(|byte| is_plain(**byte)).count()
}

/// The same of eight bytes: what `is_plain` says of each, of all at once.
fn plain_of_eight(eight: [u8; 8]) -> usize {
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let bytes = u64::from_le_bytes(eight);
    // A byte that is smaller than what is taken from it gets its highest bit, and may spoil what follows it.
    let low = (bytes ^ each(2)).wrapping_sub(each(b' ' + 1));
    let backslash = (bytes ^ each(b'\\')).wrapping_sub(each(1));
    let ends = (low | backslash) & !bytes & each(1 << 7);
    ends.trailing_zeros() as usize / 8
}

fn closing(opens: u8) -> u8 {
    match opens {
        b'{' => b'}',
        _ => b']',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Whether all of `text` is a value.
    fn passes(text: &str) -> bool {
        let mut reader = Reader::of(text.as_bytes());
        let value = reader.value();
        value.is_some_and(|value| &text[value] == text.trim_matches([' ', '\n', '\t', '\r']))
            && reader.end().is_some()
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn each_byte_is_told_as_it_is_meant() {
        for byte in 0..=u8::MAX {
            let ends = byte < b' ' || byte == b'"' || byte == b'\\';
            assert_eq!(is_plain(byte), !ends, "{byte}");
        }
    }

    #[test]
    fn passes_over_what_is_json_and_nothing_else() {
        for text in [
            "{}",
            " [ ] ",
            r#"{"a" : [1, {"b":[]} ,"c"], "d":{}}"#,
            r#""\"\\\/\b\f\n\r\t\u00e9\ud800""#,
            "-0.5e+10",
            "[0,1e5,-1.25E-3]",
            "true",
            "",
            "tru",
            "truely",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{\"a\":1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12",
            "\"\t\"",
            "\"abc",
            "\"\\",
            "[",
            "]",
            "{\"a\":[}",
        ] {
            assert_eq!(passes(text), is_json(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_parser(text in r#"([\[\]{},: \n"]|"[a-c\\né]{0,3}"|\\u00e|-|0|12|\.5|e|true|null){0,14}"#) {
            prop_assert_eq!(passes(&text), is_json(&text));
        }

        #[test]
        fn agrees_with_a_parser_about_any_string(
            before in "([ -!#-~é]|\\\\[\"n]){0,80}",
            text in "[ -~é\n\u{1}]{0,12}",
        ) {
            for text in [&text, &format!("{before}{text}")] {
                let quoted = format!("\"{text}\"");
                prop_assert_eq!(passes(&quoted), is_json(&quoted));
            }
        }

        #[test]
        fn eight_bytes_are_told_as_one_is(eight in prop::array::uniform8(prop_oneof![any::<u8>(), 0x1f..0x24_u8, 0x5b..0x5e_u8])) {
            let plain = eight.iter().take_while(|byte| is_plain(**byte)).count();
            prop_assert_eq!(plain_of_eight(eight), plain);
        }

        #[test]
        fn agrees_with_a_parser_however_deep(
            levels in prop::collection::vec(any::<bool>(), 60..127),
            flipped in any::<Option<prop::sample::Index>>(),
        ) {
            let opened: String = levels.iter().map(|object| if *object { "{\"a\":" } else { "[" }).collect();
            let closed = levels.iter().enumerate().rev().map(|(level, object)| {
                let is_flipped = flipped.is_some_and(|flipped| flipped.index(levels.len()) == level);
                if *object != is_flipped { '}' } else { ']' }
            });
            let text = opened + "7" + &closed.collect::<String>();
            prop_assert_eq!(passes(&text), flipped.is_none());
            prop_assert_eq!(passes(&text), is_json(&text));
        }
    }
}
