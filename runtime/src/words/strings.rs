//! The strings of a JSON document one after the other, with where they stand, without building it.

use std::fmt;

use memchr::memchr2;

/// The fields of a request whose name a message repeats.
const NAMED: [&str; 4] = ["messages", "prompt", "input", "tools"];

/// The fields that hold pictures, sounds and files.
const BINARY: [&str; 4] = ["data", "file_data", "image_url", "url"];

/// What is shorter is searched all the same: it may be a word.
const MIN_BINARY: usize = 256;

/// Where a string stands in a request: `prompt`, or `messages[3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    field: &'static str,
    index: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => formatter.write_str(self.field),
            Some(index) => write!(formatter, "{}[{index}]", self.field),
        }
    }
}

/// One string: a value, or the name of a field.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// What stands between its quotes.
    pub(super) raw: &'a str,
    /// Whether that is not what it means.
    pub(super) has_escapes: bool,
    /// Where it stands, if that has a name.
    pub(super) place: Option<Place>,
    /// The last name before it.
    name: &'a str,
}

/// The strings of a document.
pub(super) struct Strings<'a> {
    json: &'a str,
    at: usize,
    depth: usize,
    place: Option<Place>,
    name: &'a str,
}

impl<'a> Strings<'a> {
    /// The strings of `json`; if that is none, some pieces of it.
    pub(super) fn of(json: &'a str) -> Self {
        Self {
            json,
            at: 0,
            depth: 0,
            place: None,
            name: "",
        }
    }

    /// The string that begins here, after its first quote.
    fn string(&mut self) -> Option<Piece<'a>> {
        let rest = self.json.get(self.at..)?;
        let (raw, has_escapes) = until_quote(rest)?;
        self.at += raw.len() + 1;
        let after = self.json.as_bytes().get(self.at..)?;
        let next = after.iter().find(|byte| !byte.is_ascii_whitespace());
        if next == Some(&b':') {
            self.name = raw;
            if self.depth == 1 {
                let field = NAMED.into_iter().find(|field| *field == raw);
                self.place = field.map(|field| Place { field, index: None });
            }
        }
        Some(Piece {
            raw,
            has_escapes,
            place: self.place,
            name: self.name,
        })
    }

    /// The index in the list that a field of the request is, if it is one.
    fn index(&mut self) -> Option<&mut Option<usize>> {
        self.place.as_mut().map(|place| &mut place.index)
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let byte = *self.json.as_bytes().get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return self.string(),
                b'[' | b'{' => {
                    self.depth += 1;
                    if self.depth == 2
                        && byte == b'['
                        && let Some(index) = self.index()
                    {
                        *index = Some(0);
                    }
                }
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                b',' if self.depth == 2 => {
                    if let Some(Some(index)) = self.index() {
                        *index += 1;
                    }
                }
                _ => {}
            }
        }
    }
}

impl Piece<'_> {
    /// Whether it is a picture, a sound or a file in base64, which nobody reads.
    pub(super) fn is_binary(&self) -> bool {
        self.raw.len() >= MIN_BINARY && BINARY.contains(&self.name) && is_base64(content(self.raw))
    }
}

/// The content of a `data:` URL in base64, or all of anything else.
fn content(raw: &str) -> &str {
    match raw.split_once(";base64,") {
        Some((head, content)) if head.starts_with("data:") => content,
        _ => raw,
    }
}

fn is_base64(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'+' | b'/' | b'=' => true,
            // Some write a slash as `\/`.
            b'\\' => bytes.next() == Some(b'/'),
            _ => byte.is_ascii_alphanumeric(),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// What stands before the quote that ends a string, and whether it has escapes.
fn until_quote(text: &str) -> Option<(&str, bool)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut has_escapes = false;
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some((text.get(..at)?, has_escapes));
        }
        has_escapes = true;
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Every string of `value`, names included, in no order.
    fn strings(value: &Value) -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(values) => values.iter().flat_map(strings).collect(),
            Value::Object(fields) => {
                let of_field = |(name, value): (&String, &Value)| {
                    [vec![name.clone()], strings(value)].concat()
                };
                fields.iter().flat_map(of_field).collect()
            }
            _ => Vec::new(),
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            r#"[a-z"\\:,\[\]{}é]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(r#"[a-z":,\\]{0,4}"#, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_string_of_a_document_is_left_out(document in document(), pretty in any::<bool>()) {
            let json = if pretty {
                serde_json::to_string_pretty(&document).unwrap()
            } else {
                document.to_string()
            };
            let decoded = |piece: Piece<'_>| {
                serde_json::from_str::<String>(&format!("\"{}\"", piece.raw)).unwrap()
            };
            let mut found: Vec<_> = Strings::of(&json).map(decoded).collect();
            let mut expected = strings(&document);
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
