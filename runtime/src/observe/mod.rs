//! What operators see: metrics, log lines, and the ids that tie them to a request.

pub(crate) mod account;
#[cfg(feature = "audit")]
pub(crate) mod audit;
mod batch;
pub(crate) mod clock;
pub(crate) mod level;
pub(crate) mod line;
pub(crate) mod log;
mod mask;
pub(crate) mod metrics;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
pub(crate) mod outcome;
pub(crate) mod panics;
mod register;
pub(crate) mod reports;
mod sample;
mod thread;
#[cfg(feature = "certificates")]
pub(crate) mod tls_metrics;
pub(crate) mod trace;
