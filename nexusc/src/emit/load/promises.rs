//! The objectives of a spec as thresholds of k6.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::emit::load::literal;
use crate::ir::slo::{Indicator, Slo};
use crate::ir::{Percent, Topology};
use crate::unit::duration;

/// An objective.
#[derive(Serialize)]
pub(super) struct Promise {
    /// `slos.NAME`.
    path: String,
    /// In words.
    what: String,
}

/// A metric of k6, and what must hold for it.
#[derive(Serialize)]
pub(super) struct Threshold {
    /// The metric, as a literal of JavaScript.
    metric: String,
    /// The objectives that it is about.
    promises: Vec<Promise>,
    /// What each of them demands, as literals of JavaScript.
    expressions: Vec<String>,
}

/// The objectives of `topology`.
pub(super) fn promises(topology: &Topology) -> Vec<Promise> {
    topology.slos.iter().filter_map(promise).collect()
}

/// The thresholds of `topology`, by metric: several objectives may be about one.
pub(super) fn thresholds(topology: &Topology) -> Vec<Threshold> {
    let mut thresholds: BTreeMap<String, Threshold> = BTreeMap::new();
    for slo in topology.slos.iter() {
        let Some(indicator) = &slo.indicator else {
            continue;
        };
        let (metrics, expression) = demand(topology, slo, indicator);
        for metric in metrics {
            let threshold = thresholds
                .entry(metric)
                .or_insert_with_key(|metric| Threshold {
                    metric: literal(metric),
                    promises: Vec::new(),
                    expressions: Vec::new(),
                });
            threshold.promises.extend(promise(slo));
            threshold.expressions.push(literal(&expression));
        }
    }
    thresholds.into_values().collect()
}

fn promise(slo: &Slo) -> Option<Promise> {
    let objective = slo.objective;
    let what = match slo.indicator.as_ref()? {
        Indicator::Availability => format!("{objective} are answered with a status below 500"),
        Indicator::Latency { within } => {
            format!("{objective} take at most {}", duration::shown(*within))
        }
        Indicator::FirstToken { within, .. } => {
            let within = duration::shown(*within);
            format!("{objective} of streams begin within {within}")
        }
    };
    Some(Promise {
        path: slo.path.to_string(),
        what,
    })
}

/// The metrics of k6 that an objective is about, and what must hold for each.
fn demand(topology: &Topology, slo: &Slo, indicator: &Indicator) -> (Vec<String>, String) {
    match indicator {
        Indicator::Availability => (
            vec!["gateway_server_errors".to_owned()],
            format!("rate<={}", number(slo.error_budget())),
        ),
        Indicator::Latency { within } => (
            vec!["http_req_duration".to_owned()],
            quantile(slo.objective, within.as_millis()),
        ),
        Indicator::FirstToken { within, models } => {
            let of_models = models.iter().map(|id| {
                let model = &topology.models.get(*id).name;
                format!("http_req_waiting{{streamed:true,model:{model}}}")
            });
            let mut metrics: Vec<String> = of_models.collect();
            if metrics.is_empty() {
                metrics.push("http_req_waiting{streamed:true}".to_owned());
            }
            (metrics, quantile(slo.objective, within.as_millis()))
        }
    }
}

/// That this part takes at most so many milliseconds.
fn quantile(Percent(hundredths): Percent, milliseconds: u128) -> String {
    format!(
        "p({})<={milliseconds}",
        number(f64::from(hundredths) / 100.0)
    )
}

/// Without the digits that arithmetic leaves behind.
fn number(value: f64) -> String {
    ((value * 1e6).round() / 1e6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_of_an_objective_is_lost_or_made_up() {
        assert_eq!(quantile(Percent(9_995), 1500), "p(99.95)<=1500");
        assert_eq!(quantile(Percent(9_500), 250), "p(95)<=250");
        assert_eq!(number(1.0 - 0.995), "0.005");
        assert_eq!(number(0.0001), "0.0001");
    }
}
