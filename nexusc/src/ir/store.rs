//! Where the limits of all replicas are counted.

use std::time::Duration;

use crate::ir::secret::Secret;
use crate::ir::tls::UpstreamTls;
use crate::key_path::KeyPath;

/// Where the limits of all replicas are counted.
#[derive(Debug)]
pub struct Store {
    /// `[store.redis]`.
    pub path: KeyPath,
    /// Where its URL is read from; `None` where that could not be resolved, which is reported.
    pub url: Option<Secret>,
    /// What happens to requests that it does not count; `None` where that is unknown, which is reported.
    pub when_away: Option<WhenAway>,
    /// How long a request waits for it.
    pub timeout: Duration,
    /// How it is reached encrypted, if it is.
    pub tls: Option<UpstreamTls>,
}

/// What happens to requests while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each replica goes by its own counts.
    Admit,
    /// They are refused.
    Refuse,
}

impl WhenAway {
    /// Everything that can happen.
    pub const ALL: [Self; 2] = [Self::Admit, Self::Refuse];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse => "refuse",
        }
    }
}
