//! Whatever headers a client sends, what concerns its connection or its secrets reaches no upstream, all else does,
//! and the ids of its request are well formed.

use hyper::HeaderMap;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};

use crate::observe::trace::{REQUEST_ID, TRACE_ID, Trace};
use crate::upstream::headers::{Request, Response};

/// What never passes from a client to an upstream.
const KEPT_FROM_UPSTREAMS: [&str; 12] = [
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
];

/// What never passes from an upstream to a client.
const KEPT_FROM_CLIENTS: [&str; 4] = ["connection", "set-cookie", "transfer-encoding", "upgrade"];

/// The property. The headers stand in lines, as on the wire.
pub fn hold(lines: &[u8]) {
    let sent = headers(lines);

    let filter = Request::of(&sent, false);
    let passed = those(&sent, |name| filter.passes(name));
    are_kept(&sent, &passed, &KEPT_FROM_UPSTREAMS);
    let connection = sent.get_all(CONNECTION).iter();
    let filter = Response::of(connection.map(HeaderValue::as_bytes));
    let answered = those(&sent, |name| filter.passes(name));
    are_kept(&sent, &answered, &KEPT_FROM_CLIENTS);

    ids_are_well_formed(&sent, passed);
}

/// Those of the headers that are to be kept.
fn those(headers: &HeaderMap, kept: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let lines = headers.iter().filter(|(name, _)| kept(name));
    lines
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn headers(lines: &[u8]) -> HeaderMap {
    let lines = lines.split(|byte| *byte == b'\n');
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).ok()?;
        let value = HeaderValue::from_bytes(value.strip_prefix(b":")?.trim_ascii());
        Some((name, value.ok()?))
    };
    lines.filter_map(header).collect()
}

/// Of those `sent`, none of the `kept` have `passed`, nor any that `Connection` names, and no other is changed.
fn are_kept(sent: &HeaderMap, passed: &HeaderMap, kept: &[&str]) {
    let named: Vec<Vec<u8>> = sent
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .collect();
    for name in sent.keys() {
        let is_named = named.iter().any(|named| named == name.as_str().as_bytes());
        if is_named || kept.contains(&name.as_str()) {
            assert!(!passed.contains_key(name), "{name}");
        } else if let Some(value) = passed.get(name) {
            assert_eq!(sent.get(name), Some(value));
            let (before, after) = (sent.get_all(name), passed.get_all(name));
            assert!(before.iter().eq(after.iter()), "{name}");
        }
    }
    assert!(passed.keys().all(|name| sent.contains_key(name)), "made up");
}

fn ids_are_well_formed(sent: &HeaderMap, passed: HeaderMap) {
    let trace = Trace::identify(sent, None);
    for (name, id) in [
        (REQUEST_ID, trace.request_id()),
        (TRACE_ID, trace.trace_id()),
    ] {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_well_formed =
            |id: &[u8]| (1..=128).contains(&id.len()) && id.iter().all(|byte| is_allowed(*byte));
        assert!(is_well_formed(id.as_bytes()), "{id:?}");
        if let Some(own) = sent.get(name)
            && is_well_formed(own.as_bytes())
        {
            assert_eq!(id.as_bytes(), own.as_bytes(), "the client's own");
        }
    }
    let passed = told(&trace, &passed);
    let parent = passed.get("traceparent").cloned();
    // The next gateway comes to the same ids.
    let next = Trace::identify(&passed, None);
    assert_eq!(next.request_id(), trace.request_id());
    assert_eq!(next.trace_id(), trace.trace_id());
    assert_eq!(told(&next, &passed).get("traceparent").cloned(), parent);
    let parent = parent.expect("it was marked");
    let parts: Vec<&[u8]> = parent.as_bytes().split(|byte| *byte == b'-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{parent:?}");
}

/// What an upstream gets of these headers, with the ids in them.
fn told(trace: &Trace, headers: &HeaderMap) -> HeaderMap {
    let mut told = those(headers, |name| !trace.replaces(name, None));
    trace.tell(None, |name, value| {
        let value = HeaderValue::from_bytes(value).expect("ids fit into headers");
        told.append(name, value);
    });
    told
}
