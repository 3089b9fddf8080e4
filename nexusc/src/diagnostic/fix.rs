//! The change to a spec that mends a finding, as data; [`crate::fix`] applies it.

use std::fmt;

use crate::key_path::KeyPath;

/// A change that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Whether it can be made without a look at it.
    pub safety: Safety,
    /// What is changed.
    pub change: Change,
}

/// Whether a fix can be made without a look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// There is nothing else that the author can have meant.
    Safe,
    /// It is what the author probably meant.
    Unsafe,
}

/// A change to the text of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The last key of this path becomes another one.
    Rename(KeyPath, String),
    /// The value at this path becomes another one, given as TOML.
    Replace(KeyPath, String),
    /// The entry or the element at this path goes.
    Remove(KeyPath),
    /// A line is added before all others that say something.
    FirstLine(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename(path, name) => write!(f, "rename `{path}` to `{name}`"),
            Self::Replace(path, value) => write!(f, "write `{value}` for `{path}`"),
            Self::Remove(path) => write!(f, "remove `{path}`"),
            Self::FirstLine(line) => write!(f, "add `{line}`"),
        }
    }
}

impl Safety {
    /// As it is printed: `safe` or `unsafe`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

impl Fix {
    /// A change that is what the author meant.
    pub fn safe(change: Change) -> Self {
        Self {
            safety: Safety::Safe,
            change,
        }
    }

    /// A change that the author should look at.
    pub fn probable(change: Change) -> Self {
        Self {
            safety: Safety::Unsafe,
            change,
        }
    }
}
