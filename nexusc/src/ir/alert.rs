//! Alerts: what there is to be alarmed about, when, and how much.

use std::time::Duration;

use crate::ir::{Percent, Topology};
use crate::key_path::KeyPath;

/// An alert of a topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub rule: Rule,
    /// What it fires beyond.
    pub threshold: Threshold,
    /// How long that holds before it fires.
    pub hold: Duration,
    /// How bad it is.
    pub severity: Severity,
}

impl Alert {
    /// `alerts.NAME`, where the spec may say otherwise.
    pub fn path(&self) -> KeyPath {
        KeyPath::root().key("alerts").key(self.rule.name())
    }
}

/// What an alert fires beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Nothing that has a measure: something is so, or not.
    State,
    /// A part.
    Share(Percent),
    /// A time.
    Time(Duration),
    /// A number.
    Count(u64),
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Users are without an answer: now, at any hour.
    Critical,
    /// They soon will be, or wait too long: within the hour.
    High,
    /// Something works less well than it should: in working hours.
    Medium,
    /// To be looked at when there is time.
    Low,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// As specs and labels write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What there is to be alarmed about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Prometheus does not reach a gateway.
    GatewayDown,
    /// There is no gateway to be reached, or none that says anything.
    MetricsAbsent,
    /// A large part of requests fails.
    FailureRate,
    /// A part of requests fails.
    ErrorRate,
    /// The mean time of a request.
    AverageLatency,
    /// The time that one request of twenty exceeds.
    P95Latency,
    /// The time to the first token that one stream of twenty exceeds.
    SlowFirstToken,
    /// Requests are refused for limits.
    RateLimited,
    /// Requests wait in queues.
    QueueWait,
    /// Attempts at an upstream fail.
    UpstreamErrors,
    /// An upstream does nothing but fail.
    ConsecutiveFailures,
    /// A circuit stays open.
    CircuitOpen,
    /// Health checks fail.
    UpstreamUnhealthy,
    /// Requests are answered by fallback models.
    FallbackUse,
    /// Requests are not counted in the store.
    StoreErrors,
    /// A certificate expires.
    CertificateExpiry,
    /// The issuer's keys cannot be fetched.
    IssuerKeys,
    /// Audit records are lost.
    AuditLost,
    /// Log lines are lost.
    LogDropped,
    /// A GPU has more memory in use than the plan.
    GpuMemory,
}

const fn share(percent: u32) -> Threshold {
    Threshold::Share(Percent(percent * 100))
}

const fn seconds(seconds: u64) -> Threshold {
    Threshold::Time(Duration::from_secs(seconds))
}

const DAY: u64 = 24 * 60 * 60;

