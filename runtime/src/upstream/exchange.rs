//! What goes to an upstream, and what comes back.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};

use crate::endpoint::Operation;
use crate::upstream::source::Source;

/// A request as it goes to an upstream.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// What is asked for.
    pub(crate) operation: Operation,
    /// The client's query.
    pub(crate) query: Option<&'a str>,
    /// Headers, without those that belong to one connection or one upstream: the
    /// client's own, unless something is added.
    pub(crate) headers: Cow<'a, HeaderMap>,
    /// The body.
    pub(crate) body: Bytes,
}

/// A response that is worth relaying: its head has come, its body is to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status: 2xx, or a 4xx that the client has to know.
    pub(crate) status: StatusCode,
    /// Its headers as they came.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) source: Source,
}
