//! What an alert is tried with: series that make it fire, and series close to them that do not.

use std::time::Duration;

use decide::metric::{self, INFERENCE, Metric};
use serde::Serialize;

use crate::emit::prometheus::alerts::{failures_within, summary};
use crate::emit::prometheus::time;
use crate::ir::alert::{Alert, Rule, Threshold};
use crate::ir::{Percent, Topology};
use crate::plan::buckets::buckets;
use crate::plan::trials;

/// The test of an alert.
#[derive(Serialize)]
pub(super) struct Samples {
    /// Between two of its samples.
    interval: String,
    /// When it is looked at, by which time it has held for long enough.
    after: String,
    fires: Vec<Sample>,
    rests: Vec<Sample>,
    /// Its labels, beside its gateway and severity.
    labels: Vec<Label>,
    /// Its summary, with them filled in.
    summary: String,
}

#[derive(Serialize)]
pub(super) struct Sample {
    /// The series.
    pub(super) series: String,
    /// Its values, in promtool's notation: `0+60x20` grows by 60 for 20 intervals.
    pub(super) values: String,
}

#[derive(Serialize)]
struct Label {
    name: &'static str,
    value: String,
}

/// A replica's address, as Prometheus adds it.
const INSTANCE: &str = "gateway:8080";

/// How long an alert looks back at most, unless upstreams are tried seldom.
const LOOKS_BACK: Duration = Duration::from_secs(15 * 60);

const MINUTE: Duration = Duration::from_secs(60);

/// How often Prometheus looks between two trials of an upstream, in a test.
const SAMPLES_A_TRIAL: u32 = 4;

/// The test of `alert`.
pub(super) fn samples(alert: &Alert, topology: &Topology) -> Samples {
    let (within, _) = failures_within(alert, topology);
    let looks_back = match alert.rule {
        Rule::ConsecutiveFailures => within.max(LOOKS_BACK),
        Rule::CircuitOpen => trials::lately(topology).max(LOOKS_BACK),
        _ => LOOKS_BACK,
    };
    let after = alert.hold + looks_back * 2;
    let interval = match (alert.rule, slow_pace(alert, topology)) {
        (Rule::ConsecutiveFailures, Some(pace)) => pace / SAMPLES_A_TRIAL,
        _ => MINUTE,
    };
    let intervals = after.as_millis() / interval.as_millis() + 1;
    let scene = Scene {
        job: &topology.name,
        intervals: u64::try_from(intervals).unwrap_or(u64::MAX),
    };
    let (fires, rests) = scene.of(alert, topology);
    let labels = labels(alert, topology);
    let summary = labels.iter().fold(summary(alert), |text, label| {
        text.replace(&format!("{{{{ $labels.{} }}}}", label.name), &label.value)
    });
    Samples {
        interval: time(interval),
        after: time(after),
        fires,
        rests,
        labels,
        summary,
    }
}

/// A metric's series in a test, for so many of its intervals: those of alerts are minutes.
pub(super) struct Scene<'t> {
    pub(super) job: &'t str,
    pub(super) intervals: u64,
}

