//! HTTP/1.1 as a client speaks it (RFC 9112): heads that go over a connection to an upstream, as pure functions of
//! bytes.

pub(crate) mod request;
pub(crate) mod response;
