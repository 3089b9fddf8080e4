//! The bounds of the histograms of a dataplane: the usual ones, each threshold that an alert or an objective compares
//! with, and the longest time that the topology allows.
//!
//! A quantile that is read off a histogram is exact at a bound and a guess between two, so what decides about an alert
//! is a bound; and what took as long as anything may is not beyond the last.

use std::time::Duration;

use crate::ir::Topology;
use crate::ir::alert::{Rule, Threshold};
use crate::ir::slo::Indicator;

/// The bounds of histograms in seconds, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Of whole requests.
    pub request: Vec<f64>,
    /// Of attempts at upstreams, to the first byte.
    pub upstream: Vec<f64>,
    /// Of streamed responses, to the first token.
    pub first_token: Vec<f64>,
    /// Of waits in queues; empty without a queue.
    pub queue_wait: Vec<f64>,
}

/// From a cached embedding to a long generation.
const REQUEST: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

const FIRST_TOKEN: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0,
];

const QUEUE_WAIT: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The bounds of the histograms of `topology`.
pub fn buckets(topology: &Topology) -> Buckets {
    let first_byte = topology.longest_attempt();
    let thresholds = Thresholds::of(topology);
    Buckets {
        request: bounds(REQUEST, &thresholds.request, topology.longest_request()),
        upstream: bounds(REQUEST, &[], first_byte),
        first_token: bounds(FIRST_TOKEN, &thresholds.first_token, first_byte),
        queue_wait: topology
            .longest_wait()
            .map(|longest| bounds(QUEUE_WAIT, &thresholds.queue_wait, Some(longest)))
            .unwrap_or_default(),
    }
}

/// What alerts and objectives compare with the values of each histogram.
#[derive(Default)]
struct Thresholds {
    request: Vec<Duration>,
    first_token: Vec<Duration>,
    queue_wait: Vec<Duration>,
}

impl Thresholds {
    fn of(topology: &Topology) -> Self {
        let mut thresholds = Self::default();
        for alert in &topology.alerts {
            let Threshold::Time(time) = alert.threshold else {
                continue;
            };
            match alert.rule {
                Rule::P95Latency => thresholds.request.push(time),
                Rule::SlowFirstToken => thresholds.first_token.push(time),
                Rule::QueueWait => thresholds.queue_wait.push(time),
                _ => {}
            }
        }
        for slo in topology.slos.iter() {
            match slo.indicator {
                Some(Indicator::Latency { within }) => thresholds.request.push(within),
                Some(Indicator::FirstToken { within, .. }) => thresholds.first_token.push(within),
                Some(Indicator::Availability) | None => {}
            }
        }
        thresholds
    }
}

/// The `usual` bounds below the `longest` time, with that and the `thresholds`.
fn bounds(usual: &[f64], thresholds: &[Duration], longest: Option<Duration>) -> Vec<f64> {
    let longest = longest.map(|longest| longest.as_secs_f64());
    let below = |bound: &f64| longest.is_none_or(|longest| *bound < longest);
    let thresholds = thresholds.iter().map(Duration::as_secs_f64);
    let mut bounds: Vec<f64> = usual.iter().copied().filter(below).collect();
    bounds.extend(thresholds.chain(longest));
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_bound_and_the_longest_time_is_the_last() {
        let seconds = |seconds: &[u64]| -> Vec<Duration> {
            seconds.iter().copied().map(Duration::from_secs).collect()
        };
        let longest = Some(Duration::from_secs(4));
        assert_eq!(
            bounds(&[1.0, 2.5, 5.0], &seconds(&[3]), longest),
            [1.0, 2.5, 3.0, 4.0]
        );
        assert_eq!(bounds(&[1.0, 4.0], &seconds(&[1]), longest), [1.0, 4.0]);
        assert_eq!(bounds(&[1.0, 9.0], &[], None), [1.0, 9.0]);
    }
}
