//! `POST /v1/chat/completions`.

mod request;
mod response;

use crate::answer::Answer;
use crate::chat::request::{Message, Request};
use crate::chat::response::{Delta, FinishReason, Reply, Responder, ToolCall};
use crate::error::{Refusal, parse, required_model};
use crate::plausible;
use crate::words::{self, Usage};

/// The most alternatives a request may ask for, as at OpenAI.
const MAX_CHOICES: u64 = 128;

/// Answers `You said: ...`, with a call of the first tool where a tool is offered, or with JSON where that is the
/// form asked for.
pub(crate) fn answer(body: &[u8]) -> Result<Answer, Refusal> {
    let mut request: Request = parse(body)?;
    let model = required_model(request.model.take())?;
    let messages = request.messages.as_deref().unwrap_or_default();
    if messages.is_empty() {
        return Err(Refusal::invalid(
            "messages",
            "`messages` must hold at least one message",
        ));
    }
    let choices = request.n.unwrap_or(1);
    if !(1..=MAX_CHOICES).contains(&choices) {
        return Err(Refusal::invalid(
            "n",
            format!("`n` must be from 1 to {MAX_CHOICES}"),
        ));
    }

    let reply = reply(&request, messages);
    let prompt: u64 = messages
        .iter()
        .map(|message| words::count(&message.text()))
        .sum();
    let usage = Usage::new(prompt, reply.tokens() * choices);
    let responder = Responder::new(body, model, choices, usage, request.has_logprobs());
    Ok(match request.stream {
        Some(true) => responder.stream(&reply, request.includes_usage()),
        _ => responder.whole(&reply),
    })
}

