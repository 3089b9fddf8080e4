//! How upstreams are checked while no client waits.

use std::time::Duration;

use crate::key_path::KeyPath;

/// How an upstream is checked while no client waits for it.
#[derive(Clone, Debug)]
pub struct Health {
    /// What a check asks for.
    pub probe: Probe,
    /// From the end of a check to the next one.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// So many failed checks in a row make it unhealthy.
    pub unhealthy_after: u64,
    /// So many good checks in a row make it healthy again.
    pub healthy_after: u64,
    /// Where it was written: `health` or `upstreams.NAME.health`.
    pub path: KeyPath,
}

/// What a health check asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A path.
    Path(String),
    /// One token of a chat.
    Chat,
    /// One token of a completion.
    Completion,
    /// An embedding.
    Embedding,
}

impl Probe {
    /// Whether it asks the model, and not only the server.
    pub fn is_of_model(&self) -> bool {
        !matches!(self, Self::Path(_))
    }
}
