//! The spec `faults`, which most tests run against.

use crate::dataplane::Start;

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
