//! Everything that can go wrong with a request, and the only place where it becomes HTTP: OpenAI's
//! error object with the status that fits. No text here holds an address, a secret or a hash.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use thiserror::Error;

use crate::api::body::Unread;
use crate::api::scan::Fault;
use crate::auth::Unknown;
use crate::limit::refusal::{Kind, Refusal};
use crate::upstream::failure::Failure;

/// Seconds after which a client may try again where no upstream said.
const DEFAULT_RETRY_AFTER: u64 = 1;

/// Tells the official SDKs, which repeat what was answered 429, that it is of no use.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The longest part of a client's own text that a message repeats, in characters.
const MAX_EXCERPT: usize = 80;

/// Why a request has no response from an upstream.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("there is nothing at this path")]
    UnknownPath,
    #[error("this path does not take that method; it takes {allowed}")]
    WrongMethod { allowed: &'static str },
    #[error(transparent)]
    UnknownCaller(#[from] Unknown),
    #[error(transparent)]
    Unread(#[from] Unread),
    #[error(transparent)]
    NotARequest(#[from] Fault),
    #[error("the model `{}` does not exist; you can use {}", excerpt(.name), listed(.known))]
    UnknownModel { name: String, known: Bytes },
    #[error("your API key does not allow the model `{model}`")]
    ModelNotAllowed { model: &'static str },
    #[error(transparent)]
    Limited(#[from] Refusal),
    #[error("no upstream of `{model}` could answer: {}", summary(.failures))]
    AllFailed {
        model: &'static str,
        failures: Vec<(&'static str, Failure)>,
    },
    #[error("the gateway failed to process this request")]
    Panic,
}

impl Error {
    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotARequest(_) | Self::Unread(Unread::Malformed | Unread::ClientGone) => {
                StatusCode::BAD_REQUEST
            }
            Self::UnknownCaller(_) => StatusCode::UNAUTHORIZED,
            Self::ModelNotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::UnknownPath | Self::UnknownModel { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unread(Unread::Late) => StatusCode::REQUEST_TIMEOUT,
            Self::Unread(Unread::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AllFailed { failures, .. } => match common_cause(failures) {
                Cause::Busy => StatusCode::TOO_MANY_REQUESTS,
                Cause::Slow => StatusCode::GATEWAY_TIMEOUT,
                Cause::Broken => StatusCode::BAD_GATEWAY,
            },
        }
    }

    /// The response.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let status = self.status();
        let mut response = Response::new(self.body());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, value);
        }
        response
    }

    fn body(&self) -> Bytes {
        let message = self.to_string();
        object(&Details {
            message: &message,
            kind: self.kind(),
            param: self.param(),
            code: self.code(),
        })
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::UnknownCaller(_) => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::WrongMethod { allowed } => Some((ALLOW, HeaderValue::from_static(allowed))),
            Self::Limited(refusal) => Some(match refusal.retry_after() {
                Some(seconds) => (RETRY_AFTER, HeaderValue::from(seconds)),
                None => (SHOULD_RETRY, HeaderValue::from_static("false")),
            }),
            Self::AllFailed { failures, .. } => match common_cause(failures) {
                Cause::Busy => Some((RETRY_AFTER, HeaderValue::from(retry_after(failures)))),
                Cause::Slow | Cause::Broken => None,
            },
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        if let Self::Limited(refusal) = self {
            return match refusal.kind {
                Kind::Tokens(_) => "tokens",
                Kind::Requests | Kind::Concurrent => "requests",
            };
        }
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::FORBIDDEN => "permission_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::NotARequest(fault) => fault.field(),
            Self::UnknownModel { .. } | Self::ModelNotAllowed { .. } => Some("model"),
            _ => None,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_path",
            Self::WrongMethod { .. } => "method_not_allowed",
            Self::UnknownCaller(Unknown::NoKey) => "missing_api_key",
            Self::UnknownCaller(Unknown::WrongKey) => "invalid_api_key",
            Self::Unread(Unread::TooLarge { .. }) => "request_too_large",
            Self::Unread(Unread::Late) => "request_timeout",
            Self::NotARequest(_) | Self::Unread(_) => "invalid_request",
            Self::UnknownModel { .. } => "model_not_found",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            Self::Limited(_) => "rate_limit_exceeded",
            Self::AllFailed { failures, .. } => match common_cause(failures) {
                Cause::Busy => "rate_limit_exceeded",
                Cause::Slow => "upstream_timeout",
                Cause::Broken => "upstream_error",
            },
            Self::Panic => "internal_error",
        }
    }
}

/// The event that ends a stream whose upstream failed after the first byte. What was begun before
/// it is closed with a blank line, as the client has received it already.
pub(crate) fn event(status: StatusCode, between_events: bool) -> Bytes {
    let (message, code) = if status == StatusCode::GATEWAY_TIMEOUT {
        (
            "the upstream stopped sending in mid-response",
            "upstream_timeout",
        )
    } else {
        ("the upstream's response broke off", "upstream_error")
    };
    let object = object(&Details {
        message,
        kind: "server_error",
        param: None,
        code,
    });
    let start: &[u8] = if between_events {
        b"data: "
    } else {
        b"\n\ndata: "
    };
    [start, &object, b"\n\n"].concat().into()
}

#[derive(Serialize)]
struct Details<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'static str,
}

fn object(details: &Details<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Object<'a> {
        error: &'a Details<'a>,
    }
    serde_json::to_vec(&Object { error: details })
        .expect("text can be written as JSON")
        .into()
}

