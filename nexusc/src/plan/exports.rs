//! Which metrics the dataplane of a topology exports: those of what it has, once there was traffic of each kind.
//!
//! What asks for metrics (rules, dashboards) goes by this list, so that nothing is asked for which is never there.

use decide::metric::{self, Metric};

use crate::ir::{Input, Jwt, Topology};

/// What every dataplane exports.
const ALWAYS: &[Metric] = &[
    metric::ABORTED,
    metric::FIRST_TOKEN,
    metric::IN_FLIGHT,
    metric::LOG_DROPPED,
    metric::PER_TOKEN,
    metric::RATE_LIMITED,
    metric::REFUSED_HEADS,
    metric::REQUESTS,
    metric::REQUEST_LATENCY,
    metric::TOKENS,
    metric::UPSTREAM_LATENCY,
    metric::UPSTREAM_REQUESTS,
];

const OF_CIRCUITS: &[Metric] = &[metric::CIRCUIT_OPENED, metric::CIRCUIT_STATE];
const OF_SWITCHES: &[Metric] = &[metric::FEATURE_ENABLED, metric::UPSTREAM_DRAINING];
const OF_QUEUES: &[Metric] = &[metric::QUEUE_WAIT, metric::QUEUE_WAITING];
const OF_STORES: &[Metric] = &[metric::STORE_ERRORS, metric::STORE_UP];
const OF_ISSUERS: &[Metric] = &[
    metric::JWKS_FETCHED,
    metric::JWKS_FETCHES,
    metric::JWKS_KEYS,
];
const OF_GPUS: &[Metric] = &[
    metric::GPU_MEMORY_TOTAL,
    metric::GPU_MEMORY_USED,
    metric::GPU_PLANNED_MEMORY,
    metric::GPU_POWER,
    metric::GPU_TEMPERATURE,
    metric::GPU_UP,
    metric::GPU_UTILIZATION,
];
const OF_SHADOWS: &[Metric] = &[
    metric::SHADOW_COMPARED,
    metric::SHADOW_FIRST_BYTE,
    metric::SHADOW_LATENCY,
    metric::SHADOW_OUTPUT_TOKENS,
    metric::SHADOW_REQUESTS,
];

/// The metrics that the dataplane of `topology` exports, by name.
pub fn exports(topology: &Topology) -> Vec<Metric> {
    let Topology {
        gateway,
        models,
        upstreams,
        limits,
        ..
    } = topology;
    let used = models.iter().filter_map(|model| model.route);
    let routes: Vec<_> = used.map(|route| topology.routes.get(route)).collect();
    let refuses = |input: &Input| input.max_messages.is_some() || input.forbidden_words.is_some();
    let jwks = topology.jwt.as_ref().and_then(Jwt::jwks);

    let mut exported = ALWAYS.to_vec();
    let mut add = |is_there: bool, metrics: &[Metric]| {
        if is_there {
            exported.extend_from_slice(metrics);
        }
    };
    add(upstreams.iter().any(|it| it.breaker.is_some()), OF_CIRCUITS);
    add(
        upstreams.iter().any(|it| it.health.is_some()),
        &[metric::UPSTREAM_HEALTHY],
    );
    add(topology.keys.iter().any(|key| key.admin), OF_SWITCHES);
    add(
        routes.iter().any(|it| it.retry.is_some()),
        &[metric::RETRIES],
    );
    add(
        routes.iter().any(|it| it.hedge.is_some()),
        &[metric::HEDGES],
    );
    add(routes.iter().any(|it| it.shadow.is_some()), OF_SHADOWS);
    add(
        models.iter().any(|it| !it.fallback.is_empty()),
        &[metric::FALLBACK_USED],
    );
    add(!limits.is_empty(), &[metric::LIMIT_REFUSED]);
    add(limits.iter().any(|it| it.queue.is_some()), OF_QUEUES);
    add(
        gateway.input.as_ref().is_some_and(refuses),
        &[metric::REFUSED_INPUT],
    );
    add(gateway.idempotency.is_some(), &[metric::REPEATED]);
    add(topology.store.is_some(), OF_STORES);
    add(topology.has_certificates(), &[metric::TLS_RENEWALS]);
    add(topology.shows_certificates(), &[metric::CERTIFICATE_EXPIRY]);
    add(gateway.tls.is_some(), &[metric::HANDSHAKES_FAILED]);
    add(jwks.is_some(), OF_ISSUERS);
    add(topology.has_own_gpus(), OF_GPUS);
    add(topology.audit.is_some(), &[metric::AUDIT_LOST]);
    add(topology.otlp.is_some(), &[metric::SPANS_DROPPED]);
    exported.sort_unstable();
    exported
}
