//! Which headers pass the gateway, in both directions.

use hyper::HeaderMap;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, ALT_SVC, AUTHORIZATION, CONNECTION,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, HeaderValue,
    ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::idempotency;
use crate::observe::trace::{REQUEST_ID, TRACE_ID};

/// Names the model that answered in place of the one that was asked for.
pub(crate) const FALLBACK_MODEL: HeaderName = HeaderName::from_static("x-fallback-model");

/// Says that a request is a copy, for the upstream's log.
pub(crate) const SHADOW: HeaderName = HeaderName::from_static("x-nexus-shadow");

/// The header that carries an API key and wins over `Authorization`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How clients of Azure present a key.
const AZURE_API_KEY: HeaderName = HeaderName::from_static("api-key");

/// Who is billed, beside a key: the owner of the key says that, not whoever asks.
pub(crate) const BESIDE_A_KEY: [HeaderName; 2] = [
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
];

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What concerns one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What a client says to the gateway and not to an upstream. `Accept-Encoding` is among them
/// because a compressed response could not be observed; `Origin`, because some engines refuse web
/// pages that they do not know, and which pages may ask is settled here; `Idempotency-Key`, because all
/// clients are one to an upstream, and the same key of two must not give one the other's answer; the
/// mark of a copy, because the gateway alone sets it.
const FOR_THE_GATEWAY: [HeaderName; 11] = [
    ACCEPT_ENCODING,
    AZURE_API_KEY,
    API_KEY,
    AUTHORIZATION,
    CONTENT_LENGTH,
    COOKIE,
    EXPECT,
    HOST,
    ORIGIN,
    idempotency::KEY,
    SHADOW,
];

/// What an upstream says to the gateway and not to its clients: a cookie would be one for all of
/// them, how its host is reached is nothing to know about the gateway's, and engines let every web
/// page read by default.
const FROM_THE_UPSTREAM: [HeaderName; 8] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ALT_SVC,
    FALLBACK_MODEL,
    REQUEST_ID,
    SET_COOKIE,
    STRICT_TRANSPORT_SECURITY,
    TRACE_ID,
    idempotency::REPLAYED,
];

/// Takes everything from a client's headers that must not reach an upstream.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in &FOR_THE_GATEWAY {
        headers.remove(name);
    }
}

/// Takes everything from an upstream's headers that must not reach a client.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in &FROM_THE_UPSTREAM {
        headers.remove(name);
    }
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            // A value with something odd in it names what it names all the same.
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether headers say how the end of the body will be known; without them, any end of the connection is
/// one.
pub(crate) fn tell_the_end(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH)
}

/// Whether headers announce an SSE stream that can be read. One that is compressed, although nobody
/// asked for that, is relayed as any other bytes are.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return false;
    }
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type
        .and_then(|value| value.split_at_checked("text/event-stream".len()))
        .is_some_and(|(start, _)| start.eq_ignore_ascii_case(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &str) -> HeaderMap {
        let lines = lines
            .split_whitespace()
            .map(|line| line.split_once(':').unwrap());
        lines
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_clients_own_headers_stay_at_the_gateway() {
        let mut headers = headers(
            "host:a authorization:b x-api-key:c cookie:d content-length:4 accept-encoding:gzip \
             expect:100-continue proxy-authorization:e transfer-encoding:chunked te:trailers \
             connection:keep-alive,x-mine x-mine:f accept:g openai-beta:h origin:i idempotency-key:j \
             x-nexus-shadow:1",
        );
        strip_request(&mut headers);
        assert_eq!(names(&headers), ["accept", "openai-beta"]);
    }

    #[test]
    fn what_concerns_a_connection_does_not_pass_beside_a_name_that_is_none() {
        let mut headers = headers("x-mine:a accept:b");
        let named = HeaderValue::from_bytes(b"\xff, x-mine").unwrap();
        headers.insert(CONNECTION, named);
        strip_request(&mut headers);
        assert_eq!(names(&headers), ["accept"]);
    }

    #[test]
    fn an_upstreams_own_headers_stay_at_the_gateway() {
        let mut headers = headers(
            "connection:close keep-alive:timeout=5 set-cookie:a x-request-id:b x-trace-id:c \
             content-length:4 content-type:d x-fallback-model:e server:uvicorn alt-svc:h3 \
             strict-transport-security:max-age=1 idempotent-replayed:true access-control-allow-origin:*",
        );
        strip_response(&mut headers);
        assert_eq!(
            names(&headers),
            ["content-length", "content-type", "server"]
        );
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