fn reply(request: &Request, messages: &[Message]) -> Reply {
    if let Some(function) = request.function_to_call(messages) {
        let arguments = plausible::value(&function.parameters).to_string();
        let arguments = if arguments.len() > words::MAX_BYTES {
            "{}".to_owned()
        } else {
            arguments
        };
        return Reply {
            deltas: vec![Delta::ToolCall(ToolCall {
                name: function.name.clone(),
                arguments,
            })],
            finish_reason: FinishReason::ToolCalls,
        };
    }
    let said = messages.iter().rev().find(|message| message.role == "user");
    let said = said
        .or(messages.last())
        .map(Message::text)
        .unwrap_or_default();
    let text = match request.structured() {
        Some(value) => value.to_string(),
        None => format!("You said: {said}"),
    };
    let limited = words::limited(&text, request.token_limit());
    Reply {
        deltas: limited
            .pieces
            .iter()
            .map(|piece| Delta::Text((*piece).to_owned()))
            .collect(),
        finish_reason: if limited.cut {
            FinishReason::Length
        } else {
            FinishReason::Stop
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::answer::AnswerBody;

    fn ask(request: &Value) -> (u16, Value) {
        let answer =
            crate::endpoint::answer("/v1/chat/completions", request.to_string().as_bytes());
        let AnswerBody::Json(body) = answer.body else {
            panic!("a stream")
        };
        (answer.status, serde_json::from_slice(&body).unwrap())
    }

    fn stream(request: &Value) -> Vec<Value> {
        let answer =
            crate::endpoint::answer("/v1/chat/completions", request.to_string().as_bytes());
        let AnswerBody::Events(events) = answer.body else {
            panic!("not a stream")
        };
        let (done, chunks) = events.split_last().unwrap();
        assert_eq!(&done[..], b"data: [DONE]\n\n");
        let data = chunks.iter().map(|chunk| {
            chunk
                .strip_prefix(b"data: ")
                .and_then(|rest| rest.strip_suffix(b"\n\n"))
                .unwrap()
        });
        data.map(|data| serde_json::from_slice(data).unwrap())
            .collect()
    }

    fn hello() -> Value {
        json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]})
    }

    fn with(mut request: Value, more: Value) -> Value {
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        request
    }

    fn weather() -> Value {
        json!({"tools": [{"type": "function", "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                           "required": ["city"]}
        }}]})
    }

    #[test]
    fn the_answer_repeats_what_was_said() {
        let (status, body) = ask(&hello());
        assert_eq!(status, 200);
        assert_eq!(body["choices"][0]["message"]["content"], "You said: Hello");
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert_eq!(body["model"], "m");
        assert_eq!(
            body["usage"],
            json!({"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4})
        );
    }

    #[test]
    fn text_parts_are_read() {
        let content = json!([{"type": "image_url"}, {"type": "text", "text": "a cat"}]);
        let (_, body) = ask(&json!({
            "model": "m", "messages": [{"role": "user", "content": content}]
        }));
        assert_eq!(body["choices"][0]["message"]["content"], "You said: a cat");
    }

    #[test]
    fn a_token_limit_cuts_the_answer() {
        let (_, body) = ask(&with(hello(), json!({"max_tokens": 2})));
        assert_eq!(body["choices"][0]["message"]["content"], "You said:");
        assert_eq!(body["choices"][0]["finish_reason"], "length");
    }

    #[test]
    fn alternatives_are_numbered() {
        let (_, body) = ask(&with(hello(), json!({"n": 3})));
        let indices: Vec<_> = body["choices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["index"].clone())
            .collect();
        assert_eq!(indices, [0, 1, 2]);
    }

    #[test]
    fn a_stream_opens_with_the_role_and_closes_with_the_reason() {
        let chunks = stream(&with(hello(), json!({"stream": true})));
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, "You said: Hello");
        let last = chunks.last().unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "stop");
        assert!(last.get("usage").is_none());
    }

    #[test]
    fn usage_is_streamed_only_when_asked_for() {
        let chunks = stream(&with(
            hello(),
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ));
        let last = chunks.last().unwrap();
        assert_eq!(last["choices"], json!([]));
        assert_eq!(last["usage"]["total_tokens"], 4);
        assert_eq!(chunks[0]["usage"], Value::Null);
    }

    #[test]
    fn an_offered_tool_is_called() {
        let (_, body) = ask(&with(hello(), weather()));
        let message = &body["choices"][0]["message"];
        assert_eq!(message["content"], Value::Null);
        assert_eq!(message["tool_calls"][0]["function"]["name"], "weather");
        assert_eq!(
            message["tool_calls"][0]["function"]["arguments"],
            r#"{"city":"text"}"#
        );
        assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn a_streamed_tool_call_adds_up() {
        let chunks = stream(&with(with(hello(), weather()), json!({"stream": true})));
        let arguments: String = chunks
            .iter()
            .filter_map(|chunk| {
                chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
            })
            .collect();
        assert_eq!(arguments, r#"{"city":"text"}"#);
    }

    #[test]
    fn no_tool_is_called_when_the_request_forbids_it() {
        let (_, body) = ask(&with(
            with(hello(), weather()),
            json!({"tool_choice": "none"}),
        ));
        assert_eq!(body["choices"][0]["message"]["content"], "You said: Hello");
    }

    #[test]
    fn a_tool_result_is_answered_with_text() {
        let mut request = with(hello(), weather());
        let messages = request["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": null}));
        messages.push(json!({"role": "tool", "tool_call_id": "call_0", "content": "sunny"}));
        let (_, body) = ask(&request);
        assert_eq!(body["choices"][0]["message"]["content"], "You said: Hello");
    }

    #[test]
    fn an_answer_has_the_form_that_was_asked_for() {
        let schema = json!({"type": "object", "required": ["city"],
                            "properties": {"city": {"type": "string"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "W", "schema": schema}});
        let (_, body) = ask(&with(hello(), json!({"response_format": format})));
        let message = &body["choices"][0]["message"];
        assert_eq!(message["content"], r#"{"city":"text"}"#);

        let format = json!({"type": "json_object"});
        let (_, body) = ask(&with(hello(), json!({"response_format": format})));
        assert_eq!(body["choices"][0]["message"]["content"], "{}");

        let format = json!({"type": "text"});
        let (_, body) = ask(&with(hello(), json!({"response_format": format})));
        assert_eq!(body["choices"][0]["message"]["content"], "You said: Hello");
    }

    #[test]
    fn each_token_of_a_text_has_its_probability_where_that_is_asked_for() {
        let request = with(hello(), json!({"logprobs": true, "top_logprobs": 2}));
        let (_, body) = ask(&request);
        let tokens = &body["choices"][0]["logprobs"]["content"];
        assert_eq!(tokens[2]["token"], " Hello");
        assert_eq!(tokens.as_array().unwrap().len(), 3);

        let chunks = stream(&with(request, json!({"stream": true})));
        let token = &chunks[1]["choices"][0]["logprobs"]["content"][0];
        assert_eq!(token["token"], "You");
        assert_eq!(chunks[0]["choices"][0]["logprobs"], Value::Null);

        let (_, body) = ask(&hello());
        assert_eq!(body["choices"][0]["logprobs"], Value::Null);
    }

    #[test]
    fn what_a_model_server_refuses_is_refused() {
        for (request, param) in [
            (
                json!({"messages": [{"role": "user", "content": "Hello"}]}),
                json!("model"),
            ),
            (json!({"model": "m"}), json!("messages")),
            (json!({"model": "m", "messages": []}), json!("messages")),
            (with(hello(), json!({"n": 0})), json!("n")),
            (with(hello(), json!({"messages": "Hello"})), Value::Null),
        ] {
            let (status, body) = ask(&request);
            assert_eq!(status, 400, "{request}");
            assert_eq!(body["error"]["type"], "invalid_request_error");
            assert_eq!(body["error"]["param"], param, "{request}");
        }
    }
}
