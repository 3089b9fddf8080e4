//! The spec `shadow`, which has shadows and an administrator.

use crate::dataplane::Start;

/// The secret of the key `app` of the spec `shadow`, which may use every model.
pub const APP: &str = "app-secret-1234567890";

/// The secret of the key `limited` of the spec `shadow`, which may ask twice.
pub const LIMITED: &str = "limited-secret-1234567890";

/// The secret of the key `ops` of the spec `shadow`, whose holder is an administrator.
pub const OPS: &str = "ops-secret-1234567890";

/// The dataplane of `tests/specs/shadow.toml` with its secrets. Its upstreams refuse connections until a
/// test says where they are.
pub fn shadow() -> Start {
    Start::of("shadow")
        .env("KEY_APP", APP)
        .env("KEY_LIMITED", LIMITED)
        .env("KEY_OPS", OPS)
}
