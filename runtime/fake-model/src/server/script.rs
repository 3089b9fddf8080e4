//! What a test or a user can make the server do: the body of `POST /_fake/script`.
//!
//! ```json
//! {"rules": [
//!   {"times": 1, "action": {"respond": {"status": 429, "headers": {"retry-after": "7"}}}},
//!   {"times": 2, "action": "reset"},
//!   {"action": {"stream": {"count": 3, "pace_ms": 50, "ending": "stall"}}}
//! ]}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::server::payload::Payload;

/// The rules for the requests to come.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// A request takes the first rule that matches it and has not been used up.
    pub rules: Vec<Rule>,
}

/// What happens to some requests.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// How many requests it is for; absent: every one.
    pub times: Option<u32>,
    /// The path, without a query, of the requests that it is for; absent: any.
    pub path: Option<String>,
    /// Whether nothing is sent before a release (`POST /_fake/release?chunks=1`).
    pub held: bool,
    /// A pause before anything is sent, in milliseconds.
    pub delay_ms: u64,
    /// What happens then.
    pub action: Action,
}

/// What the server does with a request.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Answers as a model would.
    #[default]
    Model,
    /// Sends this response.
    Respond(Response),
    /// Streams these chunks.
    Stream(Stream),
    /// Sends these bytes in place of a response, and closes the connection.
    Raw(Payload),
    /// Sends nothing, and keeps the connection open until the client gives up.
    Stall,
    /// Resets the connection without an answer.
    Reset,
    /// Closes the connection without an answer.
    Close,
}

/// A response with its body at once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers beside the content's type and length; `content-type` here replaces `application/json`.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Payload,
    /// A length to announce that is not the body's. The connection is closed after the body.
    pub content_length: Option<u64>,
}

impl Default for Response {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            body: Payload::default(),
            content_length: None,
        }
    }
}

/// A response in chunks: by default server-sent events of a chat.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stream {
    /// The status code.
    pub status: u16,
    /// Headers beside the transfer encoding; `content-type` here replaces `text/event-stream`.
    pub headers: BTreeMap<String, String>,
    /// What is sent, each as one write and one HTTP chunk; events may be split anywhere. Absent: `count`
    /// chat events, and at a proper end a finishing one and `[DONE]`.
    pub chunks: Option<Vec<Payload>>,
    /// How many chat events are sent in the absence of `chunks`.
    pub count: u32,
    /// A pause before each chunk but the first, in milliseconds.
    pub pace_ms: u64,
    /// Whether each chunk but the first waits for a release (`POST /_fake/release?chunks=1`).
    pub gated: bool,
    /// What happens after the last chunk.
    pub ending: Ending,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            status: 200,
            headers: BTreeMap::new(),
            chunks: None,
            count: 3,
            pace_ms: 0,
            gated: false,
            ending: Ending::Proper,
        }
    }
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// As HTTP wants it: the client knows that it has everything.
    #[default]
    Proper,
    /// Not at all: nothing more is sent until the client gives up.
    Stall,
    /// The connection is reset.
    Reset,
    /// The connection is closed in the middle of the body.
    Close,
}

impl Rule {
    /// Every request is treated like this.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            ..Self::default()
        }
    }

    /// A response with this status and body.
    pub fn respond(status: u16, body: impl Into<Payload>) -> Self {
        let body = body.into();
        Self::new(Action::Respond(Response {
            status,
            body,
            ..Response::default()
        }))
    }

    /// A stream of these chunks.
    pub fn stream<T: Into<Payload>>(chunks: impl IntoIterator<Item = T>) -> Self {
        let chunks = Some(chunks.into_iter().map(Into::into).collect());
        Self::new(Action::Stream(Stream {
            chunks,
            ..Stream::default()
        }))
    }

    /// A stream of chat events, as many as `count` beside the finishing ones.
    pub fn chat_stream(count: u32) -> Self {
        Self::new(Action::Stream(Stream {
            count,
            ..Stream::default()
        }))
    }

    /// Only for so many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Nothing is sent before a release.
    pub fn held(self) -> Self {
        Self { held: true, ..self }
    }

    /// Each chunk of the stream but the first waits for a release.
    pub fn gated(mut self) -> Self {
        if let Action::Stream(stream) = &mut self.action {
            stream.gated = true;
        }
        self
    }

    /// The stream ends like this.
    pub fn ending(mut self, ending: Ending) -> Self {
        if let Action::Stream(stream) = &mut self.action {
            stream.ending = ending;
        }
        self
    }

    /// The response has this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Action::Respond(Response { headers, .. }) | Action::Stream(Stream { headers, .. }) =
            &mut self.action
        {
            headers.insert(name.to_owned(), value.to_owned());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_documentation_is_understood() {
        let example = r#"{"rules": [
            {"times": 1, "action": {"respond": {"status": 429, "headers": {"retry-after": "7"}}}},
            {"times": 2, "action": "reset"},
            {"action": {"stream": {"count": 3, "pace_ms": 50, "ending": "stall"}}}
        ]}"#;
        let script: Script = serde_json::from_str(example).unwrap();
        assert_eq!(script.rules.len(), 3);
        assert!(matches!(script.rules[1].action, Action::Reset));
    }

    #[test]
    fn unknown_fields_are_refused() {
        for script in [
            r#"{"rule": []}"#,
            r#"{"rules": [{"time": 1}]}"#,
            r#"{"rules": [{"action": {"respond": {"code": 500}}}]}"#,
            r#"{"rules": [{"action": "explode"}]}"#,
        ] {
            assert!(serde_json::from_str::<Script>(script).is_err(), "{script}");
        }
    }
}
