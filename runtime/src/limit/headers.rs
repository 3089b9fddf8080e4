//! What a client is told about its limits, as OpenAI tells it.

use std::time::Duration;

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
        for (names, left) in [(&REQUESTS, &self.requests), (&TOKENS, &self.tokens)] {
            let Some(left) = left else {
                for name in names {
                    headers.remove(name);
                }
                continue;
            };
            let [limit, remaining, reset] = names;
            headers.insert(limit, number(left.limit));
            headers.insert(remaining, number(left.remaining));
            headers.insert(reset, time(left.reset));
        }
    }
}

fn number(number: u64) -> HeaderValue {
    value(itoa::Buffer::new().format(number).as_bytes())
}

/// `0s`, `120ms`, `59s`, `6m0s`, `1h0m0s`: rounded up.
fn time(time: Duration) -> HeaderValue {
    let seconds = whole_seconds(time);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let milliseconds = time.as_micros().div_ceil(1000) as u64;
    let parts: &[(u64, &str)] = match (hours, minutes) {
        _ if (1..=999).contains(&milliseconds) => &[(milliseconds, "ms")],
        (0, 0) => &[(seconds, "s")],
        (0, _) => &[(minutes, "m"), (seconds, "s")],
        _ => &[(hours, "h"), (minutes, "m"), (seconds, "s")],
    };
    let mut text = Vec::with_capacity(32);
    for (number, unit) in parts {
        text.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        text.extend_from_slice(unit.as_bytes());
    }
    value(&text)
}

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("digits and letters are a header's value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: u64) -> String {
        let value = time(Duration::from_millis(milliseconds));
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
