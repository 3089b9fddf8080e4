//! What a client is told about its limits, as OpenAI tells it.

use std::time::Duration;

use hyper::header::HeaderName;

use crate::limit::limiter::Left;
use crate::limit::refusal::whole_seconds;
use crate::message;

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
    pub(crate) fn mark(&self, headers: &mut message::headers::Headers) {
        for (names, left) in [(&REQUESTS, &self.requests), (&TOKENS, &self.tokens)] {
            let Some(left) = left else {
                for name in names {
                    headers.remove(name);
                }
                continue;
            };
            let [limit, remaining, reset] = names;
            headers.insert_with(limit, |text| number(text, left.limit));
            headers.insert_with(remaining, |text| number(text, left.remaining));
            headers.insert_with(reset, |text| time(text, left.reset));
        }
    }
}

fn number(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `0s`, `120ms`, `59s`, `6m0s`, `1h0m0s`: rounded up.
fn time(text: &mut Vec<u8>, time: Duration) {
    let seconds = whole_seconds(time);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let milliseconds = time.as_micros().div_ceil(1000) as u64;
    let parts: &[(u64, &str)] = match (hours, minutes) {
        _ if (1..=999).contains(&milliseconds) => &[(milliseconds, "ms")],
        (0, 0) => &[(seconds, "s")],
        (0, _) => &[(minutes, "m"), (seconds, "s")],
        _ => &[(hours, "h"), (minutes, "m"), (seconds, "s")],
    };
    for (count, unit) in parts {
        number(text, *count);
        text.extend_from_slice(unit.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: u64) -> String {
        let mut text = Vec::new();
        time(&mut text, Duration::from_millis(milliseconds));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn times_are_written_as_openai_writes_them() {
        let times = [0, 1, 999, 1000, 1001, 59_000, 360_000, 3_600_000];
        let expected = ["0s", "1ms", "999ms", "1s", "2s", "59s", "6m0s", "1h0m0s"];
        assert_eq!(times.map(written), expected);
    }

    #[test]
    fn an_upstreams_own_limits_are_replaced() {
        let mut headers =
            message::headers::Headers::from_iter([(&TOKENS[0], "7"), (&REQUESTS[0], "7")]);
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
        let values = REQUESTS.each_ref().map(|name| headers.text(name).unwrap());
        assert_eq!(values, ["600", "599", "1m1s"]);
        assert!(!headers.has(&TOKENS[0]));
    }
}
