//! A chat reply as one document, or as a stream of chunks.

use serde::Serialize;

use crate::answer::Answer;
use crate::error::json_answer;
use crate::events::EventStream;
use crate::identity::{CREATED, response_id};
use crate::words::{self, Usage};

/// What the model says, in the pieces in which it is streamed.
pub(super) struct Reply {
    pub(super) deltas: Vec<Delta>,
    pub(super) finish_reason: FinishReason,
}

impl Reply {
    /// How many tokens it has.
    pub(super) fn tokens(&self) -> u64 {
        self.deltas.iter().map(Delta::tokens).sum()
    }
}

/// A piece of a reply.
pub(super) enum Delta {
    Text(String),
    ToolCall(ToolCall),
}

impl Delta {
    fn tokens(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::ToolCall(call) => 1 + words::count(&call.arguments),
        }
    }
}

/// A call of a function.
pub(super) struct ToolCall {
    pub(super) name: String,
    /// A JSON object, as text.
    pub(super) arguments: String,
}

/// Why the reply ended.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FinishReason {
    Stop,
    Length,
    ToolCalls,
}

/// What every part of one response has in common.
pub(super) struct Responder {
    id: String,
    model: String,
    choices: u64,
    usage: Usage,
    /// Whether probabilities of tokens are told.
    logprobs: bool,
}

impl Responder {
    pub(super) fn new(
        request: &[u8],
        model: String,
        choices: u64,
        usage: Usage,
        logprobs: bool,
    ) -> Self {
        Self {
            id: response_id("chatcmpl", request),
            model,
            choices,
            usage,
            logprobs,
        }
    }

    /// One JSON document.
    pub(super) fn whole(&self, reply: &Reply) -> Answer {
        let choices = (0..self.choices).map(|index| {
            let (message, finish_reason) = (Message::of(reply), Some(reply.finish_reason));
            Choice {
                index,
                logprobs: self.logprobs(reply.deltas.iter()),
                finish_reason,
                part: Part::Message(message),
            }
        });
        json_answer(&self.document("chat.completion", choices.collect(), Some(Some(self.usage))))
    }

    /// A stream: the role, the pieces, the reason to stop, and the usage where it was asked for.
    pub(super) fn stream(&self, reply: &Reply, include_usage: bool) -> Answer {
        // With `include_usage` every chunk has the field, null in all but the last.
        let no_usage = include_usage.then_some(None);
        let mut events = EventStream::default();
        let mut push_to_each =
            |delta: &dyn Fn() -> Message, said: Option<&Delta>, finish_reason| {
                for index in 0..self.choices {
                    let part = Part::Delta(delta());
                    let choice = Choice {
                        index,
                        logprobs: said.and_then(|said| self.logprobs([said].into_iter())),
                        finish_reason,
                        part,
                    };
                    events.push(&self.document("chat.completion.chunk", vec![choice], no_usage));
                }
            };
        push_to_each(&Message::opening, None, None);
        for delta in &reply.deltas {
            match delta {
                Delta::Text(text) => {
                    push_to_each(&|| Message::text(text.clone()), Some(delta), None)
                }
                Delta::ToolCall(call) => {
                    push_to_each(
                        &|| Message::tool_call(call, "", Position::Streamed),
                        None,
                        None,
                    );
                    for piece in words::pieces(&call.arguments) {
                        push_to_each(&|| Message::arguments(piece), None, None);
                    }
                }
            }
        }
        push_to_each(&Message::default, None, Some(reply.finish_reason));
        if include_usage {
            let usage = Some(Some(self.usage));
            events.push(&self.document("chat.completion.chunk", Vec::new(), usage));
        }
        events.finish()
    }

    /// The probabilities of what is said, each 1: this model is certain. Null where there is no text.
    fn logprobs<'a>(&self, said: impl Iterator<Item = &'a Delta>) -> Option<Logprobs> {
        let texts = said.filter_map(|delta| match delta {
            Delta::Text(text) => Some(TokenLogprob::certain(text)),
            Delta::ToolCall(_) => None,
        });
        let content: Vec<_> = texts.filter(|_| self.logprobs).collect();
        (!content.is_empty()).then_some(Logprobs { content })
    }

    fn document(
        &self,
        object: &'static str,
        choices: Vec<Choice>,
        usage: Option<Option<Usage>>,
    ) -> Document<'_> {
        Document {
            id: &self.id,
            object,
            created: CREATED,
            model: &self.model,
            choices,
            usage,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice {
    index: u64,
    #[serde(flatten)]
    part: Part,
    logprobs: Option<Logprobs>,
    finish_reason: Option<FinishReason>,
}

#[derive(Serialize)]
struct Logprobs {
    content: Vec<TokenLogprob>,
}

#[derive(Serialize)]
struct TokenLogprob {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
    top_logprobs: [(); 0],
}

impl TokenLogprob {
    fn certain(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            logprob: 0.0,
            bytes: token.as_bytes().to_vec(),
            top_logprobs: [],
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Message(Message),
    Delta(Message),
}

/// A whole message, or what a chunk adds to it.
#[derive(Default, Serialize)]
struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Null, and not absent, in a whole message that calls a tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallPart>,
}

impl Message {
    fn of(reply: &Reply) -> Self {
        let mut message = Self {
            role: Some("assistant"),
            ..Self::default()
        };
        let mut text = None;
        for delta in &reply.deltas {
            match delta {
                Delta::Text(piece) => text.get_or_insert_with(String::new).push_str(piece),
                Delta::ToolCall(call) => {
                    let call = Self::tool_call(call, &call.arguments, Position::Implied);
                    message.tool_calls.extend(call.tool_calls);
                }
            }
        }
        message.content = Some(text);
        message
    }

    fn opening() -> Self {
        Self {
            role: Some("assistant"),
            ..Self::text(String::new())
        }
    }

    fn text(text: String) -> Self {
        Self {
            content: Some(Some(text)),
            ..Self::default()
        }
    }

    fn tool_call(call: &ToolCall, arguments: &str, position: Position) -> Self {
        let call = ToolCallPart {
            index: position.index(),
            id: Some("call_0"),
            kind: Some("function"),
            function: FunctionPart {
                name: Some(call.name.clone()),
                arguments: arguments.to_owned(),
            },
        };
        Self {
            tool_calls: vec![call],
            ..Self::default()
        }
    }

    fn arguments(piece: &str) -> Self {
        let call = ToolCallPart {
            index: Position::Streamed.index(),
            id: None,
            kind: None,
            function: FunctionPart {
                name: None,
                arguments: piece.to_owned(),
            },
        };
        Self {
            tool_calls: vec![call],
            ..Self::default()
        }
    }
}

/// Whether a tool call says which one of the message it is: only a streamed one needs to.
#[derive(Clone, Copy)]
enum Position {
    Implied,
    Streamed,
}

impl Position {
    fn index(self) -> Option<u64> {
        match self {
            Self::Implied => None,
            Self::Streamed => Some(0),
        }
    }
}

#[derive(Serialize)]
struct ToolCallPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionPart,
}

#[derive(Serialize)]
struct FunctionPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    arguments: String,
}