impl Scene<'_> {
    fn of(&self, alert: &Alert, topology: &Topology) -> (Vec<Sample>, Vec<Sample>) {
        let upstream = first_upstream(topology);
        let limit = |threshold: Threshold| match threshold {
            Threshold::Share(Percent(share)) => u64::from(share),
            Threshold::Count(count) => count,
            Threshold::Time(time) => time.as_secs(),
            Threshold::State => 0,
        };
        let limit = limit(alert.threshold);
        // Above the threshold and below it, of a hundred times a hundred.
        let (above, below) = ((limit + 10_001) / 2, limit / 2);
        let of_upstream = |status: &str, more: u64| {
            let labels = [("upstream", upstream.as_str()), ("status", status)];
            self.growing(metric::UPSTREAM_REQUESTS, &labels, more)
        };
        match alert.rule {
            Rule::GatewayDown => (vec![self.up(0)], vec![self.up(1)]),
            Rule::MetricsAbsent => {
                let there = self.steady(metric::IN_FLIGHT, &[], "3");
                (Vec::new(), vec![there])
            }
            Rule::FailureRate | Rule::ErrorRate => {
                (self.answered("503", above), self.answered("503", below))
            }
            Rule::RateLimited => (self.answered("429", above), self.answered("429", below)),
            Rule::AverageLatency => {
                let Threshold::Time(time) = alert.threshold else {
                    return (Vec::new(), Vec::new());
                };
                let seconds = time.as_secs_f64();
                let of = |mean: f64| {
                    let labels = self.inference();
                    let name = metric::REQUEST_LATENCY.name;
                    vec![
                        self.sample(
                            &format!("{name}_count"),
                            &labels,
                            format!("0+10x{}", self.intervals),
                        ),
                        self.sample(
                            &format!("{name}_sum"),
                            &labels,
                            format!("0+{}x{}", mean * 10.0, self.intervals),
                        ),
                    ]
                };
                (of(seconds * 2.0), of(seconds / 2.0))
            }
            Rule::P95Latency => {
                let bounds = buckets(topology).request;
                self.quantiles(
                    metric::REQUEST_LATENCY,
                    &self.inference(),
                    &bounds,
                    alert.threshold,
                )
            }
            Rule::SlowFirstToken => {
                let model = first_model(topology);
                let bounds = buckets(topology).first_token;
                self.quantiles(
                    metric::FIRST_TOKEN,
                    &[("model", &model)],
                    &bounds,
                    alert.threshold,
                )
            }
            Rule::QueueWait => {
                let limit = queued_limit(topology);
                let bounds = buckets(topology).queue_wait;
                self.quantiles(
                    metric::QUEUE_WAIT,
                    &[("limit", &limit)],
                    &bounds,
                    alert.threshold,
                )
            }
            // The key of the gateway has expired.
            Rule::UpstreamErrors => {
                let of =
                    |part: u64| vec![of_upstream("401", part), of_upstream("200", 10_000 - part)];
                (of(above), of(below))
            }
            // Whoever is busy in between has not succeeded.
            Rule::ConsecutiveFailures => {
                let failures = || match slow_pace(alert, topology) {
                    // Its circuits let none through but trials: one of each replica, where so many are waited for.
                    Some(_) => {
                        let labels = [("upstream", upstream.as_str()), ("status", "connect_error")];
                        let values = self.stairs(SAMPLES_A_TRIAL.into(), limit / trials::MOST + 1);
                        self.sample(metric::UPSTREAM_REQUESTS.name, &labels, values)
                    }
                    None => of_upstream("401", limit + 1),
                };
                let of = |otherwise| vec![failures(), of_upstream(otherwise, 1)];
                (of("429"), of("200"))
            }
            // It fails each of its trials; or nobody has asked since it opened.
            Rule::CircuitOpen => {
                let labels = [("upstream", upstream.as_str())];
                let pace = trials::pace(topology).unwrap_or(MINUTE);
                let opened = self.stairs(pace.as_secs().div_ceil(60).max(1), 1);
                let of = |opened: String| {
                    let state = self.steady(metric::CIRCUIT_STATE, &labels, "2");
                    let opened = self.sample(metric::CIRCUIT_OPENED.name, &labels, opened);
                    vec![state, opened]
                };
                (of(opened), of(format!("1x{}", self.intervals)))
            }
            Rule::UpstreamUnhealthy => self.states(
                metric::UPSTREAM_HEALTHY,
                &[("upstream", &upstream)],
                ["0", "1"],
            ),
            Rule::FallbackUse => {
                let (from, to) = first_fallback(topology);
                let of = |part: u64| {
                    let labels = [("from_model", from.as_str()), ("to_model", to.as_str())];
                    let mut samples = self.answered("503", 0);
                    samples.push(self.growing(metric::FALLBACK_USED, &labels, part));
                    samples
                };
                (of(above), of(below))
            }
            Rule::StoreErrors => self.growth(metric::STORE_ERRORS, &[], limit),
            Rule::AuditLost => self.growth(metric::AUDIT_LOST, &[], limit),
            Rule::LogDropped => self.growth(metric::LOG_DROPPED, &[], limit),
            Rule::IssuerKeys => self.growth(metric::JWKS_FETCHES, &[("outcome", "failed")], limit),
            Rule::GpuMemory => {
                let gpu = first_gpu(topology);
                let of = |more: u64| {
                    let now = |metric, bytes: u64| {
                        self.steady(metric, &[("gpu", &gpu)], &bytes.to_string())
                    };
                    vec![
                        now(metric::GPU_PLANNED_MEMORY, 10_000),
                        now(metric::GPU_MEMORY_USED, 10_000 + more),
                    ]
                };
                (of(above), of(below))
            }
            Rule::CertificateExpiry => {
                let labels = [("shown_to", "clients"), ("upstream", "")];
                // The time of a test begins at 0.
                let at = |seconds: u64| {
                    let values = (self.intervals * 60 + seconds).to_string();
                    vec![self.steady(metric::CERTIFICATE_EXPIRY, &labels, &values)]
                };
                (at(limit / 2), at(limit * 2))
            }
        }
    }

    /// Values of a counter that grows by this with every so many samples, and not before.
    fn stairs(&self, samples: u64, more: u64) -> String {
        let steps = 0..=self.intervals / samples;
        let values = steps.map(|step| format!("{}x{}", step * more, samples - 1));
        values.collect::<Vec<_>>().join(" ")
    }

    /// A gauge in a state that is alarming, and in one that is not.
    fn states(
        &self,
        metric: Metric,
        labels: &[(&str, &str)],
        [fires, rests]: [&str; 2],
    ) -> (Vec<Sample>, Vec<Sample>) {
        let of = |value: &str| vec![self.steady(metric, labels, value)];
        (of(fires), of(rests))
    }

    /// A counter that grows beyond `limit` in five minutes, and one that does not grow.
    fn growth(
        &self,
        metric: Metric,
        labels: &[(&str, &str)],
        limit: u64,
    ) -> (Vec<Sample>, Vec<Sample>) {
        let of = |more: u64| vec![self.growing(metric, labels, more)];
        (of(limit + 1), of(0))
    }

    /// Requests of which so many of 10,000 have this status, and the others 200.
    pub(super) fn answered(&self, status: &str, part: u64) -> Vec<Sample> {
        let [chat, ..] = INFERENCE;
        let of = |status: &str, more: u64| {
            let labels = [("method", "POST"), ("path", chat), ("status", status)];
            self.growing(metric::REQUESTS, &labels, more)
        };
        vec![of(status, part), of("200", 10_000 - part)]
    }

    fn inference(&self) -> [(&'static str, &'static str); 2] {
        let [chat, ..] = INFERENCE;
        [("method", "POST"), ("path", chat)]
    }

    /// A histogram with one value of ten beyond the threshold, and one with all below.
    fn quantiles(
        &self,
        metric: Metric,
        labels: &[(&str, &str)],
        bounds: &[f64],
        threshold: Threshold,
    ) -> (Vec<Sample>, Vec<Sample>) {
        let Threshold::Time(time) = threshold else {
            return (Vec::new(), Vec::new());
        };
        let below = |good: u64| self.histogram(metric, labels, bounds, time, (good, 10));
        (below(9), below(10))
    }

    /// A histogram to which so many values come each interval that are at most `within`, of so many.
    pub(super) fn histogram(
        &self,
        metric: Metric,
        labels: &[(&str, &str)],
        bounds: &[f64],
        within: Duration,
        (good, all): (u64, u64),
    ) -> Vec<Sample> {
        let within = within.as_secs_f64();
        let bucket = |le: String, count: u64| {
            let labels = [labels, &[("le", le.as_str())]].concat();
            let name = format!("{}_bucket", metric.name);
            self.sample(&name, &labels, format!("0+{count}x{}", self.intervals))
        };
        let of_bound =
            |bound: &f64| bucket(bound.to_string(), if *bound >= within { good } else { 0 });
        let count = format!("{}_count", metric.name);
        let whole = self.sample(&count, labels, format!("0+{all}x{}", self.intervals));
        let buckets = bounds.iter().map(of_bound);
        buckets
            .chain([bucket("+Inf".to_owned(), all), whole])
            .collect()
    }

    fn up(&self, value: u64) -> Sample {
        Sample {
            series: format!("up{{job=\"{}\", instance=\"{INSTANCE}\"}}", self.job),
            values: format!("{value}x{}", self.intervals),
        }
    }

    fn steady(&self, metric: Metric, labels: &[(&str, &str)], value: &str) -> Sample {
        self.sample(metric.name, labels, format!("{value}x{}", self.intervals))
    }

    fn growing(&self, metric: Metric, labels: &[(&str, &str)], more: u64) -> Sample {
        self.sample(metric.name, labels, format!("0+{more}x{}", self.intervals))
    }

    fn sample(&self, name: &str, labels: &[(&str, &str)], values: String) -> Sample {
        let own = [("job", self.job), ("instance", INSTANCE)];
        let labels = own.iter().chain(labels);
        let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
        Sample {
            series: format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(", ")),
            values,
        }
    }
}

