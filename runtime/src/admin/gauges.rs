//! What is turned off, as metrics.

use decide::metric;
use prometheus::IntGaugeVec;

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
        let register = metrics.register();
        Self {
            enabled: register.gauge_family(
                metric::FEATURE_ENABLED,
                "Whether a feature is on: 1, or turned off by an administrator: 0.",
            ),
            draining: register.gauge_family(
                metric::UPSTREAM_DRAINING,
                "Whether an administrator has taken an upstream out of use: 1, or not: 0.",
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
