//! `POST /v1/completions`, the older interface: a prompt is continued.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::error::{Refusal, json_answer, parse, required_model};
use crate::events::EventStream;
use crate::identity::{CREATED, response_id};
use crate::words::{self, Usage};

/// The most prompts of one request.
const MAX_PROMPTS: usize = 128;

/// Answers `You said: ...`, in a stream where the request asks for one.
pub(crate) fn answer(body: &[u8]) -> Result<Answer, Refusal> {
    let request: Request = parse(body)?;
    let model = required_model(request.model)?;
    let prompts = prompts(&request.prompt)?;

    let texts: Vec<String> = prompts
        .iter()
        .map(|prompt| format!("You said: {prompt}"))
        .collect();
    let completions: Vec<_> = texts
        .iter()
        .map(|text| words::limited(text, request.max_tokens))
        .collect();
    let prompt_tokens = prompts.iter().map(|prompt| words::count(prompt)).sum();
    let completion_tokens = completions
        .iter()
        .map(|text| text.pieces.len() as u64)
        .sum();
    let usage = Usage::new(prompt_tokens, completion_tokens);
    let id = response_id("cmpl", body);
    let document = |choices, usage| Document {
        id: &id,
        object: "text_completion",
        created: CREATED,
        model: &model,
        choices,
        usage,
    };

    if request.stream != Some(true) {
        let choices = completions.iter().zip(0..).map(|(completion, index)| {
            Choice::new(index, completion.text(), Some(finish_reason(completion)))
        });
        return Ok(json_answer(&document(choices.collect(), Some(Some(usage)))));
    }
    let include_usage = request
        .stream_options
        .and_then(|options| options.include_usage);
    let no_usage = (include_usage == Some(true)).then_some(None);
    let mut events = EventStream::default();
    for (completion, index) in completions.iter().zip(0..) {
        for piece in &completion.pieces {
            let choice = Choice::new(index, (*piece).to_owned(), None);
            events.push(&document(vec![choice], no_usage));
        }
        let last = Choice::new(index, String::new(), Some(finish_reason(completion)));
        events.push(&document(vec![last], no_usage));
    }
    if include_usage == Some(true) {
        events.push(&document(Vec::new(), Some(Some(usage))));
    }
    Ok(events.finish())
}

/// A prompt is a text, several texts, or tokens; of tokens only the count is known here.
fn prompts(prompt: &Value) -> Result<Vec<String>, Refusal> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(tokens) => Some(vec!["token"; tokens.len()].join(" ")),
        _ => None,
    };
    let prompts = match prompt {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => {
            text(prompt).map(|prompt| vec![prompt])
        }
        Value::Array(items) if !items.is_empty() => items.iter().map(text).collect(),
        Value::String(text) => Some(vec![text.clone()]),
        _ => None,
    };
    let prompts = prompts.filter(|prompts| prompts.len() <= MAX_PROMPTS);
    prompts.ok_or_else(|| {
        Refusal::invalid(
            "prompt",
            "`prompt` must be a text, or a list of at most 128 texts",
        )
    })
}

fn finish_reason(completion: &words::Limited<'_>) -> &'static str {
    if completion.cut { "length" } else { "stop" }
}

#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    #[serde(default)]
    prompt: Value,
    max_tokens: Option<u64>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
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
    text: String,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

impl Choice {
    fn new(index: u64, text: String, finish_reason: Option<&'static str>) -> Self {
        Self {
            index,
            text,
            logprobs: None,
            finish_reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::AnswerBody;

    fn ask(request: &Value) -> (u16, Value) {
        let answer = crate::endpoint::answer("/v1/completions", request.to_string().as_bytes());
        let AnswerBody::Json(body) = answer.body else {
            panic!("a stream")
        };
        (answer.status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_prompt_is_answered() {
        let (status, body) = ask(&json!({"model": "m", "prompt": "Hello"}));
        assert_eq!(
            (status, &body["choices"][0]["text"]),
            (200, &json!("You said: Hello"))
        );
        assert_eq!(body["usage"]["total_tokens"], 4);
    }

    #[test]
    fn each_prompt_has_its_choice() {
        let (_, body) = ask(&json!({"model": "m", "prompt": ["a", "b"]}));
        assert_eq!(body["choices"][1]["text"], "You said: b");
        assert_eq!(body["choices"][1]["index"], 1);
    }

    #[test]
    fn a_stream_ends_with_done() {
        let request = json!({"model": "m", "prompt": "Hello", "stream": true}).to_string();
        let answer = crate::endpoint::answer("/v1/completions", request.as_bytes());
        let AnswerBody::Events(events) = answer.body else {
            panic!("not a stream")
        };
        assert_eq!(events.len(), 5);
        assert_eq!(&events[4][..], b"data: [DONE]\n\n");
    }

    #[test]
    fn a_request_without_a_prompt_is_refused() {
        let (status, body) = ask(&json!({"model": "m"}));
        assert_eq!((status, &body["error"]["param"]), (400, &json!("prompt")));
    }
}
