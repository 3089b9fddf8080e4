//! What the model server says to one request.

use bytes::Bytes;

/// What the model server says to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The response body.
    pub body: AnswerBody,
}

/// The body of an [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerBody {
    /// One JSON document, `application/json`.
    Json(Bytes),
    /// A stream, `text/event-stream`. Each entry is one whole event with its blank line; the last one is
    /// `data: [DONE]`.
    Events(Vec<Bytes>),
}