impl Rule {
    /// Every rule, in the order in which they are emitted.
    pub const ALL: [Self; 20] = [
        Self::GatewayDown,
        Self::MetricsAbsent,
        Self::FailureRate,
        Self::ErrorRate,
        Self::AverageLatency,
        Self::P95Latency,
        Self::SlowFirstToken,
        Self::RateLimited,
        Self::QueueWait,
        Self::UpstreamErrors,
        Self::ConsecutiveFailures,
        Self::CircuitOpen,
        Self::UpstreamUnhealthy,
        Self::FallbackUse,
        Self::StoreErrors,
        Self::CertificateExpiry,
        Self::IssuerKeys,
        Self::AuditLost,
        Self::LogDropped,
        Self::GpuMemory,
    ];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayDown => "gateway-down",
            Self::MetricsAbsent => "metrics-absent",
            Self::FailureRate => "failure-rate",
            Self::ErrorRate => "error-rate",
            Self::AverageLatency => "average-latency",
            Self::P95Latency => "p95-latency",
            Self::SlowFirstToken => "slow-first-token",
            Self::RateLimited => "rate-limited",
            Self::QueueWait => "queue-wait",
            Self::UpstreamErrors => "upstream-errors",
            Self::ConsecutiveFailures => "consecutive-failures",
            Self::CircuitOpen => "circuit-open",
            Self::UpstreamUnhealthy => "upstream-unhealthy",
            Self::FallbackUse => "fallback-use",
            Self::StoreErrors => "store-errors",
            Self::CertificateExpiry => "certificate-expiry",
            Self::IssuerKeys => "issuer-keys",
            Self::AuditLost => "audit-lost",
            Self::LogDropped => "log-dropped",
            Self::GpuMemory => "gpu-memory",
        }
    }

    /// The alert as it is unless a spec says otherwise.
    pub fn usual(self) -> Alert {
        use Severity::{Critical, High, Medium};
        let (threshold, minutes, severity) = match self {
            Self::GatewayDown => (Threshold::State, 1, Critical),
            Self::MetricsAbsent => (Threshold::State, 5, Critical),
            Self::FailureRate => (share(10), 5, Critical),
            Self::ErrorRate => (share(1), 10, High),
            Self::AverageLatency => (seconds(5), 10, High),
            Self::P95Latency => (seconds(5), 10, High),
            Self::SlowFirstToken => (seconds(5), 10, Medium),
            Self::RateLimited => (share(10), 10, Medium),
            Self::QueueWait => (seconds(5), 10, Medium),
            Self::UpstreamErrors => (share(5), 10, High),
            Self::ConsecutiveFailures => (Threshold::Count(10), 0, Critical),
            Self::CircuitOpen => (Threshold::State, 5, High),
            Self::UpstreamUnhealthy => (Threshold::State, 5, High),
            Self::FallbackUse => (share(20), 15, Medium),
            Self::StoreErrors => (Threshold::Count(5), 0, Medium),
            Self::CertificateExpiry => (seconds(7 * DAY), 60, High),
            Self::IssuerKeys => (Threshold::Count(3), 0, High),
            Self::AuditLost => (Threshold::Count(0), 0, High),
            Self::LogDropped => (Threshold::Count(0), 0, Medium),
            Self::GpuMemory => (share(5), 15, Medium),
        };
        Alert {
            rule: self,
            threshold,
            hold: Duration::from_secs(minutes * 60),
            severity,
        }
    }

    /// The same in `topology`: an alert on a time that nothing there can take fires at half of the longest instead.
    pub fn usual_in(self, topology: &Topology) -> Alert {
        let usual = self.usual();
        let threshold = match (usual.threshold, self.longest(topology)) {
            (Threshold::Time(time), Some(longest)) if time >= longest => {
                let half = u64::try_from((longest / 2).as_millis()).unwrap_or(u64::MAX);
                Threshold::Time(Duration::from_millis(half.max(1)))
            }
            (threshold, _) => threshold,
        };
        Alert { threshold, ..usual }
    }

    /// The longest that what the rule is about can take, where that has a bound.
    pub fn longest(self, topology: &Topology) -> Option<Duration> {
        match self {
            Self::AverageLatency | Self::P95Latency => topology.longest_request(),
            Self::SlowFirstToken => topology.longest_attempt(),
            Self::QueueWait => topology.longest_wait(),
            _ => None,
        }
    }

    /// What a topology must have for the rule to be about something; `None` where it has it.
    pub fn lacks(self, topology: &Topology) -> Option<&'static str> {
        let has = |is_there: bool, what: &'static str| (!is_there).then_some(what);
        let mut upstreams = topology.upstreams.iter();
        match self {
            Self::RateLimited => has(topology.used_limits().next().is_some(), "a limit in use"),
            Self::QueueWait => {
                let mut used = topology.used_limits().map(|id| topology.limits.get(id));
                has(
                    used.any(|limit| limit.queue.is_some()),
                    "a limit with a `queue` in use",
                )
            }
            Self::CircuitOpen => has(upstreams.any(|it| it.breaker.is_some()), "a `breaker`"),
            Self::UpstreamUnhealthy => {
                has(upstreams.any(|it| it.health.is_some()), "`health` checks")
            }
            Self::FallbackUse => {
                let mut models = topology.models.iter();
                has(
                    models.any(|model| !model.fallback.is_empty()),
                    "a model with a `fallback`",
                )
            }
            Self::StoreErrors => has(topology.store.is_some(), "a `[store]`"),
            Self::CertificateExpiry => has(
                topology.shows_certificates(),
                "a certificate that the gateway shows",
            ),
            Self::IssuerKeys => {
                let jwks = topology.jwt.as_ref().and_then(|jwt| jwt.jwks());
                has(jwks.is_some(), "`auth.jwt.jwks`")
            }
            Self::AuditLost => has(topology.audit.is_some(), "an `[audit]` log"),
            Self::GpuMemory => has(
                topology.has_own_gpus(),
                "a GPU of the gateway's machine, by its `index`",
            ),
            Self::GatewayDown
            | Self::MetricsAbsent
            | Self::FailureRate
            | Self::ErrorRate
            | Self::AverageLatency
            | Self::P95Latency
            | Self::SlowFirstToken
            | Self::UpstreamErrors
            | Self::ConsecutiveFailures
            | Self::LogDropped => None,
        }
    }
}
