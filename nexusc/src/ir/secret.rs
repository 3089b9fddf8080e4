//! Where secrets are read from.

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
}
