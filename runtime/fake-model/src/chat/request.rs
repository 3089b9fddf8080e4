//! What a chat request says, as far as an answer depends on it.

use serde::Deserialize;
use serde_json::Value;

use crate::plausible;

/// The body of a chat request. Fields that change nothing here are not read.
#[derive(Deserialize)]
pub(super) struct Request {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Vec<Message>>,
    pub(super) n: Option<u64>,
    pub(super) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    response_format: Option<ResponseFormat>,
    logprobs: Option<bool>,
}

impl Request {
    /// Whether a stream ends with a chunk that counts the tokens.
    pub(super) fn includes_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .and_then(|options| options.include_usage)
            .unwrap_or(false)
    }

    /// The most tokens that the answer may have.
    pub(super) fn token_limit(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// Whether each piece of a text comes with its probability.
    pub(super) fn has_logprobs(&self) -> bool {
        self.logprobs.unwrap_or(false)
    }

    /// The JSON that the answer is to be, where the request says that it is to be JSON.
    pub(super) fn structured(&self) -> Option<Value> {
        let format = self.response_format.as_ref()?;
        match format.kind.as_str() {
            "json_object" => Some(serde_json::json!({})),
            "json_schema" => {
                let schema = format.json_schema.as_ref()?.get("schema")?;
                Some(plausible::value(schema))
            }
            _ => None,
        }
    }

    /// The function that the answer calls, if any: the one that `tool_choice` names, else the first offered.
    /// A conversation that ends with a tool's result gets text, so that a client's loop comes to an end.
    pub(super) fn function_to_call(&self, messages: &[Message]) -> Option<&Function> {
        if self
            .tool_choice
            .as_ref()
            .is_some_and(|choice| choice == "none")
            || messages
                .last()
                .is_some_and(|message| message.role == "tool")
        {
            return None;
        }
        let mut functions = self
            .tools
            .iter()
            .flatten()
            .filter_map(|tool| tool.function.as_ref());
        let named = self
            .tool_choice
            .as_ref()
            .and_then(|choice| choice.pointer("/function/name"));
        match named {
            Some(name) => functions.find(|function| *name == function.name),
            None => functions.next(),
        }
    }
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What form an answer has.
#[derive(Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<Value>,
}

/// One message of the conversation.
#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    #[serde(default)]
    content: Value,
}

impl Message {
    /// The text of the message: its content, or the text parts of it.
    pub(super) fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts
                    .iter()
                    .filter_map(|part| part.get("text").and_then(Value::as_str));
                texts.collect::<Vec<_>>().join(" ")
            }
            _ => String::new(),
        }
    }
}

/// A tool that the model may call.
#[derive(Deserialize)]
struct Tool {
    function: Option<Function>,
}

/// A tool that is a function.
#[derive(Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    /// A JSON schema.
    #[serde(default = "no_parameters")]
    pub(super) parameters: Value,
}

fn no_parameters() -> Value {
    serde_json::json!({"type": "object", "properties": {}})
}
