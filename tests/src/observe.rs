//! The spec `observe`, for what is written about requests.

use crate::dataplane::Start;
use crate::shadow::OPS;

/// The secret of the key `web` of the spec `observe`, of whose requests a part is logged.
pub const WEB: &str = "web-secret-1234567890";

/// The secret of the key `watched` of the spec `observe`, of whose requests each is logged.
pub const WATCHED: &str = "watched-secret-1234567890";

/// The dataplane of `tests/specs/observe.toml` with its secrets, its audit log in `file`. Its upstreams
/// refuse connections until a test says where they are.
pub fn observe(file: &str) -> Start {
    Start::of("observe")
        .env("KEY_WEB", WEB)
        .env("KEY_WATCHED", WATCHED)
        .env("KEY_OPS", OPS)
        .env("AUDIT_SALT", "salt-and-pepper-1234567890")
        .env("NEXUS_AUDIT_FILE", file)
        .env("OTLP_AUTHORIZATION", "Bearer collector-secret-1234567890")
}
