//! What goes to an upstream, and what comes back.

use bytes::Bytes;
use hyper::StatusCode;

use crate::endpoint::Operation;
use crate::message::headers::Headers;
use crate::observe::trace::Trace;
use crate::upstream::source::Source;

/// A request as it goes to an upstream.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// What is asked for.
    pub(crate) operation: Operation,
    /// The client's query.
    pub(crate) query: Option<&'a str>,
    /// The client's headers as they came.
    pub(crate) headers: &'a Headers,
    /// The ids of the request.
    pub(crate) trace: &'a Trace,
    /// The gateway's span of this attempt, where that is recorded.
    pub(crate) span: Option<u64>,
    /// Whether it is a shadow's copy.
    pub(crate) is_copy: bool,
    /// The body.
    pub(crate) body: Bytes,
}

/// A response that is worth relaying: its head has come, its body is to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status: 2xx, or a 4xx that the client has to know.
    pub(crate) status: StatusCode,
    /// Those of its headers that are for the client.
    pub(crate) headers: Headers,
    /// Its body.
    pub(crate) source: Source,
}
