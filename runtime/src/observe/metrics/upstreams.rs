//! What becomes of attempts at upstreams, and which of them can be asked.

use prometheus::{Histogram, IntCounter};

use crate::observe::metrics::Metrics;
use crate::observe::metrics::labels::{Hedged, OUTCOMES, STATUSES, place_of};
use crate::observe::outcome::Outcome;
use crate::topology::{Hedge, Route, Upstream};
use crate::upstream::circuit::State;

impl Metrics {
    /// Counts an attempt that has ended.
    pub(crate) fn upstream_request(&self, upstream: &Upstream, outcome: Outcome) {
        let name = upstream.settings.name;
        let row = upstream.slot.index() * OUTCOMES;
        match (outcome.word(), outcome) {
            (Some((index, word)), _) => {
                self.upstream_requests
                    .at(row + STATUSES.len() + index, &[name, word])
                    .inc();
            }
            (None, Outcome::Status(status)) => match place_of(status) {
                Some(place) => {
                    self.upstream_requests
                        .at(row + place, &[name, status.as_str()])
                        .inc();
                }
                None => {
                    let labels = [name, status.as_str()];
                    self.upstream_requests
                        .family
                        .with_label_values(&labels)
                        .inc();
                }
            },
            (None, _) => {}
        }
    }

    /// How long attempts at `upstream` take.
    pub(crate) fn upstream_latency(&self, upstream: &Upstream) -> &Histogram {
        self.upstream_latency
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often the circuit breaker of `upstream` opened.
    pub(crate) fn circuit_opened(&self, upstream: &Upstream) -> &IntCounter {
        self.circuit_opened
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often an attempt at `upstream` was repeated.
    pub(crate) fn retries(&self, upstream: &Upstream) -> &IntCounter {
        self.retries
            .at(upstream.slot.index(), &[upstream.settings.name])
    }

    /// How often this came of the `hedge` of `route`.
    pub(crate) fn hedges(&self, route: &Route, hedge: &Hedge, hedged: Hedged) -> &IntCounter {
        let place = hedged as usize;
        let index = hedge.slot.index() * Hedged::ALL.len() + place;
        self.hedges.at(index, &[route.name, hedged.word()])
    }

    /// Shows the state of the circuit breaker of `upstream`.
    pub(crate) fn circuit_state(&self, upstream: &Upstream, state: State) {
        let value = match state {
            State::Closed => 0,
            State::Open => 1,
            State::HalfOpen => 2,
        };
        self.circuit_state
            .with_label_values(&[upstream.settings.name])
            .set(value);
    }

    /// Shows what health checks say about `upstream`.
    pub(crate) fn upstream_healthy(&self, upstream: &Upstream, healthy: bool) {
        self.upstream_healthy
            .with_label_values(&[upstream.settings.name])
            .set(i64::from(healthy));
    }
}
