//! What a client is told about its limits, as OpenAI tells it.

use std::time::Duration;

use decide::limit::window::Left;

use crate::limit::refusal::whole_seconds;
use crate::message;

/// The `x-ratelimit-*` headers of a response.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(super) requests: Option<Left>,
    pub(super) tokens: Option<Left>,
}

/// Limit, remaining and reset of the requests.
const REQUESTS: [&str; 3] = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
];

/// The same of the tokens.
const TOKENS: [&str; 3] = [
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
];

impl Headers {
    /// Tells how many requests are left of a limit. Of all limits, the one of which least is left is told.
    pub(super) fn requests(&mut self, left: Left) {
        tell(&mut self.requests, left);
    }

    /// The same of tokens.
    pub(super) fn tokens(&mut self, left: Left) {
        tell(&mut self.tokens, left);
    }

    /// Puts them on a response, in place of what an upstream says about limits of its own.
    pub(crate) fn mark(&self, headers: &mut message::headers::Headers) {
        put(headers, REQUESTS, self.requests.as_ref());
        put(headers, TOKENS, self.tokens.as_ref());
    }
}

// Inlined, as what is done with a name that is known is then settled when this is compiled.
#[inline(always)]
fn put(headers: &mut message::headers::Headers, names: [&str; 3], left: Option<&Left>) {
    let Some(left) = left else {
        return names.into_iter().for_each(|name| headers.remove(name));
    };
    let [limit, remaining, reset] = names;
    headers.insert_with(limit, |text| number(text, left.limit));
    headers.insert_with(remaining, |text| number(text, left.remaining));
    headers.insert_with(reset, |text| time(text, left.reset));
}

fn tell(least: &mut Option<Left>, left: Left) {
    if least.is_none_or(|least| left.remaining < least.remaining) {
        *least = Some(left);
    }
}

fn number(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `0s`, `120ms`, `59s`, `6m0s`, `1h0m0s`: rounded up.
fn time(text: &mut Vec<u8>, time: Duration) {
    let mut count = |count: u64, unit: u8| {
        number(text, count);
        text.push(unit);
    };
    let milliseconds = time.subsec_micros().div_ceil(1000);
    if time.as_secs() == 0 && (1..=999).contains(&milliseconds) {
        count(milliseconds.into(), b'm');
        return text.push(b's');
    }
    let seconds = whole_seconds(time);
    if seconds >= 3600 {
        count(seconds / 3600, b'h');
    }
    if seconds >= 60 {
        count(seconds / 60 % 60, b'm');
    }
    count(seconds % 60, b's');
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
        let values = REQUESTS.map(|name| headers.text(name).unwrap());
        assert_eq!(values, ["600", "599", "1m1s"]);
        assert!(!headers.has(TOKENS[0]));
    }
}
