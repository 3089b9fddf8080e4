//! Queries of Prometheus, made of metrics: none names a metric or a label that is not exported.
//!
//! [`Series`] of a metric become a [`Vector`], which knows the labels that it still has; sums and quotients of vectors
//! keep count of them. Whatever does not fit is a fault of the compiler and panics, in a test of its own.

use std::fmt;
use std::time::Duration;

use decide::metric::{self, INFERENCE, Kind, Metric};
use decide::outcome::{Miss, is_relayed};

use crate::conventions;

/// What Prometheus adds to each series: the gateway that it was scraped from.
const INSTANCE: &str = "instance";

/// The time over which a rate is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    /// What fits the picture, as Grafana says.
    Interval,
    /// A time of its own, in whole seconds.
    Time(Duration),
}

/// Some series of a metric, of one gateway with all of its replicas.
#[derive(Clone, Debug)]
pub(super) struct Series {
    metric: Metric,
    matchers: Vec<String>,
}

/// What the reader of a dashboard chooses: values of a label.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// The label, which gives it its name.
    pub(super) label: &'static str,
    /// What tells which values there are.
    metric: Metric,
}

/// Which upstreams a dashboard shows.
pub(super) const UPSTREAMS: Choice = Choice {
    label: "upstream",
    metric: metric::UPSTREAM_REQUESTS,
};

/// Which models a dashboard shows.
pub(super) const MODELS: Choice = Choice {
    label: "model",
    metric: metric::TOKENS,
};

impl Choice {
    /// Asks for the values, as Grafana does.
    pub(super) fn values(self, job: &str) -> String {
        let series = series(self.metric, job).selector(self.metric.kind, "", None);
        format!("label_values({series}, {})", self.label)
    }
}

/// Values by labels.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    text: String,
    labels: Vec<&'static str>,
    metrics: Vec<Metric>,
    /// Whether it needs parentheses inside of others.
    is_compound: bool,
}

/// The series of a metric of the gateway that Prometheus knows as `job`.
pub(super) fn series(metric: Metric, job: &str) -> Series {
    Series {
        metric,
        matchers: vec![format!("job={}", string(job))],
    }
}

/// Requests that upstreams answer, and not the gateway itself.
pub(super) fn requests(job: &str) -> Series {
    series(metric::REQUESTS, job).like("path", &INFERENCE.join("|"))
}

/// How long they take.
pub(super) fn latency(job: &str) -> Series {
    series(metric::REQUEST_LATENCY, job).like("path", &INFERENCE.join("|"))
}

/// What is counted in place of a status where an attempt at an upstream failed, as a pattern.
const FAILED_WITHOUT: &str = "connect_error|timeout|closed|malformed|interrupted";

/// The status of attempts that neither failed nor succeeded: the upstream works, and answers nobody now.
pub(super) const BUSY: &str = "429";

/// Values of `status` of attempts at upstreams that failed, as a pattern: answers for which the gateway asks the next
/// one, and no answers. Not those of upstreams that are only busy, nor what a client or another upstream has ended.
pub(super) fn failed() -> String {
    let of_class = |class: u16| {
        let statuses = class * 100..(class + 1) * 100;
        if statuses.clone().all(is_failure) {
            return vec![format!("{class}..")];
        }
        let failures = statuses.filter(|status| is_failure(*status));
        failures.map(|status| status.to_string()).collect()
    };
    // What is below 200 is no answer yet, and there is no status beyond 599.
    let statuses = (2..6).flat_map(of_class);
    let words = [FAILED_WITHOUT.to_owned()];
    statuses.chain(words).collect::<Vec<_>>().join("|")
}

/// Whether the upstream of an attempt that is answered with this status has failed, and is not only busy.
fn is_failure(status: u16) -> bool {
    !is_relayed(status) && Miss::of_status(status) != Miss::Busy
}

/// The alerts of gateways that fire.
pub(super) const FIRING: &str = "ALERTS{alertname=~\"Gateway.+\", alertstate=\"firing\"}";

