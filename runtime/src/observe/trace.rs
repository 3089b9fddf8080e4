//! The ids of a request: `x-request-id`, `x-trace-id` and W3C `traceparent`.

use std::rc::Rc;

use crate::message::headers::Headers;
use crate::observe::sample;
use crate::topology::Share;

/// Names one request.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Names the whole of what a request is a part of.
pub(crate) const TRACE_ID: &str = "x-trace-id";

const TRACEPARENT: &str = "traceparent";

/// The longest id that is taken over from a client.
const MAX_ID: usize = 128;

/// The ids of one request: the client's own where they are well formed, else new ones.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    request_id: RequestId,
    /// What the client calls the trace, where that is not `context`.
    trace_id: Option<Rc<[u8]>>,
    /// The trace of `traceparent`: the client's; else `trace_id` where it has that form.
    context: [u8; 32],
    /// The span that the client says this request is a part of.
    parent: Option<[u8; 16]>,
    /// Whether the spans of this trace are recorded, for whoever comes next.
    sampled: bool,
}

#[derive(Clone, Debug)]
enum RequestId {
    /// Hexadecimal digits of our own.
    New([u8; 32]),
    /// Letters, digits and few signs.
    Sent(Rc<[u8]>),
}

impl Trace {
    /// Reads the ids from a client's headers. Of the traces that begin here `sample` are recorded, or
    /// all.
    ///
    /// `x-trace-id` comes before the trace of `traceparent`, and both are passed on: the next gateway
    /// comes to the same id, whatever the client sent.
    pub(crate) fn identify(headers: &Headers, sample: Option<Share>) -> Self {
        let well_formed = |name| headers.get(name).filter(|value| is_id(value)).map(Rc::from);
        let parent = headers.get(TRACEPARENT).and_then(Parent::parse);
        let trace_id: Option<Rc<[u8]>> = well_formed(TRACE_ID);
        let context = match (parent, &trace_id) {
            (Some(parent), _) => parent.trace,
            (None, Some(text)) => context(text),
            (None, None) => digits(),
        };
        Self {
            request_id: match well_formed(REQUEST_ID) {
                Some(sent) => RequestId::Sent(sent),
                None => RequestId::New(digits()),
            },
            trace_id,
            context,
            parent: parent.map(|parent| parent.span),
            sampled: match parent {
                Some(parent) => parent.sampled,
                None => sample.is_none_or(|share| sample::begins(share, &context)),
            },
        }
    }

    /// The request's id: letters, digits and few signs.
    pub(crate) fn request_id(&self) -> &[u8] {
        match &self.request_id {
            RequestId::New(digits) => digits,
            RequestId::Sent(text) => text,
        }
    }

    /// The trace's id: letters, digits and few signs.
    pub(crate) fn trace_id(&self) -> &[u8] {
        self.trace_id.as_deref().unwrap_or(&self.context)
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
    pub(crate) fn mark_response(&self, headers: &mut Headers) {
        headers.insert(REQUEST_ID, self.request_id());
        headers.insert(TRACE_ID, self.trace_id());
    }

    /// What an upstream is told in place of the client's own headers of these names. The `span` of the
    /// gateway is the parent of what the upstream does; without one a valid `traceparent` of the client stays
    /// as it is.
    pub(crate) fn tell(&self, span: Option<u64>, mut header: impl FnMut(&str, &[u8])) {
        header(REQUEST_ID, self.request_id());
        header(TRACE_ID, self.trace_id());
        if span.is_some() || self.parent.is_none() {
            let span = span.unwrap_or_else(|| fastrand::u64(..).max(1));
            header(TRACEPARENT, &self.traceparent(span));
        }
    }

    /// Whether [`Trace::tell`], with this `span`, takes the place of a client's header of this name.
    pub(crate) fn replaces(&self, name: &[u8], span: Option<u64>) -> bool {
        match name {
            b"x-request-id" | b"x-trace-id" => true,
            b"traceparent" => span.is_some() || self.parent.is_none(),
            // It belongs to the parent that is replaced.
            b"tracestate" => self.parent.is_none(),
            _ => false,
        }
    }

    /// `00-TRACE-SPAN-FLAGS`.
    fn traceparent(&self, span: u64) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(&self.context);
        text[36..52].copy_from_slice(&hex::<8, 16>(span.to_be_bytes()));
        text[54] = if self.sampled { b'1' } else { b'0' };
        text
    }
}

