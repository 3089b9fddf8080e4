//! Where something stands in a spec: `upstreams.chat-a.timeouts.connect`, `routes.chat.models[0]`.
//!
//! Every entity of the topology keeps its key path, so that any later phase can point at the line that it
//! comes from, and emitted files can name it.

use std::fmt;

/// A path of keys and indices from the root of a TOML document.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(Vec<Segment>);

/// One step of a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// An entry of a table.
    Key(String),
    /// An element of an array.
    Index(usize),
}

impl KeyPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The entry `key` of the table at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    /// The element `index` of the array at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// Reads what [`fmt::Display`] writes, up to the closing bracket that follows it in emitted comments, such as
    /// `# [models."gpt-4.1"]`.
    pub(crate) fn in_brackets(text: &str) -> Option<Self> {
        let mut path = Self::root();
        let mut rest = text;
        loop {
            let (key, after) = read_key(rest)?;
            path = path.key(&key);
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (index, after) = inside.split_once(']')?;
                path = path.index(index.parse().ok()?);
                rest = after;
            }
            if rest.starts_with(']') {
                return Some(path);
            }
            rest = rest.strip_prefix('.')?;
        }
    }

    /// The steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The entry that this stands in: `routes.chat` for `routes.chat.models[0]`.
    #[must_use]
    pub fn entry(&self) -> Self {
        Self(self.0.iter().take(2).cloned().collect())
    }

    /// The key of the last step, if it is one.
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Segment::Key(key)) => Some(key),
            _ => None,
        }
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(&written(key))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// A key as TOML writes it: in quotes where it has to be.
pub(crate) fn written(key: &str) -> String {
    if is_bare(key) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

/// Whether TOML lets this key stand without quotes.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(is_bare_character)
}

fn is_bare_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// The key that a text begins with, in quotes or bare, and what follows it.
fn read_key(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let end = text.find(|c: char| !is_bare_character(c))?;
        let (key, rest) = text.split_at(end);
        return (!key.is_empty()).then(|| (key.to_owned(), rest));
    }
    let mut key = String::new();
    let mut rest = text.char_indices().skip(1);
    loop {
        let (at, c) = rest.next()?;
        match c {
            '"' => return Some((key, text.get(at + 1..)?)),
            '\\' => match rest.next()?.1 {
                'n' => key.push('\n'),
                'r' => key.push('\r'),
                't' => key.push('\t'),
                '0' => key.push('\0'),
                'u' => {
                    let digits = rest.by_ref().map(|(_, c)| c).skip(1);
                    let digits: String = digits.take_while(|&c| c != '}').collect();
                    key.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                same => key.push(same),
            },
            c => key.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_toml_writes_it() {
        let path = KeyPath::root()
            .key("models")
            .key("gpt-4.1")
            .key("fallback")
            .index(1);
        assert_eq!(path.to_string(), r#"models."gpt-4.1".fallback[1]"#);
    }
    #[test]
    fn what_is_displayed_is_read() {
        for name in ["chat", "gpt-4.1", "a\"]\\b", "é\n\u{1}\u{2028}'", ""] {
            let path = KeyPath::root().key("models").key(name);
            for path in [path.key("fallback").index(12), path.index(0).key("x"), path] {
                let comment = format!("{path:?} and [more]");
                let text = comment.strip_prefix('[').unwrap();
                assert_eq!(KeyPath::in_brackets(text), Some(path), "{comment}");
            }
        }
        for text in [
            "",
            "a",
            "a.]",
            "a b]",
            "\"a]",
            "a[x]]",
            "a]b".trim_start_matches("a]"),
        ] {
            assert_eq!(KeyPath::in_brackets(text), None, "{text}");
        }
    }
}
