//! What the server remembers of a request.

use serde::{Deserialize, Serialize};

use crate::server::payload::Payload;

/// A request that the server received.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Received {
    /// The connection it came on, counted from 1.
    pub connection: u64,
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer encoding.
    pub body: Payload,
    /// How it ended; `None` while it is being answered.
    pub outcome: Option<Outcome>,
}

impl Received {
    /// The path without its query.
    pub(super) fn bare_path(&self) -> &str {
        self.path
            .split_once('?')
            .map_or(&self.path, |(path, _)| path)
    }

    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the client went away before the answer was complete.
    pub fn aborted(&self) -> bool {
        self.outcome.is_some_and(|outcome| outcome.aborted)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether the client went away before the answer was complete.
    pub aborted: bool,
    /// From the complete request to the end, in milliseconds.
    pub elapsed_ms: u64,
}
