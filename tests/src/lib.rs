//! The harness of the end-to-end tests: a compiled dataplane as a process, model servers that fail on
//! demand around it, and an HTTP client that sees every byte.
//!
//! The tests know a dataplane by its binary, its environment, its wire and its log; they depend neither on
//! the compiler nor on the runtime. Everything here panics when it cannot go on, and waits at most
//! [`PATIENCE`] for anything.

mod client;
mod dataplane;
mod log;
mod metrics;
mod neighbours;
mod program;

use std::time::Duration;

pub use crate::client::{Connection, Cut, Head, Request, Response};
pub use crate::dataplane::{Dataplane, Start};
pub use crate::log::Log;
pub use crate::metrics::Metrics;
pub use crate::neighbours::SilentServer;
pub use crate::program::{program, target_directory};

/// The longest that anything is waited for: far longer than anything takes that works, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The secret of the key `full` of the spec `faults`, which may use every model.
pub const FULL: &str = "full-secret-1234567890";

/// The secret of the key `narrow` of the spec `faults`, which may use `plain` and `renamed`.
pub const NARROW: &str = "narrow-secret-1234567890";

/// What the gateway of the spec `faults` presents to its upstream `secured`.
pub const SECURED_API_KEY: &str = "upstream-secret-1234567890";

/// The dataplane of `tests/specs/faults.toml` with its secrets. Its upstreams refuse connections until a
/// test says where they are.
pub fn faults() -> Start {
    Start::of("faults")
        .env("KEY_FULL", FULL)
        .env("KEY_NARROW", NARROW)
        .env("SECURED_API_KEY", SECURED_API_KEY)
}

/// Waits for something that must come.
///
/// # Panics
/// When it has not come after [`PATIENCE`].
pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
