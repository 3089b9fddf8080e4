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
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
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
}
