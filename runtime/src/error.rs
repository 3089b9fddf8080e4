//! Everything that can go wrong with a request, and the only place where it becomes HTTP: OpenAI's
//! error object with the status that fits. No text here holds an address, a secret or a hash.

mod interruption;
mod misses;
mod object;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use decide::outcome::Cause;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use thiserror::Error;

use crate::admin::refused::{self, Refused};
use crate::api::body::Unread;
use crate::api::fault::Fault;
use crate::auth::Unknown;
pub(crate) use crate::error::interruption::{Interruption, event};
use crate::error::misses::{common_cause, retry_after, summary};
use crate::error::object::{Details, object};
use crate::idempotency::BadRepeat;
#[cfg(feature = "jwks")]
use crate::jwt::jwks::keeper::PACE;
use crate::limit::refusal::{Kind, Refusal};
#[cfg(feature = "redis")]
use crate::limit::store::Unshared;
use crate::message::Response;
use crate::message::name::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use crate::stream::body::Body;
use crate::upstream::miss::Miss;
#[cfg(feature = "words")]
use crate::words::Forbidden;

/// Seconds after which a client may try again where no upstream said.
const DEFAULT_RETRY_AFTER: u64 = 1;

/// Tells the official SDKs, which repeat what was answered 429, that it is of no use.
const SHOULD_RETRY: &str = "x-should-retry";

/// The longest part of a client's own text that a message repeats, in characters.
const MAX_EXCERPT: usize = 80;

/// Why a request has no response from an upstream.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Head(#[from] Head),
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
    #[error("your API key or token does not allow the model `{model}`")]
    ModelNotAllowed { model: &'static str },
    #[cfg(feature = "words")]
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Repeated(#[from] BadRepeat),
    #[error(transparent)]
    Limited(#[from] Refusal),
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store is away, and the spec says to refuse what it does not count.
    #[cfg(feature = "redis")]
    #[error(
        "the gateway cannot count this request against its limits at the moment; try again in 1 second"
    )]
    Uncounted,
    #[error("no upstream of `{model}` could answer: {}", summary(.misses))]
    NoneAnswered {
        model: &'static str,
        misses: Vec<(&'static str, Miss)>,
    },
    #[error("requests are not served while the audit log cannot be written")]
    NotAudited,
    #[error("the gateway stopped before this request had an answer; try again in 1 second")]
    Stopped,
    #[error("the gateway failed to process this request")]
    Panic,
}

#[cfg(feature = "redis")]
impl From<Unshared> for Error {
    fn from(unshared: Unshared) -> Self {
        match unshared {
            Unshared::Refused(refusal) => Self::Limited(refusal),
            Unshared::Unknown => Self::Uncounted,
        }
    }
}

/// What is wrong with the head of what should have been a request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Head {
    #[error("the request is not valid HTTP/1.1")]
    Malformed,
    #[error("the request's path is too long")]
    TargetTooLong,
    #[error("the request's headers are too large or too many")]
    TooLarge,
    #[error("the request's headers did not arrive in time")]
    Late,
    #[error("a request of HTTP/1.1 has one `Host` header, and this one has none or several")]
    Host,
}

