//! What is told to other systems about requests.

use crate::ir::percent::Percent;
use crate::ir::secret::Secret;
use crate::ir::upstream::Endpoint;
use crate::key_path::KeyPath;

/// Where spans go, and of which requests.
#[derive(Debug)]
pub struct Otlp {
    /// `[telemetry.otlp]`.
    pub path: KeyPath,
    /// The collector; `None` where it could not be read, which is reported.
    pub endpoint: Option<Endpoint>,
    /// The part of requests that is recorded.
    pub sample: Percent,
    /// Headers with where their values are read from, sorted by name; `None` where that is reported.
    pub headers: Vec<(String, Option<Secret>)>,
}
