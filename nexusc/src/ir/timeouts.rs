//! How long attempts and requests may take.

use std::time::Duration;

use crate::key_path::KeyPath;

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// To the first byte of the response.
    pub first_byte: Duration,
    /// Between two pieces of the response.
    pub between_chunks: Duration,
}

/// How long requests may take in all.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// A request that is not streamed.
    pub whole: Option<Total>,
    /// A streamed request.
    pub streamed: Option<Total>,
}

/// How long a request may take in all.
#[derive(Clone, Debug)]
pub struct Total {
    /// The time.
    pub time: Duration,
    /// Where it was written: `timeouts.total`, say, or `models.NAME.timeouts.total`.
    pub path: KeyPath,
}
