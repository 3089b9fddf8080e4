//! The ids of a request: `x-request-id`, `x-trace-id` and W3C `traceparent`.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Names one request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the whole of what a request is a part of.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest id that is taken over from a client.
const MAX_ID: usize = 128;

/// The ids of one request: the client's own where they are well formed, else new ones.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    request_id: HeaderValue,
    trace_id: HeaderValue,
}

impl Trace {
    /// Reads the ids from a client's headers.
    pub(crate) fn identify(headers: &HeaderMap) -> Self {
        let well_formed = |name| {
            headers
                .get(name)
                .filter(|value| is_id(value.as_bytes()))
                .cloned()
        };
        let parent = headers
            .get(TRACEPARENT)
            .and_then(|value| parent_trace(value.as_bytes()));
        let parent = parent.and_then(|trace| HeaderValue::from_bytes(trace).ok());
        Self {
            request_id: well_formed(REQUEST_ID).unwrap_or_else(new_id),
            trace_id: parent
                .or_else(|| well_formed(TRACE_ID))
                .unwrap_or_else(new_id),
        }
    }

    /// The request's id.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The trace's id.
    pub(crate) fn trace_id(&self) -> &str {
        self.trace_id.to_str().unwrap_or_default()
    }

    /// Puts the ids on a response.
    pub(crate) fn mark_response(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request_id.clone());
        headers.insert(TRACE_ID, self.trace_id.clone());
    }

    /// Puts the ids on a request to an upstream, whose headers are otherwise the client's: a valid
    /// `traceparent` of the client stays as it is.
    pub(crate) fn mark_request(&self, headers: &mut HeaderMap) {
        self.mark_response(headers);
        let valid = headers
            .get(TRACEPARENT)
            .and_then(|value| parent_trace(value.as_bytes()));
        if valid.is_none() {
            headers.insert(TRACEPARENT, self.new_parent());
            // It belongs to the parent that was replaced.
            headers.remove(TRACESTATE);
        }
    }

    fn new_parent(&self) -> HeaderValue {
        let own = self.trace_id.as_bytes();
        let trace = if own.len() == 32 && is_hex_but_not_zero(own) {
            self.trace_id().to_owned()
        } else {
            format!("{:032x}", fastrand::u128(1..))
        };
        let parent = format!("00-{trace}-{:016x}-01", fastrand::u64(1..));
        HeaderValue::try_from(parent).expect("hexadecimal digits and dashes fit into a header")
    }
}

fn new_id() -> HeaderValue {
    HeaderValue::try_from(format!("{:032x}", fastrand::u128(..)))
        .expect("hexadecimal digits fit into a header")
}

fn is_id(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_ID).contains(&text.len()) && text.iter().all(allowed)
}

/// The trace id in a valid `traceparent` of version 00: `00-TRACE-PARENT-FLAGS`.
fn parent_trace(value: &[u8]) -> Option<&[u8]> {
    let mut parts = value.split(|byte| *byte == b'-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let well_formed = version == b"00"
        && trace.len() == 32
        && is_hex_but_not_zero(trace)
        && parent.len() == 16
        && is_hex_but_not_zero(parent)
        && flags.len() == 2
        && flags.iter().all(is_lower_hex)
        && parts.next().is_none();
    well_formed.then_some(trace)
}

fn is_hex_but_not_zero(text: &[u8]) -> bool {
    text.iter().all(is_lower_hex) && text.iter().any(|digit| *digit != b'0')
}

fn is_lower_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_clients_ids_are_kept() {
        let trace = Trace::identify(&headers(&[(REQUEST_ID, "req.1"), (TRACE_ID, "tr_2")]));
        assert_eq!((trace.request_id(), trace.trace_id()), ("req.1", "tr_2"));
    }

    #[test]
    fn malformed_ids_are_replaced() {
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            let Ok(value) = HeaderValue::from_bytes(bad.as_bytes()) else {
                continue;
            };
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, value);
            let trace = Trace::identify(&headers);
            assert_eq!(trace.request_id().len(), 32);
            assert!(
                trace
                    .request_id()
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit())
            );
        }
    }

    #[test]
    fn a_traceparent_gives_the_trace_and_is_passed_on() {
        let mut headers = headers(&[(TRACEPARENT, PARENT), (TRACE_ID, "other")]);
        let trace = Trace::identify(&headers);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        trace.mark_request(&mut headers);
        assert_eq!(headers[TRACEPARENT], PARENT);
    }

    #[test]
    fn a_tracestate_stays_with_its_traceparent() {
        for (parent, kept) in [(PARENT, true), ("00-xyz", false)] {
            let mut headers = headers(&[(TRACEPARENT, parent), (TRACESTATE, "a=b")]);
            Trace::identify(&headers).mark_request(&mut headers);
            assert_eq!(headers.contains_key(TRACESTATE), kept, "{parent}");
        }
    }

    #[test]
    fn an_invalid_traceparent_is_replaced() {
        let zero = PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        for bad in [
            "00-xyz",
            &PARENT.to_uppercase(),
            &zero,
            &format!("{PARENT}-more"),
        ] {
            let mut headers = headers(&[(TRACEPARENT, bad)]);
            let trace = Trace::identify(&headers);
            trace.mark_request(&mut headers);
            let replaced = headers[TRACEPARENT].as_bytes();
            assert_eq!(parent_trace(replaced), Some(trace.trace_id().as_bytes()));
        }
    }
}
