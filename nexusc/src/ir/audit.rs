//! What is written about requests, and what is kept out of it.

use crate::ir::secret::Secret;
use crate::key_path::KeyPath;

/// The record of who asked what.
#[derive(Debug)]
pub struct Audit {
    /// `[audit]`.
    pub path: KeyPath,
    /// Where the salt is read from; `None` where that is reported.
    pub salt: Option<Secret>,
    /// The file that records are appended to; `None` for standard output.
    pub file: Option<String>,
    /// What happens to requests while records cannot be written; `None` where that is reported.
    pub when_failing: Option<WhenFailing>,
}

/// What happens to requests while they cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFailing {
    /// They are served.
    Admit,
    /// They are refused.
    Refuse,
}

impl WhenFailing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Admit, Self::Refuse];

    /// As specs write it: `admit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse => "refuse",
        }
    }
}

/// What is kept out of what is written about requests.
#[derive(Debug)]
pub struct Privacy {
    /// The last part of client addresses.
    pub client_ip: bool,
    /// E-mail addresses.
    pub email: bool,
    /// Telephone numbers.
    pub phone: bool,
    /// API keys and tokens.
    pub key: bool,
}