/// What the failures of all upstreams amount to.
enum Cause {
    /// Every one is busy: later may do.
    Busy,
    /// Every one took too long.
    Slow,
    /// Anything else.
    Broken,
}

fn common_cause(failures: &[(&'static str, Failure)]) -> Cause {
    let is_busy = |failure: &Failure| !failure.speaks_against_upstream();
    if failures.iter().all(|(_, failure)| is_busy(failure)) {
        Cause::Busy
    } else if failures.iter().all(|(_, failure)| failure.is_timeout()) {
        Cause::Slow
    } else {
        Cause::Broken
    }
}

/// The soonest that one of them will be free again.
fn retry_after(failures: &[(&'static str, Failure)]) -> u64 {
    let said = failures.iter().filter_map(|(_, failure)| match failure {
        Failure::Status { retry_after, .. } => *retry_after,
        _ => None,
    });
    said.min().unwrap_or(DEFAULT_RETRY_AFTER)
}

fn summary(failures: &[(&'static str, Failure)]) -> String {
    let said = failures
        .iter()
        .map(|(upstream, failure)| format!("`{upstream}`: {failure}"));
    said.collect::<Vec<_>>().join("; ")
}

fn listed(names: &Bytes) -> Cow<'_, str> {
    if names.is_empty() {
        "none".into()
    } else {
        String::from_utf8_lossy(names)
    }
}

/// The beginning of a text that a client wrote, for a message.
fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_EXCERPT) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}...", text.split_at(end).0)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const BUSY: Failure = Failure::Status {
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after: Some(9),
    };

    fn all_failed(failures: &[Failure]) -> Error {
        let failures = failures.iter().map(|failure| ("vllm", *failure)).collect();
        Error::AllFailed {
            model: "chat",
            failures,
        }
    }

    fn body(error: &Error) -> Value {
        let body: Value = serde_json::from_slice(&error.body()).unwrap();
        body["error"].clone()
    }

    #[test]
    fn is_openais_error_object() {
        let error = body(
            &Fault::WrongType {
                field: "stream",
                expected: "true or false",
            }
            .into(),
        );
        assert_eq!(error["message"], "`stream` must be true or false");
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(error["param"], "stream");
        assert_eq!(error["code"], "invalid_request");
    }

    #[test]
    fn an_unknown_model_is_told_what_exists() {
        let known = Bytes::from_static(b"`a`, `b`");
        let error = body(&Error::UnknownModel {
            name: "c".to_owned(),
            known,
        });
        assert_eq!(
            error["message"],
            "the model `c` does not exist; you can use `a`, `b`"
        );
        assert_eq!(error["code"], "model_not_found");
    }

    #[test]
    fn a_long_name_is_not_repeated_in_full() {
        assert_eq!(excerpt(&"é".repeat(100)).chars().count(), 83);
    }

    #[test]
    fn failures_are_summed_up() {
        let error = all_failed(&[Failure::Refused, BUSY]);
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(
            error.to_string(),
            "no upstream of `chat` could answer: `vllm`: connection refused; `vllm`: answered 429"
        );
    }

    #[test]
    fn busy_everywhere_is_429_with_the_soonest_time() {
        let response = all_failed(&[BUSY, BUSY]).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "9");
    }

    #[test]
    fn slow_everywhere_is_504() {
        let slow = [Failure::ConnectTimeout, Failure::FirstByteTimeout];
        assert_eq!(all_failed(&slow).status(), StatusCode::GATEWAY_TIMEOUT);
    }

    #[test]
    fn refusals_say_what_would_do() {
        let response = Error::WrongMethod { allowed: "POST" }.into_response();
        assert_eq!(response.headers()[ALLOW], "POST");
        let response = Error::from(Unknown::NoKey).into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn an_error_event_stands_by_itself() {
        let event = event(StatusCode::BAD_GATEWAY, false);
        let data = event
            .strip_prefix(b"\n\ndata: ")
            .unwrap()
            .strip_suffix(b"\n\n")
            .unwrap();
        let data: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(data["error"]["code"], "upstream_error");
    }
}
