//! The endpoints under `/_fake/`, by which a test in another process directs the server.
//!
//! - `POST /_fake/script` sets the rules: a [`Script`].
//! - `GET /_fake/received` lists what was received. With `?count=3` it waits until three requests were
//!   received, with `?ended=3` until three have ended; `timeout_ms` bounds the wait (10,000 by default),
//!   after which the answer is 408.
//! - `POST /_fake/release?chunks=2` lets two chunks of gated streams go out.
//! - `POST /_fake/reset` forgets rules, releases and what was received.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::server::http::{Request, response_head};
use crate::server::script::Script;
use crate::server::state::State;

const PREFIX: &str = "/_fake/";

/// Whether the request directs the server and is none for the model.
pub(super) fn is_for(request: &Request) -> bool {
    request.path.starts_with(PREFIX)
}

/// Does what the request says.
pub(super) async fn answer(
    request: &Request,
    state: &State,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let (status, document) = match carry_out(request, state).await {
        Ok(document) => (200, document),
        Err((status, message)) => (status, json!({ "error": message })),
    };
    let body = document.to_string();
    let length = body.len().to_string();
    let headers = [
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
    ];
    let head = response_head(status, headers);
    writer.write_all(format!("{head}{body}").as_bytes()).await
}

async fn carry_out(request: &Request, state: &State) -> Result<Value, (u16, String)> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    match (
        request.method.as_str(),
        path.strip_prefix(PREFIX).unwrap_or_default(),
    ) {
        ("POST", "script") => {
            let script: Script = serde_json::from_slice(&request.body)
                .map_err(|error| (400, format!("the script cannot be read: {error}")))?;
            state.set_rules(script.rules);
            Ok(json!({}))
        }
        ("GET", "received") => {
            let number = |name| number(query, name);
            let patience = Duration::from_millis(number("timeout_ms")?.unwrap_or(10_000));
            let (count, ended) = (number("count")?, number("ended")?);
            let as_size = |number: Option<u64>| number.map_or(0, |number| number as usize);
            match state.wait(as_size(count), as_size(ended), patience).await {
                Some(requests) => Ok(json!({ "requests": requests })),
                None => Err((408, "fewer requests came or ended in that time".to_owned())),
            }
        }
        ("POST", "release") => {
            state.release(number(query, "chunks")?.unwrap_or(1) as usize);
            Ok(json!({}))
        }
        ("POST", "reset") => {
            state.reset();
            Ok(json!({}))
        }
        (method, _) => Err((404, format!("there is no `{method} {path}` here"))),
    }
}

/// A parameter of the query, as a number.
fn number(query: &str, name: &str) -> Result<Option<u64>, (u16, String)> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, value)) = pairs.find(|(known, _)| *known == name) else {
        return Ok(None);
    };
    value
        .parse()
        .map(Some)
        .map_err(|_| (400, format!("`{name}` must be a number")))
}
