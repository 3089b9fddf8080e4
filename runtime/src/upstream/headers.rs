//! Which headers pass the gateway, in both directions.

use crate::h1::fields::Connection;
use crate::message::headers::Headers;
use crate::message::name::{CONTENT_ENCODING, CONTENT_TYPE};

/// Names the model that answered in place of the one that was asked for.
pub(crate) const FALLBACK_MODEL: &str = "x-fallback-model";

/// Says that a request is a copy, for the upstream's log.
pub(crate) const SHADOW: &str = "x-nexus-shadow";

/// The header that carries an API key and wins over `Authorization`.
pub(crate) const API_KEY: &str = "x-api-key";

/// Which of a client's headers go to an upstream.
pub(crate) struct Request {
    is_keyed: bool,
    connection: Connection,
}

impl Request {
    /// Of these headers, where the gateway shows the upstream a key, or does not.
    pub(crate) fn of(headers: &Headers, is_keyed: bool) -> Self {
        let connection = Connection::of(headers);
        Self {
            is_keyed,
            connection,
        }
    }

    /// Whether a header of this name does.
    pub(crate) fn passes(&self, name: &[u8]) -> bool {
        !(is_hop_by_hop(name)
            || is_for_the_gateway(name)
            || (self.is_keyed && is_beside_a_key(name))
            || self.connection.names(name))
    }
}

/// Which of an upstream's headers go to a client.
pub(crate) struct Response {
    /// What they say about the connection that they came over.
    pub(super) connection: Connection,
}

impl Response {
    /// Of these headers.
    pub(crate) fn of(headers: &Headers) -> Self {
        let connection = Connection::of(headers);
        Self { connection }
    }

    /// Whether a header of this name does.
    pub(crate) fn passes(&self, name: &[u8]) -> bool {
        !(is_hop_by_hop(name) || is_from_the_upstream(name) || self.connection.names(name))
    }
}

/// What concerns one connection only (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"keep-alive"
            | b"proxy-authenticate"
            | b"proxy-authorization"
            | b"proxy-connection"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
    )
}

/// What a client says to the gateway and not to an upstream. `Accept-Encoding` is among them
/// because a compressed response could not be observed; `Origin`, because some engines refuse web
/// pages that they do not know, and which pages may ask is settled here; `Idempotency-Key`, because all
/// clients are one to an upstream, and the same key of two must not give one the other's answer; the
/// mark of a copy, because the gateway alone sets it. `api-key` is how clients of Azure present a key.
fn is_for_the_gateway(name: &[u8]) -> bool {
    matches!(
        name,
        b"accept-encoding"
            | b"api-key"
            | b"authorization"
            | b"content-length"
            | b"cookie"
            | b"expect"
            | b"host"
            | b"idempotency-key"
            | b"origin"
            | b"x-api-key"
            | b"x-nexus-shadow"
    )
}

/// Who is billed, beside a key: the owner of the key says that, not whoever asks.
fn is_beside_a_key(name: &[u8]) -> bool {
    matches!(name, b"openai-organization" | b"openai-project")
}

/// What an upstream says to the gateway and not to its clients: a cookie would be one for all of
/// them, how its host is reached is nothing to know about the gateway's, and engines let every web
/// page read by default.
fn is_from_the_upstream(name: &[u8]) -> bool {
    matches!(
        name,
        b"access-control-allow-origin"
            | b"alt-svc"
            | b"idempotent-replayed"
            | b"set-cookie"
            | b"strict-transport-security"
            | b"x-fallback-model"
            | b"x-request-id"
            | b"x-trace-id"
    )
}

/// Whether headers announce an SSE stream that can be read. One that is compressed, although nobody
/// asked for that, is relayed as any other bytes are.
pub(crate) fn is_event_stream(headers: &Headers) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return false;
    }
    let content_type = headers.get(CONTENT_TYPE);
    content_type
        .and_then(|value| value.split_at_checked("text/event-stream".len()))
        .is_some_and(|(start, _)| start.eq_ignore_ascii_case(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &str) -> Headers {
        let lines = lines.split_whitespace();
        lines.map(|line| line.split_once(':').unwrap()).collect()
    }

    fn names(headers: &Headers, pass: impl Fn(&[u8]) -> bool) -> Vec<&str> {
        let names = headers.iter().map(|(name, _)| name);
        let names = names.filter(|name| pass(name));
        let mut names: Vec<_> = names.map(|name| str::from_utf8(name).unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_clients_own_headers_stay_at_the_gateway() {
        let headers = headers(
            "host:a authorization:b x-api-key:c cookie:d content-length:4 accept-encoding:gzip \
             expect:100-continue proxy-authorization:e transfer-encoding:chunked te:trailers \
             connection:keep-alive,x-mine x-mine:f accept:g openai-beta:h origin:i idempotency-key:j \
             x-nexus-shadow:1",
        );
        let filter = Request::of(&headers, false);
        let names = names(&headers, |name| filter.passes(name));
        assert_eq!(names, ["accept", "openai-beta"]);
    }

    #[test]
    fn what_concerns_a_connection_does_not_pass_beside_a_name_that_is_none() {
        let mut headers = headers("x-mine:a accept:b");
        headers.insert("connection", b"\xff, x-mine");
        let filter = Request::of(&headers, false);
        assert_eq!(names(&headers, |name| filter.passes(name)), ["accept"]);
    }

    #[test]
    fn an_upstreams_own_headers_stay_at_the_gateway() {
        let headers = headers(
            "connection:close,x-mine x-mine:a keep-alive:timeout=5 set-cookie:a x-request-id:b x-trace-id:c \
             content-length:4 content-type:d x-fallback-model:e server:uvicorn alt-svc:h3 \
             strict-transport-security:max-age=1 idempotent-replayed:true access-control-allow-origin:*",
        );
        let filter = Response::of(&headers);
        let names = names(&headers, |name| filter.passes(name));
        assert_eq!(names, ["content-length", "content-type", "server"]);
    }

    #[test]
    fn a_compressed_stream_is_no_stream_of_events_to_the_gateway() {
        assert!(is_event_stream(&headers("content-type:text/event-stream")));
        assert!(is_event_stream(&headers(
            "content-type:Text/Event-Stream;charset=utf-8"
        )));
        assert!(is_event_stream(&headers(
            "content-type:text/event-stream content-encoding:identity"
        )));
        assert!(!is_event_stream(&headers(
            "content-type:text/event-stream content-encoding:gzip"
        )));
        assert!(!is_event_stream(&headers("content-type:application/json")));
    }
}
