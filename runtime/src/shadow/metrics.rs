//! The metrics of copies. They are made beside requests, for a small part of them, so a series is
//! looked up by its labels.

use decide::metric;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use crate::observe::metrics::Metrics;
use crate::shadow::slots;
use crate::topology::{Buckets, Route, Shadow, Topology};

/// The outcome of a copy whose upstream is not fit for one.
pub(super) const SKIPPED: &str = "skipped";

/// The outcome of a copy for which there is no room.
pub(super) const DROPPED: &str = "dropped";

/// The metrics of copies.
pub(crate) struct ShadowMetrics {
    requests: IntCounterVec,
    compared: IntCounterVec,
    latency: HistogramVec,
    first_byte: HistogramVec,
    output_tokens: IntCounterVec,
}

/// Of a request and its copy.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Primary,
    Copy,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The first digits of the statuses.
    Status,
    /// Why the models stopped.
    FinishReason,
}

/// The metrics of one side.
pub(super) struct OfSide {
    pub(super) latency: Histogram,
    pub(super) first_byte: Histogram,
    pub(super) output_tokens: IntCounter,
}

impl ShadowMetrics {
    /// The metrics of the shadows of `topology`, as a part of all `metrics`; `None` where no route has
    /// a shadow.
    pub(crate) fn of(topology: &Topology, metrics: &Metrics) -> Option<Self> {
        let shadows = slots::all(topology);
        if shadows.is_empty() {
            return None;
        }
        let own = Self::new(metrics, &topology.buckets);
        // A rate can only be told from a counter that was there before it was counted up.
        for (route, shadow) in shadows {
            for outcome in [SKIPPED, DROPPED] {
                own.requested(route, shadow, outcome);
            }
        }
        Some(own)
    }

    fn new(metrics: &Metrics, buckets: &Buckets) -> Self {
        let register = metrics.register();
        Self {
            requests: register.counter_family(metric::SHADOW_REQUESTS, "Copies of requests, by status or what happened instead of one; `dropped` and `skipped` ones were not sent."),
            compared: register.counter_family(metric::SHADOW_COMPARED, "Requests compared with their copies, by what was compared: `status`, and of good answers `finish_reason`."),
            latency: register.histogram_family(metric::SHADOW_LATENCY, "Time to the last byte of a request and of its copy, where both were answered well.", buckets.request),
            first_byte: register.histogram_family(metric::SHADOW_FIRST_BYTE, "Time to the first byte of the body of a request and of its copy, where both were answered well.", buckets.first_token),
            output_tokens: register.counter_family(metric::SHADOW_OUTPUT_TOKENS, "Tokens written for requests and for their copies, where both upstreams reported them."),
        }
    }

    /// Counts the copies that ended like this.
    pub(super) fn requested(&self, route: &Route, shadow: &Shadow, outcome: &str) -> IntCounter {
        let upstream = shadow.settings.upstream.settings.name;
        let labels = [route.name, upstream, outcome];
        self.requests.with_label_values(&labels)
    }

    /// Counts a comparison.
    pub(super) fn compared(&self, route: &Route, shadow: &Shadow, what: What, same: bool) {
        let upstream = shadow.settings.upstream.settings.name;
        let what = match what {
            What::Status => "status",
            What::FinishReason => "finish_reason",
        };
        let result = if same { "same" } else { "different" };
        let labels = [route.name, upstream, what, result];
        self.compared.with_label_values(&labels).inc();
    }

    /// The metrics of one side.
    pub(super) fn side(&self, route: &Route, shadow: &Shadow, side: Side) -> OfSide {
        let side = match side {
            Side::Primary => "primary",
            Side::Copy => "copy",
        };
        let labels = [route.name, shadow.settings.upstream.settings.name, side];
        OfSide {
            latency: self.latency.with_label_values(&labels),
            first_byte: self.first_byte.with_label_values(&labels),
            output_tokens: self.output_tokens.with_label_values(&labels),
        }
    }
}
