//! A spec as it was written: its text, its TOML document, and the way from a key path to a span of text.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::key_path::{KeyPath, Segment};

/// A spec file: what [`crate::compile`] reads.
#[derive(Clone, Debug)]
pub struct Source {
    /// How the file is named in diagnostics; only its last part, the spec's name, reaches emitted files.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Where its bytes cease to be UTF-8, if they do; from there on the text is what could be read.
    pub not_utf8_from: Option<usize>,
    /// The files that it names ([`crate::files_of`]), or why one could not be read.
    pub files: BTreeMap<String, Result<File, String>>,
}

/// A file that a spec names, as far as it is looked at.
#[derive(Clone, Debug)]
pub struct File {
    /// Its beginning; of weights, at least the header.
    pub head: Vec<u8>,
    /// Its length in bytes.
    pub length: u64,
}

impl Source {
    /// A source named `path` with this text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            not_utf8_from: None,
            files: BTreeMap::new(),
        }
    }

    /// A source of the bytes of a file, which may be no text.
    pub fn from_bytes(path: impl Into<String>, bytes: &[u8]) -> Self {
        let read = str::from_utf8(bytes);
        Self {
            not_utf8_from: read.err().map(|error| error.valid_up_to()),
            ..Self::new(path, String::from_utf8_lossy(bytes))
        }
    }

    /// The same with the files that the spec names.
    #[must_use]
    pub fn with_files(mut self, files: BTreeMap<String, Result<File, String>>) -> Self {
        self.files = files;
        self
    }

    /// The spec's name: the file name without folder and `.toml`.
    pub fn name(&self) -> &str {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        file.strip_suffix(".toml").unwrap_or(file)
    }

    /// One-based line and column (in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        (line, column)
    }
}

/// A place in a spec that a diagnostic points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The last key of this path; for an array element, the element.
    Key(KeyPath),
    /// The value at this path; where there is none, the nearest table that exists.
    Value(KeyPath),
    /// A span of bytes.
    Span(Range<usize>),
}

/// The span that `place` has in the document; empty at the start of the file where nothing matches.
pub fn span_of(document: &Spanned<DeTable<'_>>, place: &Place) -> Range<usize> {
    let (path, want_key) = match place {
        Place::Span(span) => return span.clone(),
        Place::Key(path) => (path, true),
        Place::Value(path) => (path, false),
    };
    let mut found = 0..0;
    let mut here = Node::Table(document.get_ref());
    for (position, segment) in path.segments().iter().enumerate() {
        let last = position + 1 == path.segments().len();
        let next = match (&here, segment) {
            (Node::Table(table), Segment::Key(key)) => {
                table.get_key_value(key.as_str()).map(|(key, value)| {
                    // A table written as `[a.b]` is best shown by its name: its own span is the header alone.
                    let by_key = want_key && last || value.get_ref().is_table() && !last;
                    (if by_key { key.span() } else { value.span() }, value)
                })
            }
            (Node::Array(array), Segment::Index(index)) => {
                array.get(*index).map(|value| (value.span(), value))
            }
            _ => None,
        };
        let Some((span, value)) = next else { break };
        found = span;
        here = match value.get_ref() {
            DeValue::Table(table) => Node::Table(table),
            DeValue::Array(array) => Node::Array(array),
            _ => Node::Leaf,
        };
    }
    found
}

enum Node<'d, 'i> {
    Table(&'d DeTable<'i>),
    Array(&'d toml::de::DeArray<'i>),
    Leaf,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, place: &Place) -> String {
        let document = DeTable::parse(text).unwrap();
        text[span_of(&document, place)].to_owned()
    }

    #[test]
    fn finds_keys_values_and_elements() {
        let text = "[routes.chat]\nmodels = [\"a\", \"b\"]\n";
        let route = KeyPath::root().key("routes").key("chat");
        assert_eq!(at(text, &Place::Key(route.clone())), "chat");
        assert_eq!(at(text, &Place::Key(route.key("models"))), "models");
        assert_eq!(
            at(text, &Place::Value(route.key("models").index(1))),
            "\"b\""
        );
    }

    #[test]
    fn a_missing_key_points_at_its_table() {
        let text = "[routes.chat]\n";
        let missing = KeyPath::root().key("routes").key("chat").key("models");
        assert_eq!(at(text, &Place::Value(missing)), "chat");
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("specs/a.toml", "a = 1\nä = 2");
        assert_eq!(source.line_column(9), (2, 3));
        assert_eq!(source.name(), "a");
    }
}
