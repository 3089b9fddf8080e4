//! What is turned off, as metrics.

use prometheus::{IntGaugeVec, Opts};

use crate::admin::switches::Switches;
use crate::observe::metrics::Metrics;
use crate::upstream::live::Live;

/// The gauges of switches.
pub(crate) struct Gauges {
    enabled: IntGaugeVec,
    draining: IntGaugeVec,
}

impl Gauges {
    /// The gauges, as a part of `metrics`.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let gauges = |name: &str, help: &str, label: &str| {
            metrics.add(IntGaugeVec::new(Opts::new(name, help), &[label]))
        };
        Self {
            enabled: gauges(
                "gateway_feature_enabled",
                "Whether a feature is on: 1, or turned off by an administrator: 0.",
                "feature",
            ),
            draining: gauges(
                "gateway_upstream_draining",
                "Whether an administrator has taken an upstream out of use: 1, or not: 0.",
                "upstream",
            ),
        }
    }

    /// Shows how things are now.
    pub(crate) fn show(&self, switches: &Switches, upstreams: &[Live]) {
        for feature in switches.features() {
            let enabled = i64::from(!switches.is_off(*feature));
            self.enabled
                .with_label_values(&[feature.name()])
                .set(enabled);
        }
        for live in upstreams {
            let name = live.upstream().settings.name;
            let draining = i64::from(live.is_drained());
            self.draining.with_label_values(&[name]).set(draining);
        }
    }
}
