//! Events that tell of an error: at the beginning of a stream, which another upstream may then answer, and
//! later, where its client is told by the event itself.
//!
//! Servers send the head of a stream, 200, before they work on it; what fails then is an event.

use hyper::StatusCode;
use memchr::memmem;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::headers::Headers;
use crate::sse::{self, Boundaries};
use crate::upstream::failure::Failure;

/// The most that is read of a first event in pieces, in bytes, to know whether it is an error.
const MAX_OPENING: usize = 16 * 1024;

const ERROR: &[u8] = b"\"error\"";

/// What the beginning of a stream tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// It may be an error: more has to come.
    Undecided,
    /// The client should have it.
    Good,
    /// The upstream has failed.
    Failed(Failure),
}

impl Opening {
    /// Of a stream that begins like this.
    pub(crate) fn of(begun: &[u8]) -> Self {
        match Boundaries::new().next_end(begun) {
            Some(end) => Self::of_event(begun.get(..end).unwrap_or_default()),
            None if begun.len() < MAX_OPENING && may_be_error(begun) => Self::Undecided,
            None => Self::Good,
        }
    }

    /// Of a stream whose first event this is, perhaps without its last line end.
    pub(crate) fn of_event(event: &[u8]) -> Self {
        if memmem::find(event, ERROR).is_none() {
            return Self::Good;
        }
        match sse::data(event).and_then(|data| failure(&data)) {
            Some(failure) => Self::Failed(failure),
            None => Self::Good,
        }
    }
}

/// The failure of the upstream that an event within a stream tells of.
pub(crate) fn failure_within(event: &[u8]) -> Option<Failure> {
    // Of nearly all events the first bytes tell that they have none.
    match may_be_error(event).then(|| Opening::of_event(event)) {
        Some(Opening::Failed(failure)) => Some(failure),
        _ => None,
    }
}

/// Whether what begins like this may be an event with an error: of any other, the first bytes tell.
fn may_be_error(begun: &[u8]) -> bool {
    const DATA: &[u8] = b"data:";
    let Some(data) = begun.strip_prefix(DATA) else {
        return DATA.starts_with(begun) || begun.starts_with(b"event");
    };
    let data = data.trim_ascii_start();
    let Some(object) = data.strip_prefix(b"{") else {
        return data.is_empty();
    };
    let name = object.trim_ascii_start();
    name.starts_with(ERROR) || ERROR.starts_with(name)
}

/// What an error says of itself.
#[derive(Deserialize)]
struct Details {
    code: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<Value>,
}

/// The failure that the data of an event tells of; `None` where it tells of none, or of a mistake of the
/// client's own.
fn failure(data: &[u8]) -> Option<Failure> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        error: Option<&'a RawValue>,
        object: Option<Value>,
    }
    let event: Event<'_> = serde_json::from_slice(data).ok()?;
    let error = match event.error {
        Some(error) => error.get().as_bytes(),
        None if event.object.is_some_and(|object| object == "error") => data,
        None => return None,
    };
    let details: Option<Details> = serde_json::from_slice(error).ok();
    match details.as_ref().and_then(Details::status) {
        Some(status) => Failure::of_status(status, &Headers::default()),
        None if details.is_some_and(|details| details.blames_the_client()) => None,
        None => Some(Failure::ErrorEvent),
    }
}

impl Details {
    /// The status that it would have been before the head of the stream. LiteLLM writes it as a string.
    fn status(&self) -> Option<StatusCode> {
        let status = match self.code.as_ref()? {
            Value::String(code) => StatusCode::from_bytes(code.as_bytes()).ok()?,
            code => StatusCode::from_u16(u16::try_from(code.as_u64()?).ok()?).ok()?,
        };
        (status.is_client_error() || status.is_server_error()).then_some(status)
    }

    /// Whether it is of a kind that OpenAI, or vLLM, has for requests that nobody could answer. Its code is a name
    /// then, such as `context_length_exceeded`.
    fn blames_the_client(&self) -> bool {
        let kind = self.kind.as_ref().and_then(Value::as_str);
        matches!(kind, Some("invalid_request_error" | "BadRequestError"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16) -> Opening {
        Opening::Failed(Failure::Status {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
        })
    }

    #[test]
    fn an_error_is_told_from_content() {
        for (begun, opening) in [
            (
                "data: {\"error\":{\"message\":\"x\"}}\n\n",
                Opening::Failed(Failure::ErrorEvent),
            ),
            (
                "event: error\ndata: {\"error\":\"x\"}\n\n",
                Opening::Failed(Failure::ErrorEvent),
            ),
            (
                "data: {\"error\":{\"code\":500}}\n\ndata: [DONE]\n\n",
                failed(500),
            ),
            ("data: {\"object\":\"error\",\"code\":503}\n\n", failed(503)),
            ("data: {\"error\":{\"code\":429}}\n\n", failed(429)),
            ("data: {\"error\":{\"code\":400}}\n\n", Opening::Good),
            (
                "data: {\"error\":{\"message\":\"x\",\"type\":null,\"param\":null,\"code\":\"400\"}}\n\n",
                Opening::Good,
            ),
            ("data: {\"error\":{\"code\":\"503\"}}\n\n", failed(503)),
            (
                "data: {\"object\":\"error\",\"code\":\"422\"}\n\n",
                Opening::Good,
            ),
            (
                "data: {\"error\":{\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}\n\n",
                Opening::Good,
            ),
            (
                "data: {\"error\":{\"type\":\"BadRequestError\",\"code\":\"content_filter\"}}\n\n",
                Opening::Good,
            ),
            (
                "data: {\"object\":\"error\",\"type\":\"BadRequestError\",\"code\":null}\n\n",
                Opening::Good,
            ),
            // A number says more than a name.
            (
                "data: {\"error\":{\"type\":\"invalid_request_error\",\"code\":\"401\"}}\n\n",
                failed(401),
            ),
            (
                "data: {\"error\":{\"type\":\"server_error\",\"code\":\"content_filter\"}}\n\n",
                Opening::Failed(Failure::ErrorEvent),
            ),
            (
                "data: {\"error\":{\"code\":\"+400\"}}\n\n",
                Opening::Failed(Failure::ErrorEvent),
            ),
            ("data: {\"error\":null,\"choices\":[]}\n\n", Opening::Good),
            (
                "data: {\"choices\":[{\"text\":\"\\\"error\\\"\"}]}\n\n",
                Opening::Good,
            ),
            ("data: {\"x\":[\"error\"]}\n\n", Opening::Good),
            ("data: [DONE]\n\n", Opening::Good),
            (": ping\n\n", Opening::Good),
        ] {
            assert_eq!(Opening::of(begun.as_bytes()), opening, "{begun}");
        }
    }

    #[test]
    fn only_what_may_be_an_error_is_waited_for() {
        let error = "data: { \"error\": {\"message\":\"x\"}}\n";
        for end in 1..=error.len() {
            assert_eq!(
                Opening::of(&error.as_bytes()[..end]),
                Opening::Undecided,
                "{end}"
            );
        }
        for other in [
            "data: {\"i",
            "data: {\"err\"",
            "data: x",
            ": pi",
            "id: 7\n",
            "x",
        ] {
            assert_eq!(Opening::of(other.as_bytes()), Opening::Good, "{other}");
        }
        let endless = error.repeat(MAX_OPENING / error.len() + 1);
        assert_eq!(Opening::of(endless.as_bytes()), Opening::Good);
    }
}
