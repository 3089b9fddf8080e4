//! What a server is given at its start.

use std::time::Duration;

/// What a server is like before a script says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The models that it has; a request for another is answered 404. Empty: it has every model.
    pub models: Vec<String>,
    /// The pause before each event of a stream that is not scripted.
    pub pace: Duration,
}
