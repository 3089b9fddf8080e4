//! What a client is told about its limits, as OpenAI tells it.

use std::fmt::Write;
use std::time::Duration;

use bytes::BytesMut;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::limit::limiter::Left;
use crate::limit::refusal::whole_seconds;

/// The `x-ratelimit-*` headers of a response.
#[derive(Debug)]
pub(crate) struct Headers {
    pub(super) requests: Option<Left>,
    pub(super) tokens: Option<Left>,
}

/// Limit, remaining and reset.
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];

const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

impl Headers {
    /// Puts them on a response, in place of what an upstream says about limits of its own.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        let mut buffer = BytesMut::new();
        for (names, left) in [(&REQUESTS, &self.requests), (&TOKENS, &self.tokens)] {
            let Some(left) = left else {
                for name in names {
                    headers.remove(name);
                }
                continue;
            };
            // One allocation for all values.
            buffer.reserve(if buffer.capacity() == 0 { 128 } else { 0 });
            let [limit, remaining, reset] = names;
            headers.insert(limit, number(&mut buffer, left.limit));
            headers.insert(remaining, number(&mut buffer, left.remaining));
            headers.insert(reset, time(&mut buffer, left.reset));
        }
    }
}

fn number(buffer: &mut BytesMut, number: u64) -> HeaderValue {
    let _ = write!(buffer, "{number}");
    value(buffer)
}

/// `0s`, `120ms`, `59s`, `6m0s`, `1h0m0s`: rounded up.
fn time(buffer: &mut BytesMut, time: Duration) -> HeaderValue {
    let seconds = whole_seconds(time);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = match (hours, minutes) {
        _ if !time.is_zero() && time <= Duration::from_millis(999) => {
            write!(buffer, "{}ms", time.as_micros().div_ceil(1000))
        }
        (0, 0) => write!(buffer, "{seconds}s"),
        (0, _) => write!(buffer, "{minutes}m{seconds}s"),
        _ => write!(buffer, "{hours}h{minutes}m{seconds}s"),
    };
    value(buffer)
}

fn value(buffer: &mut BytesMut) -> HeaderValue {
    let written = buffer.split().freeze();
    HeaderValue::from_maybe_shared(written).expect("digits and letters are a header's value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: u64) -> String {
        let value = time(&mut BytesMut::new(), Duration::from_millis(milliseconds));
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn times_are_written_as_openai_writes_them() {
        let times = [0, 1, 999, 1000, 1001, 59_000, 360_000, 3_600_000];
        let expected = ["0s", "1ms", "999ms", "1s", "2s", "59s", "6m0s", "1h0m0s"];
        assert_eq!(times.map(written), expected);
    }

    #[test]
    fn an_upstreams_own_limits_are_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(&TOKENS[0], HeaderValue::from_static("7"));
        headers.insert(&REQUESTS[0], HeaderValue::from_static("7"));
        let requests = Left {
            limit: 600,
            remaining: 599,
            reset: Duration::from_secs(61),
        };
        let told = Headers {
            requests: Some(requests),
            tokens: None,
        };
        told.mark(&mut headers);
        let values = REQUESTS
            .each_ref()
            .map(|name| headers[name].to_str().unwrap());
        assert_eq!(values, ["600", "599", "1m1s"]);
        assert!(!headers.contains_key(&TOKENS[0]));
    }
}
