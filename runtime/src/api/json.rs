//! Passing over JSON: the values of a document one after the other, each as the text that it was written as.
//!
//! What the gateway needs of a body is a few short fields; the rest has only to be JSON. So strings, of which
//! prompts are made, are looked through many bytes at once, and nothing is built or decoded.

/// Up to how many bytes of a string are looked at one by one.
const SHORT: usize = 16;

/// A place in a document. Whatever is no JSON there gives `None`.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The brackets that are yet to be closed.
    open: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// At the start of `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            open: Vec::new(),
        }
    }

    /// What was passed over since it was at `start`.
    pub(crate) fn since(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    /// Where it is, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space, which is left there.
    pub(crate) fn peek(&mut self) -> Option<u8> {
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
        if self.closes(closing(opens)) {
            return Some(false);
        }
        self.expect(b',')?;
        Some(true)
    }

    /// The name of a field, quotes included, up to its value.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at - 1;
        self.string()?;
        let name = self.since(start);
        self.expect(b':')?;
        name
    }

    /// The value that begins here, as it is written.
    pub(crate) fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        let depth = self.open.len();
        loop {
            match self.peek()? {
                opens @ (b'{' | b'[') => {
                    if self.enter(opens)? {
                        self.open.push(opens);
                        if opens == b'{' {
                            self.name()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // A value has ended, and with it perhaps those that it is in.
            loop {
                if self.open.len() == depth {
                    return self.since(start);
                }
                let opens = *self.open.last()?;
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
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let is_there = self.peek()? == byte;
        self.at += 1;
        is_there.then_some(())
    }

    fn closes(&mut self, closing: u8) -> bool {
        let closes = self.peek() == Some(closing);
        self.at += usize::from(closes);
        closes
    }

    fn scalar(&mut self) -> Option<()> {
        let first = self.byte()?;
        self.at += 1;
        match first {
            b'"' => self.string(),
            b't' => self.word("rue"),
            b'f' => self.word("alse"),
            b'n' => self.word("ull"),
            b'-' => {
                let first = self.byte()?;
                self.at += 1;
                self.number(first)
            }
            first => self.number(first),
        }
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        let is_there = self.text.get(self.at..)?.starts_with(rest);
        self.at += rest.len();
        is_there.then_some(())
    }

    /// The rest of a string, after its first quote.
    fn string(&mut self) -> Option<()> {
        // Names and many values are short: they end before a search for many bytes at once would have begun.
        let rest = self.text.as_bytes().get(self.at..)?;
        let near = rest.get(..SHORT).unwrap_or(rest);
        let length = near.iter().take_while(|byte| is_plain(**byte)).count();
        if near.get(length) == Some(&b'"') {
            self.at += length + 1;
            return Some(());
        }
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let length = memchr::memchr2(b'"', b'\\', rest)?;
            let (plain, end) = rest.split_at(length);
            // To the end, although one is enough: so it is done for many bytes at once.
            if plain.iter().fold(false, |any, byte| any | (*byte < b' ')) {
                return None;
            }
            self.at += length + 1;
            if end.first() == Some(&b'"') {
                return Some(());
            }
            match *end.get(1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' if end.get(2..6)?.iter().all(u8::is_ascii_hexdigit) => self.at += 5,
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

/// Whether a byte stands for itself in a string, and ends none.
fn is_plain(byte: u8) -> bool {
    PLAIN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Settled here, as every byte of every name is asked for.
#[expect(clippy::indexing_slicing, reason = "the compiler does it")]
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < plain.len() {
        plain[byte] = byte >= 0x20 && byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

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
        let mut reader = Reader::of(text);
        let value = reader.value();
        value.is_some_and(|value| value == text.trim_matches([' ', '\n', '\t', '\r']))
            && reader.end().is_some()
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
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
        fn agrees_with_a_parser_about_any_string(text in "[ -~é\n\u{1}]{0,12}") {
            let quoted = format!("\"{text}\"");
            prop_assert_eq!(passes(&quoted), is_json(&quoted));
        }
    }
}