/// The hexadecimal digits of a number, twice as many as its bytes.
fn hex<const BYTES: usize, const DIGITS: usize>(number: [u8; BYTES]) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    let places = digits.as_chunks_mut().0.iter_mut();
    for (eight, bytes) in places.zip(number.as_chunks().0) {
        *eight = eight_digits(u32::from_be_bytes(*bytes));
    }
    digits
}

/// The hexadecimal digits of `number`, all at once: each takes a byte of a word.
fn eight_digits(number: u32) -> [u8; 8] {
    let mut values = u64::from(number);
    values = (values | values << 16) & 0x0000_ffff_0000_ffff;
    values = (values | values << 8) & 0x00ff_00ff_00ff_00ff;
    values = (values | values << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // With six more, ten and all above it reach the upper half of their byte.
    let letters = (values + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let to_letter = u64::from(b'a' - b'0' - 10);
    (values + 0x3030_3030_3030_3030 + letters * to_letter).to_be_bytes()
}

/// The trace of `traceparent` where the client sent none: `trace_id` if it has that form.
fn context(trace_id: &[u8]) -> [u8; 32] {
    match trace_id.try_into() {
        Ok(trace) if is_hex_but_not_zero(trace_id) => trace,
        _ => digits(),
    }
}

/// The digits of a new id, which are not all zero.
fn digits() -> [u8; 32] {
    hex(fastrand::u128(..).max(1).to_be_bytes())
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

    /// The headers of a client as an upstream gets them.
    fn told(trace: &Trace, mut headers: Headers, span: Option<u64>) -> Headers {
        headers.retain(|name| !trace.replaces(name, span));
        trace.tell(span, |name, value| headers.append(name, value));
        headers
    }

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(lines: &[(&str, &str)]) -> Headers {
        lines.iter().copied().collect()
    }

    #[test]
    fn a_number_is_written_as_the_library_writes_it() {
        for number in [0, 1, 0x9a, 0x0123_4567_89ab_cdef, u64::MAX] {
            let digits: [u8; 16] = hex(number.to_be_bytes());
            assert_eq!(digits, format!("{number:016x}").as_bytes());
        }
    }

    #[test]
    fn a_clients_ids_are_kept() {
        let trace = Trace::identify(&headers(&[(REQUEST_ID, "req.1"), (TRACE_ID, "tr_2")]), None);
        assert_eq!(trace.request_id(), b"req.1");
        assert_eq!(trace.trace_id(), b"tr_2");
    }

    #[test]
    fn malformed_ids_are_replaced() {
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            let trace = Trace::identify(&headers(&[(REQUEST_ID, bad)]), None);
            assert_eq!(trace.request_id().len(), 32);
            assert!(trace.request_id().iter().all(u8::is_ascii_hexdigit));
        }
    }

    #[test]
    fn a_traceparent_gives_the_trace_and_is_passed_on() {
        let headers = headers(&[(TRACEPARENT, PARENT)]);
        let trace = Trace::identify(&headers, None);
        assert_eq!(trace.trace_id(), b"4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            told(&trace, headers.clone(), None).text(TRACEPARENT),
            Some(PARENT)
        );
        let of_span = told(&trace, headers, Some(0xabc));
        let expected = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01";
        assert_eq!(of_span.text(TRACEPARENT), Some(expected));
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
            let headers = headers(&lines);
            let first = Trace::identify(&headers, None);
            let headers = told(&first, headers, None);
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
        let trace = Trace::identify(&Headers::default(), none);
        let headers = told(&trace, Headers::default(), None);
        assert!(headers.text(TRACEPARENT).unwrap().ends_with("-00"));
    }

    #[test]
    fn a_tracestate_stays_with_its_traceparent() {
        for (parent, kept) in [(PARENT, true), ("00-xyz", false)] {
            let headers = headers(&[(TRACEPARENT, parent), ("tracestate", "a=b")]);
            let headers = told(&Trace::identify(&headers, None), headers, None);
            assert_eq!(headers.has("tracestate"), kept, "{parent}");
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
            let headers = headers(&[(TRACEPARENT, bad)]);
            let trace = Trace::identify(&headers, None);
            let headers = told(&trace, headers, None);
            let replaced = headers.text(TRACEPARENT).unwrap().as_bytes();
            let replaced = Parent::parse(replaced).unwrap();
            assert_eq!(replaced.trace, trace.trace_id());
        }
    }
}