/// Whether replicas of the gateway answer to Prometheus: 1 or 0 each.
pub(super) fn up(job: &str) -> Vector {
    let text = format!("up{{job={}}}", string(job));
    Vector::plain(text, vec![INSTANCE], Vec::new())
}

/// What the emitted rules record for each objective of the gateway.
pub(super) fn recorded(name: &str, job: &str) -> Vector {
    let text = format!("{name}{{job={}}}", string(job));
    Vector::plain(text, vec!["slo"], Vec::new())
}

/// The name of the recorded error ratio over a window.
pub(super) fn error_ratio(over: Over) -> String {
    format!("{}{over}", conventions::ERROR_RATIO)
}

impl Series {
    /// Those with this value of a label.
    pub(super) fn is(self, label: &str, value: &str) -> Self {
        self.matching(label, "=", value)
    }

    /// Those with a value of a label that matches a pattern (RE2), as a whole.
    pub(super) fn like(self, label: &str, pattern: &str) -> Self {
        self.matching(label, "=~", pattern)
    }

    /// Those with a value of a label that does not match a pattern.
    pub(super) fn unlike(self, label: &str, pattern: &str) -> Self {
        self.matching(label, "!~", pattern)
    }

    /// Those that the reader has chosen.
    pub(super) fn chosen(self, choice: Choice) -> Self {
        let variable = format!("${}", choice.label);
        self.like(choice.label, &variable)
    }

    fn matching(mut self, label: &str, operator: &str, value: &str) -> Self {
        let Metric { name, labels, .. } = self.metric;
        assert!(labels.contains(&label), "`{name}` has a label `{label}`");
        let matcher = format!("{label}{operator}{}", string(value));
        self.matchers.push(matcher);
        self
    }

    /// The values of a gauge.
    pub(super) fn now(&self) -> Vector {
        let text = self.selector(Kind::Gauge, "", None);
        Vector::plain(text, self.labels(), vec![self.metric])
    }

    /// How much a counter grows in a second.
    pub(super) fn rate(&self, over: Over) -> Vector {
        self.over("rate", Kind::Counter, "", None, over)
    }

    /// How much a counter grew.
    pub(super) fn increase(&self, over: Over) -> Vector {
        self.over("increase", Kind::Counter, "", None, over)
    }

    /// How many values a histogram counts in a second.
    pub(super) fn count(&self, over: Over) -> Vector {
        self.over("rate", Kind::Histogram, "_count", None, over)
    }

    /// The sum of the values that a histogram counts in a second.
    pub(super) fn total(&self, over: Over) -> Vector {
        self.over("rate", Kind::Histogram, "_sum", None, over)
    }

    /// How many values a histogram counts in a second that are at most `bound`, which is one of its bounds.
    ///
    /// Prometheus 3 reads the `le="5"` of a gateway as `5.0`, before that it was `5`: both are asked for.
    pub(super) fn at_most(&self, bound: f64, over: Over) -> Vector {
        let matcher = if bound.fract() == 0.0 {
            format!("le=~{}", string(&format!("{bound}|{bound}\\.0")))
        } else {
            format!("le={}", string(&bound.to_string()))
        };
        self.over("rate", Kind::Histogram, "_bucket", Some(matcher), over)
    }

