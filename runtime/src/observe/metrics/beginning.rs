//! The series that are there before anything has happened.

use crate::limit::refusal::Kind;
use crate::observe::metrics::Metrics;
use crate::observe::metrics::labels::{Hedged, RefusedInput, Repeated};
use crate::route;
use crate::topology::Topology;

impl Metrics {
    /// Makes the series that are known from the start: a rate can only be told from a counter that was there before it
    /// was counted up.
    pub(super) fn begin(&self, topology: &Topology) {
        for status in ["400", "408", "414", "431"] {
            self.refused_heads.with_label_values(&[status]);
        }
        if let Some(input) = &topology.gateway.input {
            if input.max_messages.is_some() {
                self.refused_input(RefusedInput::Messages);
            }
            if input.forbidden_words.is_some() {
                self.refused_input(RefusedInput::ForbiddenWord);
            }
        }
        if topology.gateway.idempotency.is_some() {
            for repeated in [Repeated::Replayed, Repeated::Running, Repeated::Reused] {
                self.repeated(repeated);
            }
        }
        for limit in topology.limits {
            let name = limit.settings.name;
            if limit.settings.queue.is_some() {
                self.queue_waiting.with_label_values(&[name]).set(0);
            }
            for kind in Kind::of(&limit.settings) {
                self.limit_refusals(limit, kind);
            }
        }
        for model in topology.models {
            for stand_in in model.settings.fallback {
                self.fallbacks_used(model, stand_in);
            }
        }
        for upstream in topology.upstreams {
            if upstream.settings.breaker.is_some() {
                self.circuit_opened(upstream);
            }
        }
        for route in topology.models.iter().map(|model| model.settings.route) {
            if route.retry.is_some() {
                route::upstreams(&route.rule).for_each(|upstream| _ = self.retries(upstream));
            }
        }
        for (route, hedge) in route::hedged(topology) {
            for hedged in Hedged::ALL {
                self.hedges(route, hedge, hedged);
            }
        }
    }
}
