//! The ids of a request: `x-request-id`, `x-trace-id` and W3C `traceparent`.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::observe::sample;
use crate::topology::Share;

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
    /// The trace of `traceparent`: the client's; else `trace_id` where it has that form.
    context: [u8; 32],
    /// The span that the client says this request is a part of.
    parent: Option<[u8; 16]>,
    /// Whether the spans of this trace are recorded, for whoever comes next.
    sampled: bool,
}

impl Trace {
    /// Reads the ids from a client's headers. Of the traces that begin here `sample` are recorded, or
    /// all.
    ///
    /// `x-trace-id` comes before the trace of `traceparent`, and both are passed on: the next gateway
    /// comes to the same id, whatever the client sent.
    pub(crate) fn identify(headers: &HeaderMap, sample: Option<Share>) -> Self {
        let well_formed = |name| {
            headers
                .get(name)
                .filter(|value| is_id(value.as_bytes()))
                .cloned()
        };
        let parent = headers
            .get(TRACEPARENT)
            .and_then(|value| Parent::parse(value.as_bytes()));
        let of_parent = parent.and_then(|parent| HeaderValue::from_bytes(&parent.trace).ok());
        let trace_id = well_formed(TRACE_ID).or(of_parent).unwrap_or_else(new_id);
        let context = parent.map_or_else(|| context(trace_id.as_bytes()), |parent| parent.trace);
        Self {
            request_id: well_formed(REQUEST_ID).unwrap_or_else(new_id),
            trace_id,
            context,
            parent: parent.map(|parent| parent.span),
            sampled: match parent {
                Some(parent) => parent.sampled,
                None => sample.is_none_or(|share| sample::begins(share, &context)),
            },
        }
    }

    /// The request's id.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The request's id, as a header.
    #[cfg(feature = "otlp")]
    pub(crate) fn request_id_value(&self) -> HeaderValue {
        self.request_id.clone()
    }

    /// The trace's id.
    pub(crate) fn trace_id(&self) -> &str {
        self.trace_id.to_str().unwrap_or_default()
    }

    /// The trace of `traceparent`, in hexadecimal digits.
    #[cfg(feature = "otlp")]
    pub(crate) fn context(&self) -> [u8; 32] {
        self.context
    }

    /// The span that this request is a part of, in hexadecimal digits.
    #[cfg(feature = "otlp")]
    pub(crate) fn parent(&self) -> Option<[u8; 16]> {
        self.parent
    }

    /// Whether its spans are recorded.
    #[cfg(feature = "otlp")]
    pub(crate) fn is_sampled(&self) -> bool {
        self.sampled
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
        if self.parent.is_none() {
            headers.insert(TRACEPARENT, self.traceparent(fastrand::u64(1..)));
            // It belongs to the parent that was replaced.
            headers.remove(TRACESTATE);
        }
    }

    /// Makes `span` the parent of what an upstream does for the request that has these headers.
    #[cfg(feature = "otlp")]
    pub(crate) fn mark_attempt(&self, span: u64, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.traceparent(span));
    }

    fn traceparent(&self, span: u64) -> HeaderValue {
        let trace = String::from_utf8_lossy(&self.context);
        let flags = u8::from(self.sampled);
        HeaderValue::try_from(format!("00-{trace}-{span:016x}-{flags:02x}"))
            .expect("hexadecimal digits and dashes fit into a header")
    }
}

/// The trace of `traceparent` where the client sent none: `trace_id` if it has that form.
fn context(trace_id: &[u8]) -> [u8; 32] {
    match trace_id.try_into() {
        Ok(trace) if is_hex_but_not_zero(trace_id) => trace,
        _ => {
            let mut trace = [0; 32];
            for (digit, byte) in trace
                .iter_mut()
                .zip(format!("{:032x}", fastrand::u128(1..)).bytes())
            {
                *digit = byte;
            }
            trace
        }
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

/// A valid `traceparent` of version 00: `00-TRACE-PARENT-FLAGS`.
#[derive(Clone, Copy)]
struct Parent {
    trace: [u8; 32],
    span: [u8; 16],
    sampled: bool,
}

impl Parent {
    fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.split(|byte| *byte == b'-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let well_formed = version == b"00"
            && is_hex_but_not_zero(trace)
            && is_hex_but_not_zero(span)
            && flags.iter().all(is_lower_hex)
            && parts.next().is_none();
        let &[_, low] = flags else {
            return None;
        };
        let parent = Self {
            trace: trace.try_into().ok()?,
            span: span.try_into().ok()?,
            sampled: char::from(low).to_digit(16)? & 1 == 1,
        };
        well_formed.then_some(parent)
    }
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
        let trace = Trace::identify(&headers(&[(REQUEST_ID, "req.1"), (TRACE_ID, "tr_2")]), None);
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
            let trace = Trace::identify(&headers, None);
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
        let mut headers = headers(&[(TRACEPARENT, PARENT)]);
        let trace = Trace::identify(&headers, None);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        trace.mark_request(&mut headers);
        assert_eq!(headers[TRACEPARENT], PARENT);
    }

    #[test]
    fn a_second_gateway_comes_to_the_same_trace() {
        for lines in [
            vec![],
            vec![(TRACE_ID, "tr_2")],
            vec![(TRACEPARENT, PARENT)],
            vec![(TRACEPARENT, PARENT), (TRACE_ID, "tr_2")],
            vec![(TRACEPARENT, "00-xyz"), (TRACE_ID, "tr_2")],
        ] {
            let mut headers = headers(&lines);
            let first = Trace::identify(&headers, None);
            first.mark_request(&mut headers);
            let second = Trace::identify(&headers, None);
            assert_eq!(first.trace_id(), second.trace_id(), "{lines:?}");
            assert_eq!(first.context, second.context, "{lines:?}");
        }
    }

    #[test]
    fn whether_a_trace_is_recorded_is_its_beginners_to_say() {
        let none = Some(Share::percent(0.0));
        let sampled =
            |parent: &str| Trace::identify(&headers(&[(TRACEPARENT, parent)]), none).sampled;
        assert!(sampled(PARENT));
        assert!(!sampled(&PARENT.replace("b7-01", "b7-00")));
        assert!(sampled(&PARENT.replace("b7-01", "b7-0b")));
        let mut headers = HeaderMap::new();
        Trace::identify(&headers, none).mark_request(&mut headers);
        assert!(headers[TRACEPARENT].as_bytes().ends_with(b"-00"));
    }

    #[test]
    fn a_tracestate_stays_with_its_traceparent() {
        for (parent, kept) in [(PARENT, true), ("00-xyz", false)] {
            let mut headers = headers(&[(TRACEPARENT, parent), (TRACESTATE, "a=b")]);
            Trace::identify(&headers, None).mark_request(&mut headers);
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
            let trace = Trace::identify(&headers, None);
            trace.mark_request(&mut headers);
            let replaced = headers[TRACEPARENT].as_bytes();
            let replaced = Parent::parse(replaced).unwrap();
            assert_eq!(replaced.trace, trace.trace_id().as_bytes());
        }
    }
}
