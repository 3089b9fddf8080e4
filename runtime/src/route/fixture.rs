//! Five upstreams for the tests of rules.

use std::time::Duration;

use crate::topology::{Endpoint, Timeouts, Upstream, UpstreamSettings};

const fn upstream(name: &'static str) -> Upstream {
    let second = Duration::from_secs(1);
    Upstream::new(UpstreamSettings {
        name,
        endpoint: Endpoint::Http {
            url: "http://127.0.0.1:1",
            variable: "UPSTREAM_URL",
        },
        served_model: None,
        api_key: None,
        timeouts: Timeouts {
            connect: second,
            first_byte: second,
            between_chunks: second,
        },
        breaker: None,
        health: None,
        tls: None,
        stream_usage: false,
    })
}

pub(super) static A: Upstream = upstream("a");
pub(super) static B: Upstream = upstream("b");
pub(super) static C: Upstream = upstream("c");
static D: Upstream = upstream("d");
static E: Upstream = upstream("e");

/// All of them, by name.
pub(super) static ALL: &[&Upstream] = &[&A, &B, &C, &D, &E];

/// The place of `upstream` among all.
pub(super) fn place_of(upstream: &Upstream) -> usize {
    let place = ALL.iter().position(|other| std::ptr::eq(*other, upstream));
    place.unwrap()
}
