//! What operators see: metrics, log lines, and the ids that tie them to a request.

pub(crate) mod account;
pub(crate) mod clock;
pub(crate) mod level;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod outcome;
pub(crate) mod panics;
#[cfg(feature = "certificates")]
pub(crate) mod tls_metrics;
pub(crate) mod trace;
