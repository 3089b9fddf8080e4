//! What becomes of requests: the answers, what is refused, what waits.

use hyper::{Method, StatusCode};
use prometheus::{Histogram, IntCounter, IntGauge};
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::limit::refusal::{Kind, Refusal};
use crate::observe::metrics::Metrics;
use crate::observe::metrics::labels::{
    METHOD_LABELS, METHODS, REFUSED_INPUT, REPEATED, RefusedInput, Repeated, STATUSES, place_of,
};
use crate::topology::Limit;

/// A request that waits in a queue, until it is dropped.
pub(crate) struct Queued {
    waiting: IntGauge,
    waited: Histogram,
    since: Instant,
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.waiting.dec();
        self.waited.observe(self.since.elapsed().as_secs_f64());
    }
}

impl Metrics {
    /// Counts a request that has ended, after this many seconds.
    pub(crate) fn request(
        &self,
        method: &Method,
        endpoint: Endpoint,
        status: StatusCode,
        seconds: f64,
    ) {
        let method_index = METHODS.iter().position(|known| known == method);
        let label = method_index
            .and_then(|index| METHODS.get(index))
            .map_or("other", Method::as_str);
        let row = endpoint.index() * METHOD_LABELS + method_index.unwrap_or(METHODS.len());
        self.latency
            .at(row, &[label, endpoint.label()])
            .observe(seconds);
        let labels = [label, endpoint.label(), status.as_str()];
        match place_of(status) {
            Some(place) => self
                .requests
                .at(row * STATUSES.len() + place, &labels)
                .inc(),
            None => self.requests.family.with_label_values(&labels).inc(),
        }
    }

    /// Counts a request whose head was refused with `status`.
    pub(crate) fn refused_head(&self, status: StatusCode) {
        self.refused_heads
            .with_label_values(&[status.as_str()])
            .inc();
    }

    /// Counts a request that a limit refused.
    pub(crate) fn limit_refused(&self, refusal: &Refusal) {
        self.limit_refusals(refusal.limit, refusal.kind).inc();
    }

    pub(super) fn limit_refusals(&self, limit: &Limit, kind: Kind) -> &IntCounter {
        let place = kind.index();
        let index = limit.slot.index() * Kind::WORDS.len() + place;
        let word = Kind::WORDS.get(place).copied().unwrap_or_default();
        self.limit_refused.at(index, &[limit.settings.name, word])
    }

    /// Counts a request among those that wait in the queue of `limit`.
    pub(crate) fn queued(&self, limit: &Limit) -> Option<Queued> {
        limit.settings.queue.as_ref()?;
        let name = limit.settings.name;
        let waiting = self.queue_waiting.with_label_values(&[name]);
        waiting.inc();
        Some(Queued {
            waiting,
            waited: self.queue_wait.at(limit.slot.index(), &[name]).clone(),
            since: Instant::now(),
        })
    }

    /// How many requests were refused for holding this.
    pub(crate) fn refused_input(&self, reason: RefusedInput) -> &IntCounter {
        let index = reason as usize;
        let word = REFUSED_INPUT.get(index).copied().unwrap_or_default();
        self.refused_input.at(index, &[word])
    }

    /// How many requests with a known `Idempotency-Key` had this come of them.
    pub(crate) fn repeated(&self, repeated: Repeated) -> &IntCounter {
        let index = repeated as usize;
        let word = REPEATED.get(index).copied().unwrap_or_default();
        self.repeated.at(index, &[word])
    }
}