/// The pace at which an upstream is tried, where that is so slow that its failures are counted over longer.
fn slow_pace(alert: &Alert, topology: &Topology) -> Option<Duration> {
    let (within, lately) = failures_within(alert, topology);
    trials::pace(topology).filter(|_| within > lately)
}

/// The labels of an alert in its test.
fn labels(alert: &Alert, topology: &Topology) -> Vec<Label> {
    let label = |name: &'static str, value: String| Label { name, value };
    match alert.rule {
        Rule::GatewayDown => vec![label("instance", INSTANCE.to_owned())],
        Rule::SlowFirstToken => vec![label("model", first_model(topology))],
        Rule::QueueWait => vec![label("limit", queued_limit(topology))],
        Rule::UpstreamErrors
        | Rule::ConsecutiveFailures
        | Rule::CircuitOpen
        | Rule::UpstreamUnhealthy => vec![label("upstream", first_upstream(topology))],
        Rule::CertificateExpiry => vec![label("shown_to", "clients".to_owned())],
        Rule::GpuMemory => vec![label("gpu", first_gpu(topology))],
        _ => Vec::new(),
    }
}

fn first_upstream(topology: &Topology) -> String {
    let mut names = topology.upstreams.iter().map(|upstream| &upstream.name);
    names.next().cloned().unwrap_or_default()
}

