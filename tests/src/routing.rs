//! The spec `routing`, which has a route of each rule.

use crate::dataplane::Start;

/// The secret of the key `first`, which may use every model.
pub const FIRST: &str = "first-secret-1234567890";

/// The secret of the key `second`, which may not use the default model.
pub const SECOND: &str = "second-secret-1234567890";

/// The dataplane of `tests/specs/routing.toml` with its secrets. Its upstreams refuse connections until a
/// test says where they are.
pub fn routing() -> Start {
    Start::of("routing")
        .env("KEY_FIRST", FIRST)
        .env("KEY_SECOND", SECOND)
}
