//! Server-sent events, as OpenAI streams them.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::answer::{Answer, AnswerBody};
use crate::error::to_json;

/// A stream under construction.
#[derive(Default)]
pub(crate) struct EventStream(Vec<Bytes>);

impl EventStream {
    /// Adds one event.
    pub(crate) fn push(&mut self, chunk: &impl Serialize) {
        self.0.push(event(&to_json(chunk)));
    }

    /// The whole answer, with the `[DONE]` that ends it.
    pub(crate) fn finish(mut self) -> Answer {
        self.0.push(event(b"[DONE]"));
        Answer {
            status: 200,
            body: AnswerBody::Events(self.0),
        }
    }
}

fn event(data: &[u8]) -> Bytes {
    let mut text = BytesMut::with_capacity(data.len() + 8);
    text.put_slice(b"data: ");
    text.put_slice(data);
    text.put_slice(b"\n\n");
    text.freeze()
}
