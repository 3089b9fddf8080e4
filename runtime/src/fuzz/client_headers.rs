//! Whatever headers a client sends, what concerns its connection or its secrets reaches no upstream, all else does,
//! and the ids of its request are well formed.

use hyper::header::{CONNECTION, HeaderName, HeaderValue};

use crate::message::headers::Headers;
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
    let filter = Response::of(&sent);
    let answered = those(&sent, |name| filter.passes(name));
    are_kept(&sent, &answered, &KEPT_FROM_CLIENTS);

    ids_are_well_formed(&sent, passed);
}

/// Those of the headers that are to be kept.
fn those(headers: &Headers, kept: impl Fn(&[u8]) -> bool) -> Headers {
    headers.iter().filter(|(name, _)| kept(name)).collect()
}

fn headers(lines: &[u8]) -> Headers {
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
fn are_kept(sent: &Headers, passed: &Headers, kept: &[&str]) {
    let named: Vec<Vec<u8>> = sent
        .all(CONNECTION)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .collect();
    for (name, _) in sent.iter() {
        let is_named = named.iter().any(|named| named == name);
        if is_named || kept.iter().any(|kept| kept.as_bytes() == name) {
            assert!(!passed.has(name), "{name:?}");
        } else if passed.has(name) {
            assert!(sent.all(name).eq(passed.all(name)), "{name:?}");
        }
    }
    assert!(passed.iter().all(|(name, _)| sent.has(name)), "made up");
}

fn ids_are_well_formed(sent: &Headers, passed: Headers) {
    let trace = Trace::identify(sent, None);
    for (name, id) in [
        (REQUEST_ID, trace.request_id()),
        (TRACE_ID, trace.trace_id()),
    ] {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_well_formed =
            |id: &[u8]| (1..=128).contains(&id.len()) && id.iter().all(|byte| is_allowed(*byte));
        assert!(is_well_formed(id), "{id:?}");
        if let Some(own) = sent.get(name)
            && is_well_formed(own)
        {
            assert_eq!(id, own, "the client's own");
        }
    }
    let passed = told(&trace, &passed);
    let parent = passed.get("traceparent").map(<[u8]>::to_vec);
    // The next gateway comes to the same ids.
    let next = Trace::identify(&passed, None);
    assert_eq!(next.request_id(), trace.request_id());
    assert_eq!(next.trace_id(), trace.trace_id());
    assert_eq!(told(&next, &passed).get("traceparent"), parent.as_deref());
    let parent = parent.expect("it was marked");
    let parts: Vec<&[u8]> = parent.split(|byte| *byte == b'-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{parent:?}");
}

/// What an upstream gets of these headers, with the ids in them.
fn told(trace: &Trace, headers: &Headers) -> Headers {
    let mut told = those(headers, |name| !trace.replaces(name, None));
    trace.tell(None, |name, value| told.append(name, value));
    told
}