fn first_model(topology: &Topology) -> String {
    let mut names = topology.models.iter().map(|model| &model.name);
    names.next().cloned().unwrap_or_default()
}

fn first_gpu(topology: &Topology) -> String {
    let mut own = topology.gpus.iter().filter(|gpu| gpu.index.is_some());
    own.next().map(|gpu| gpu.name.clone()).unwrap_or_default()
}

fn first_fallback(topology: &Topology) -> (String, String) {
    let mut pairs = topology.models.iter().filter_map(|model| {
        let to = topology.models.get(*model.fallback.first()?);
        Some((model.name.clone(), to.name.clone()))
    });
    pairs.next().unwrap_or_default()
}

fn queued_limit(topology: &Topology) -> String {
    let mut limits = topology.used_limits().map(|id| topology.limits.get(id));
    let queued = limits.find(|limit| limit.queue.is_some());
    queued.map(|limit| limit.name.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_written_as_promtool_reads_it() {
        let scene = Scene {
            job: "chat",
            intervals: 5,
        };
        let sample = scene.growing(metric::RETRIES, &[("upstream", "a")], 3);
        assert_eq!(
            sample.series,
            "gateway_retries_total{job=\"chat\", instance=\"gateway:8080\", upstream=\"a\"}"
        );
        assert_eq!(sample.values, "0+3x5");
    }
}
