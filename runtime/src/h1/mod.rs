//! HTTP/1.1 (RFC 9112), as far as both sides share it: the gateway towards clients (`server/http1/`) and towards
//! upstreams (`upstream/`).

pub(crate) mod body;
pub(crate) mod fields;
pub(crate) mod landing;
pub(crate) mod stream;

/// What is no HTTP, or none that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no HTTP")]
pub(crate) struct Malformed;
