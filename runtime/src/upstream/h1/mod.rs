//! HTTP/1.1 as a client speaks it (RFC 9112): what goes over a connection to an upstream, as pure functions of
//! bytes.

pub(crate) mod body;
pub(crate) mod request;
pub(crate) mod response;

/// What is no HTTP, or none that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's response is no HTTP")]
pub(crate) struct Malformed;
