//! `GET /v1/circuit-breakers`: which upstreams are left alone, and for how long.

use bytes::Bytes;
use serde::Serialize;

use crate::upstream::circuit::{Millis, Snapshot, State};
use crate::upstream::live::Live;

/// The circuit breakers of `upstreams`, in the order of their names.
pub(crate) fn list(upstreams: &[Live]) -> Bytes {
    let entries = upstreams.iter().filter_map(|live| {
        let breaker = live.breaker.as_ref()?;
        let name = live.upstream().settings.name;
        Some(entry(name, breaker.snapshot(), live.is_drained()))
    });
    let list = List {
        object: "list",
        data: entries.collect(),
    };
    serde_json::to_vec(&list)
        .expect("text and numbers can be written as JSON")
        .into()
}

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    upstream: &'static str,
    state: &'static str,
    /// Since the last success.
    consecutive_failures: u16,
    /// Since it opened; `null` where it is closed.
    opened_seconds: Option<f64>,
    /// Until one request may try the upstream; `null` where one may now.
    retry_after_seconds: Option<f64>,
    /// Whether an administrator has taken it out of use.
    draining: bool,
}

fn entry(upstream: &'static str, snapshot: Snapshot, draining: bool) -> Entry {
    Entry {
        upstream,
        state: match snapshot.state {
            State::Closed => "CLOSED",
            State::Open => "OPEN",
            State::HalfOpen => "HALF_OPEN",
        },
        consecutive_failures: snapshot.failures,
        opened_seconds: snapshot.opened.map(seconds),
        retry_after_seconds: snapshot.retry.map(seconds),
        draining,
    }
}

fn seconds(millis: Millis) -> f64 {
    millis as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_long_an_upstream_is_left_alone() {
        let snapshot = Snapshot {
            state: State::Open,
            failures: 5,
            opened: Some(17_500),
            retry: Some(12_500),
            failed: true,
        };
        assert_eq!(
            serde_json::to_string(&entry("vllm", snapshot, false)).unwrap(),
            r#"{"upstream":"vllm","state":"OPEN","consecutive_failures":5,"opened_seconds":17.5,"retry_after_seconds":12.5,"draining":false}"#
        );
    }
}