impl Error {
    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Head(Head::Malformed | Head::Host) => StatusCode::BAD_REQUEST,
            Self::Head(Head::TargetTooLong) => StatusCode::URI_TOO_LONG,
            Self::Head(Head::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Head(Head::Late) => StatusCode::REQUEST_TIMEOUT,
            #[cfg(feature = "jwks")]
            Self::UnknownCaller(Unknown::IssuerAway) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotARequest(_)
            | Self::Unread(Unread::Malformed | Unread::ClientGone)
            | Self::Repeated(BadRepeat::BadKey) => StatusCode::BAD_REQUEST,
            #[cfg(feature = "words")]
            Self::Forbidden(_) => StatusCode::BAD_REQUEST,
            Self::Repeated(BadRepeat::Running) => StatusCode::CONFLICT,
            Self::Repeated(BadRepeat::Reused) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownCaller(_) => StatusCode::UNAUTHORIZED,
            Self::ModelNotAllowed { .. } => StatusCode::FORBIDDEN,
            Self::UnknownPath | Self::UnknownModel { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unread(Unread::Late) => StatusCode::REQUEST_TIMEOUT,
            Self::Unread(Unread::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unread(Unread::Compressed) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(refused) => refused.status(),
            #[cfg(feature = "redis")]
            Self::Uncounted => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAudited | Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NoneAnswered { misses, .. } => {
                let status = common_cause(misses).status();
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }

    /// The response.
    pub(crate) fn into_response(self) -> Response {
        let status = self.status();
        let mut response = Response::new(Body::whole(self.body()));
        response.status = status;
        response.headers.append(CONTENT_TYPE, "application/json");
        if let Some((name, value)) = self.header() {
            response.headers.append(name, value);
        }
        response
    }

    fn body(&self) -> Bytes {
        let message = self.to_string();
        let param = self.param();
        object(&Details {
            message: &message,
            kind: self.kind(),
            param: param.as_deref(),
            code: self.code(),
        })
    }

    fn header(&self) -> Option<(&'static str, HeaderValue)> {
        match self {
            #[cfg(feature = "jwks")]
            Self::UnknownCaller(Unknown::IssuerAway) => {
                Some((RETRY_AFTER, HeaderValue::from(PACE.as_secs())))
            }
            Self::UnknownCaller(_) => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::WrongMethod { allowed } => Some((ALLOW, HeaderValue::from_static(allowed))),
            // What would do, as RFC 9110 has it for requests (section 12.5.3).
            Self::Unread(Unread::Compressed) => {
                Some((ACCEPT_ENCODING, HeaderValue::from_static("identity")))
            }
            Self::Repeated(BadRepeat::Running) => {
                Some((RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_AFTER)))
            }
            Self::NotAudited | Self::Stopped => {
                Some((RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_AFTER)))
            }
            Self::Limited(refusal) => Some(match refusal.retry_after() {
                Some(seconds) => (RETRY_AFTER, HeaderValue::from(seconds)),
                None => (SHOULD_RETRY, HeaderValue::from_static("false")),
            }),
            Self::Refused(Refused::TurnedOff) => {
                Some((RETRY_AFTER, HeaderValue::from(refused::RETRY_AFTER)))
            }
            #[cfg(feature = "redis")]
            Self::Uncounted => Some((RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_AFTER))),
            Self::NoneAnswered { misses, .. } => match common_cause(misses) {
                Cause::Shut | Cause::Busy => {
                    Some((RETRY_AFTER, HeaderValue::from(retry_after(misses))))
                }
                Cause::Slow | Cause::OutOfTime | Cause::Broken => None,
            },
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        if let Self::Limited(refusal) = self {
            return match refusal.kind {
                Kind::Tokens(_) => "tokens",
                _ => "requests",
            };
        }
        match self.status() {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            StatusCode::FORBIDDEN => "permission_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }

    fn param(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NotARequest(fault) => fault.field().map(Cow::Borrowed),
            #[cfg(feature = "words")]
            Self::Forbidden(Forbidden { place }) => place.map(|place| place.to_string().into()),
            Self::UnknownModel { .. } | Self::ModelNotAllowed { .. } => Some("model".into()),
            _ => None,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Head(Head::Malformed | Head::Host) => "invalid_request",
            Self::Head(Head::TargetTooLong) => "path_too_long",
            Self::Head(Head::TooLarge) => "headers_too_large",
            Self::Head(Head::Late) => "request_timeout",
            Self::UnknownPath => "unknown_path",
            Self::WrongMethod { .. } => "method_not_allowed",
            Self::UnknownCaller(Unknown::NoKey) => "missing_api_key",
            Self::UnknownCaller(Unknown::WrongKey) => "invalid_api_key",
            #[cfg(feature = "jwt")]
            Self::UnknownCaller(Unknown::NoToken) => "missing_token",
            #[cfg(feature = "jwt")]
            Self::UnknownCaller(Unknown::WrongToken(_)) => "invalid_token",
            #[cfg(feature = "jwks")]
            Self::UnknownCaller(Unknown::IssuerAway) => "issuer_unavailable",
            Self::Unread(Unread::TooLarge { .. }) => "request_too_large",
            Self::Unread(Unread::Late) => "request_timeout",
            Self::Unread(Unread::Compressed) => "unsupported_encoding",
            Self::NotARequest(_) | Self::Unread(_) => "invalid_request",
            Self::UnknownModel { .. } => "model_not_found",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            #[cfg(feature = "words")]
            Self::Forbidden(_) => "forbidden_content",
            Self::Repeated(BadRepeat::BadKey) => "invalid_idempotency_key",
            Self::Repeated(BadRepeat::Running) => "idempotency_key_in_use",
            Self::Repeated(BadRepeat::Reused) => "idempotency_key_reused",
            Self::Limited(_) => "rate_limit_exceeded",
            Self::Refused(refused) => refused.code(),
            #[cfg(feature = "redis")]
            Self::Uncounted => "limits_unavailable",
            Self::NoneAnswered { misses, .. } => match common_cause(misses) {
                Cause::Shut => "upstream_unavailable",
                Cause::Busy => "rate_limit_exceeded",
                Cause::Slow => "upstream_timeout",
                Cause::OutOfTime => OUT_OF_TIME,
                Cause::Broken => "upstream_error",
            },
            Self::NotAudited => "audit_unavailable",
            Self::Stopped => STOPPED,
            Self::Panic => "internal_error",
        }
    }
}

/// The code of a request whose total time is over.
const OUT_OF_TIME: &str = "deadline_exceeded";

/// The code of a request that the gateway's stop has ended.
const STOPPED: &str = "gateway_stopped";

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
