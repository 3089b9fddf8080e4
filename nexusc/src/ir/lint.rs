//! The findings that a spec allows or makes errors.

use crate::key_path::KeyPath;

/// What becomes of the findings of a code.
#[derive(Debug)]
pub struct Lint {
    /// `[lints.CODE]`.
    pub path: KeyPath,
    /// What becomes of them.
    pub level: Level,
    /// Why.
    pub reason: String,
}

/// What may become of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not reported.
    Allow,
    /// It is an error.
    Deny,
}