    /// The value that this part of all values does not exceed, from 0 to 1, by labels.
    pub(super) fn quantile(&self, part: f64, by: &[&'static str], over: Over) -> Vector {
        let buckets = self.over("rate", Kind::Histogram, "_bucket", None, over);
        buckets.check(by);
        let labels = [&["le"], by].concat().join(", ");
        let text = format!("histogram_quantile({part}, sum by ({labels}) ({buckets}))");
        Vector::plain(text, by.to_vec(), vec![self.metric])
    }

    /// The mean of the values of a histogram, by labels.
    pub(super) fn mean(&self, by: &[&'static str], over: Over) -> Vector {
        self.total(over).sum(by) / self.count(over).sum(by)
    }

    fn over(
        &self,
        function: &str,
        kind: Kind,
        suffix: &str,
        matcher: Option<String>,
        over: Over,
    ) -> Vector {
        let selector = self.selector(kind, suffix, matcher);
        let text = format!("{function}({selector}[{over}])");
        Vector::plain(text, self.labels(), vec![self.metric])
    }

    fn selector(&self, kind: Kind, suffix: &str, matcher: Option<String>) -> String {
        let name = self.metric.name;
        assert_eq!(self.metric.kind, kind, "what is asked of `{name}` fits it");
        let mut matchers = self.matchers.clone();
        matchers.extend(matcher);
        format!("{name}{suffix}{{{}}}", matchers.join(", "))
    }

    fn labels(&self) -> Vec<&'static str> {
        [self.metric.labels, &[INSTANCE]].concat()
    }
}

impl Vector {
    fn plain(text: String, labels: Vec<&'static str>, metrics: Vec<Metric>) -> Self {
        Self {
            text,
            labels,
            metrics,
            is_compound: false,
        }
    }

