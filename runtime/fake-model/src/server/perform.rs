//! Carries out what a rule says.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use crate::answer::{Answer, AnswerBody};
use crate::error::Refusal;
use crate::server::http::response_head;
use crate::server::script::{Action, Ending, Response, Rule, Stream};
use crate::server::state::State;
use crate::{endpoint, identity, models};

/// What orchestrators ask whether it serves, by the name that engines have for it.
const HEALTH: &str = "/health";

/// What becomes of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// The next request may come.
    KeepAlive,
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

/// Answers a request by `rule`. Dropped when the client leaves.
pub(super) async fn perform(
    rule: &Rule,
    path: &str,
    body: &[u8],
    state: &State,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<After> {
    if rule.held {
        state.pass_gate().await;
    }
    if rule.delay_ms > 0 {
        sleep(Duration::from_millis(rule.delay_ms)).await;
    }
    match &rule.action {
        Action::Model => like_a_model(path, body, state, writer).await,
        Action::Respond(response) => respond(response, writer).await,
        Action::Stream(stream) => send_stream(stream, state, writer).await,
        Action::Raw(bytes) => {
            writer.write_all(bytes.as_bytes()).await?;
            Ok(After::Close)
        }
        Action::Stall => std::future::pending().await,
        Action::Reset => Ok(After::Reset),
        Action::Close => Ok(After::Close),
    }
}

async fn like_a_model(
    path: &str,
    body: &[u8],
    state: &State,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<After> {
    let Answer { status, body } = answer(path, body, &state.options.models);
    match body {
        AnswerBody::Json(body) => {
            let body = (&body[..]).into();
            respond(
                &Response {
                    status,
                    body,
                    ..Response::default()
                },
                writer,
            )
            .await
        }
        AnswerBody::Events(events) => {
            write_stream_head(status, &BTreeMap::new(), writer).await?;
            for event in events {
                sleep(state.options.pace).await;
                write_chunk(&event, writer).await?;
            }
            end_stream(Ending::Proper, writer).await
        }
    }
}

/// The model's answer, as a server that has only these models.
fn answer(path: &str, body: &[u8], names: &[String]) -> Answer {
    if path == HEALTH {
        return Answer {
            status: 200,
            body: AnswerBody::Json(Bytes::new()),
        };
    }
    if names.is_empty() {
        return endpoint::answer(path, body);
    }
    if path.starts_with("/v1/models") {
        return models::answer(path, names).unwrap_or_else(Refusal::into_answer);
    }
    let request: Option<Value> = serde_json::from_slice(body).ok();
    let asked = request
        .as_ref()
        .and_then(|request| request.get("model"))
        .and_then(Value::as_str);
    match asked {
        Some(asked) if !names.iter().any(|name| name == asked) => {
            models::unknown(asked).into_answer()
        }
        _ => endpoint::answer(path, body),
    }
}

async fn respond(response: &Response, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<After> {
    let body = response.body.as_bytes();
    let length = response
        .content_length
        .unwrap_or(body.len() as u64)
        .to_string();
    let fixed = [("content-length", length.as_str())];
    let head = head(
        response.status,
        "application/json",
        &fixed,
        &response.headers,
    );
    writer.write_all(&[head.as_bytes(), body].concat()).await?;
    let closes = response
        .headers
        .get("connection")
        .is_some_and(|value| value == "close");
    Ok(if closes || response.content_length.is_some() {
        After::Close
    } else {
        After::KeepAlive
    })
}

async fn send_stream(
    stream: &Stream,
    state: &State,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<After> {
    write_stream_head(stream.status, &stream.headers, writer).await?;
    for (number, chunk) in chunks(stream).iter().enumerate() {
        if number > 0 {
            if stream.gated {
                state.pass_gate().await;
            }
            if stream.pace_ms > 0 {
                sleep(Duration::from_millis(stream.pace_ms)).await;
            }
        }
        write_chunk(chunk, writer).await?;
    }
    end_stream(stream.ending, writer).await
}

/// The chunks of a scripted stream: its own, or as many chat events as it asks for.
fn chunks(stream: &Stream) -> Vec<Bytes> {
    if let Some(chunks) = &stream.chunks {
        return chunks
            .iter()
            .map(|chunk| Bytes::copy_from_slice(chunk.as_bytes()))
            .collect();
    }
    let event = |delta: Value, finish_reason: Value| {
        let chunk = json!({
            "id": "chatcmpl-fake",
            "object": "chat.completion.chunk",
            "created": identity::CREATED,
            "model": models::DEFAULT_NAME,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        });
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let content = |number| event(json!({"content": format!("word{number} ")}), Value::Null);
    let mut chunks: Vec<_> = (1..=stream.count).map(content).collect();
    if stream.ending == Ending::Proper {
        chunks.push(event(json!({}), json!("stop")));
        chunks.push(Bytes::from_static(b"data: [DONE]\n\n"));
    }
    chunks
}

async fn write_stream_head(
    status: u16,
    headers: &BTreeMap<String, String>,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let fixed = [
        ("transfer-encoding", "chunked"),
        ("cache-control", "no-cache"),
    ];
    let head = head(status, "text/event-stream", &fixed, headers);
    writer.write_all(head.as_bytes()).await
}

/// One piece of a body, in one write. An empty piece would be the end of the body, and is left out.
async fn write_chunk(data: &[u8], writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    if data.is_empty() {
        return Ok(());
    }
    let size = format!("{:x}\r\n", data.len());
    writer
        .write_all(&[size.as_bytes(), data, b"\r\n"].concat())
        .await
}

async fn end_stream(ending: Ending, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<After> {
    match ending {
        Ending::Proper => {
            writer.write_all(b"0\r\n\r\n").await?;
            Ok(After::KeepAlive)
        }
        Ending::Stall => std::future::pending().await,
        Ending::Reset => Ok(After::Reset),
        Ending::Close => Ok(After::Close),
    }
}

/// The head of a response, with a content type unless the rule brings its own.
fn head(
    status: u16,
    content_type: &str,
    fixed: &[(&str, &str)],
    own: &BTreeMap<String, String>,
) -> String {
    let has_type = own
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    let content_type = (!has_type).then_some(("content-type", content_type));
    let own = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    response_head(
        status,
        content_type
            .into_iter()
            .chain(fixed.iter().copied())
            .chain(own),
    )
}