    /// The metrics that it is made of.
    pub(super) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The sums by labels; without any, the sum of all.
    pub(super) fn sum(self, by: &[&'static str]) -> Self {
        self.aggregate("sum", by)
    }

    /// The largest by labels.
    pub(super) fn max(self, by: &[&'static str]) -> Self {
        self.aggregate("max", by)
    }

    /// The smallest by labels.
    pub(super) fn min(self, by: &[&'static str]) -> Self {
        self.aggregate("min", by)
    }

    fn aggregate(self, function: &str, by: &[&'static str]) -> Self {
        self.check(by);
        let text = match by {
            [] => format!("{function}({self})"),
            by => format!("{function} by ({}) ({self})", by.join(", ")),
        };
        Self::plain(text, by.to_vec(), self.metrics)
    }

    /// The same, or 0 where there is nothing: what never happened has no series.
    pub(super) fn or_zero(self) -> Self {
        assert!(self.labels.is_empty(), "0 has no labels: {self}");
        Self {
            text: format!("{} or vector(0)", self.operand()),
            is_compound: true,
            ..self
        }
    }

    /// 1 where it is larger than `bound`, else 0.
    pub(super) fn exceeds(self, bound: u64) -> Self {
        Self {
            text: format!("{} > bool {bound}", self.operand()),
            is_compound: true,
            ..self
        }
    }

    /// What is missing to 1.
    pub(super) fn complement(self) -> Self {
        Self {
            text: format!("1 - {}", self.operand()),
            is_compound: true,
            ..self
        }
    }

    /// How far it is ahead of the time of the query; it is a time since 1970.
    pub(super) fn ahead(self) -> Self {
        Self {
            text: format!("{} - time()", self.operand()),
            is_compound: true,
            ..self
        }
    }

    /// How long ago it was; it is a time since 1970.
    pub(super) fn ago(self) -> Self {
        Self {
            text: format!("time() - {}", self.operand()),
            is_compound: true,
            ..self
        }
    }

    fn check(&self, by: &[&'static str]) {
        let unknown = by.iter().find(|label| !self.labels.contains(label));
        assert_eq!(unknown, None, "a label of {self}");
    }

    fn operand(&self) -> String {
        if self.is_compound {
            format!("({self})")
        } else {
            self.to_string()
        }
    }
}

/// The quotient of what has the same labels.
impl std::ops::Div for Vector {
    type Output = Self;

    fn div(self, whole: Self) -> Self {
        assert_eq!(self.labels, whole.labels, "{self} is a part of {whole}");
        Self {
            text: format!("{} / {}", self.operand(), whole.operand()),
            labels: self.labels,
            metrics: [self.metrics, whole.metrics].concat(),
            is_compound: true,
        }
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = match self {
            Self::Interval => return f.write_str("$__rate_interval"),
            Self::Time(time) => time.as_secs(),
        };
        let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
        let unit = units.into_iter().find(|(unit, _)| seconds % unit == 0);
        let (unit, name) = unit.unwrap_or((1, "s"));
        write!(f, "{}{name}", seconds / unit)
    }
}

/// A string of PromQL, which has Go's escapes.
fn string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use decide::metric;

    use super::*;

    const FIVE_MINUTES: Over = Over::Time(Duration::from_secs(300));

    #[test]
    fn queries_read_as_a_person_writes_them() {
        let requests = series(metric::REQUESTS, "chat");
        let failed = requests.clone().like("status", "5..");
        let part =
            failed.rate(FIVE_MINUTES).sum(&[]).or_zero() / requests.rate(FIVE_MINUTES).sum(&[]);
        assert_eq!(
            part.to_string(),
            "(sum(rate(gateway_requests_total{job=\"chat\", status=~\"5..\"}[5m])) or vector(0)) \
             / sum(rate(gateway_requests_total{job=\"chat\"}[5m]))"
        );
        let latency = series(metric::UPSTREAM_LATENCY, "chat");
        assert_eq!(
            latency
                .quantile(0.95, &["upstream"], Over::Interval)
                .to_string(),
            "histogram_quantile(0.95, sum by (le, upstream) \
             (rate(gateway_upstream_latency_seconds_bucket{job=\"chat\"}[$__rate_interval])))"
        );
        assert_eq!(
            latency.mean(&[], FIVE_MINUTES).to_string(),
            "sum(rate(gateway_upstream_latency_seconds_sum{job=\"chat\"}[5m])) \
             / sum(rate(gateway_upstream_latency_seconds_count{job=\"chat\"}[5m]))"
        );
    }

    #[test]
    fn a_bound_is_found_by_prometheus_2_and_3() {
        let latency = series(metric::REQUEST_LATENCY, "chat");
        let at_most = |bound| latency.at_most(bound, FIVE_MINUTES).to_string();
        assert!(
            at_most(5.0).contains("le=~\"5|5\\\\.0\""),
            "{}",
            at_most(5.0)
        );
        assert!(at_most(2.5).contains("le=\"2.5\""), "{}", at_most(2.5));
    }

    #[test]
    fn whatever_is_no_answer_for_the_client_has_failed_unless_it_is_busy() {
        assert_eq!(
            failed(),
            "3..|401|403|407|408|5..|connect_error|timeout|closed|malformed|interrupted"
        );
        let busy: u16 = BUSY.parse().unwrap();
        for status in 200..600 {
            let is_busy = status == busy;
            assert_eq!(is_failure(status), !is_relayed(status) && !is_busy);
        }
    }

    #[test]
    fn times_have_the_largest_unit_that_fits() {
        for (seconds, text) in [
            (30, "30s"),
            (90, "90s"),
            (300, "5m"),
            (21_600, "6h"),
            (259_200, "3d"),
        ] {
            assert_eq!(Over::Time(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn a_value_cannot_leave_its_string() {
        let series = series(metric::IN_FLIGHT, "a\"} or vector(1) #\\");
        assert_eq!(
            series.now().to_string(),
            "gateway_in_flight_requests{job=\"a\\\"} or vector(1) #\\\\\"}"
        );
    }

    #[test]
    #[should_panic(expected = "has a label `model`")]
    fn a_label_that_is_not_there_is_a_fault() {
        let _ = series(metric::REQUESTS, "chat").is("model", "small");
    }

    #[test]
    #[should_panic(expected = "a label of")]
    fn what_was_summed_away_is_gone() {
        let requests = series(metric::REQUESTS, "chat").rate(FIVE_MINUTES);
        let _ = requests.sum(&["path"]).sum(&["status"]);
    }

    #[test]
    #[should_panic(expected = "what is asked of")]
    fn a_gauge_has_no_rate() {
        let _ = series(metric::IN_FLIGHT, "chat").rate(FIVE_MINUTES);
    }
}
