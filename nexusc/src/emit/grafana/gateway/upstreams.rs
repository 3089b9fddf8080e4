//! What upstreams make of requests: attempts, failures, circuits, health, and who answers instead.

use decide::metric;

use super::{OVER, UPSTREAM};
use crate::emit::grafana::panel::{
    BAD, GOOD, HEALTH, Row, State, Unit, WORSE, events, lines, states,
};
use crate::emit::promql::{UPSTREAMS, failed, series};

const CIRCUITS: &[State] = &[
    State {
        value: 0,
        text: "closed",
        color: GOOD,
    },
    State {
        value: 1,
        text: "open",
        color: BAD,
    },
    State {
        value: 2,
        text: "half-open",
        color: WORSE,
    },
];

const DRAINING: &[State] = &[
    State {
        value: 0,
        text: "in use",
        color: GOOD,
    },
    State {
        value: 1,
        text: "draining",
        color: WORSE,
    },
];

pub(super) fn upstreams(job: &str) -> Row {
    let attempts = series(metric::UPSTREAM_REQUESTS, job).chosen(UPSTREAMS);
    let failed = attempts.clone().like("status", &failed());
    let chosen = |metric| series(metric, job).chosen(UPSTREAMS);
    Row {
        title: "Upstreams",
        panels: vec![
            lines(
                "Attempts",
                Unit::RequestsPerSecond,
                "Requests to upstreams: first tries, retries, hedges and fallbacks. `[upstreams]`",
            )
            .query(attempts.rate(OVER).sum(UPSTREAM), "{{upstream}}"),
            lines(
                "Upstream errors",
                Unit::RequestsPerSecond,
                "Attempts that the upstream refused (401, 403), redirected or answered 5xx, or did not answer: no connection, a timeout, a body that broke off.",
            )
            .logs("upstream : * and status >= 500")
            .query(
                failed.rate(OVER).sum(&["upstream", "status"]),
                "{{upstream}}: {{status}}",
            ),
            lines(
                "Upstream latency p95",
                Unit::Seconds,
                "To the first byte of an answer, or to the failure. `[timeouts]`",
            )
            .query(
                chosen(metric::UPSTREAM_LATENCY).quantile(0.95, UPSTREAM, OVER),
                "{{upstream}}",
            ),
            lines(
                "Fallback use",
                Unit::RequestsPerSecond,
                "Requests answered by another model than the one asked for. `models.NAME.fallback`",
            )
            .query(
                series(metric::FALLBACK_USED, job)
                    .rate(OVER)
                    .sum(&["from_model", "to_model"]),
                "{{from_model}} → {{to_model}}",
            ),
            states(
                "Circuits",
                CIRCUITS,
                "The worst state among the replicas. `[breaker]`",
            )
            .query(
                chosen(metric::CIRCUIT_STATE).now().max(UPSTREAM),
                "{{upstream}}",
            ),
            events(
                "Circuits opened",
                "Times that a circuit opened, for failures or because the upstream was busy. `[breaker]`",
            )
            .query(
                chosen(metric::CIRCUIT_OPENED).increase(OVER).sum(UPSTREAM),
                "{{upstream}}",
            ),
            states(
                "Health",
                HEALTH,
                "What health checks say, the worst among the replicas. `[health]`",
            )
            .query(
                chosen(metric::UPSTREAM_HEALTHY).now().min(UPSTREAM),
                "{{upstream}}",
            ),
            states(
                "Draining",
                DRAINING,
                "Whether an administrator has taken it out of use, in any replica. `keys.NAME.admin`",
            )
            .query(
                chosen(metric::UPSTREAM_DRAINING).now().max(UPSTREAM),
                "{{upstream}}",
            ),
            lines(
                "Retries",
                Unit::RequestsPerSecond,
                "Attempts that repeat one which failed. `routes.NAME.retry`",
            )
            .query(
                chosen(metric::RETRIES).rate(OVER).sum(UPSTREAM),
                "{{upstream}}",
            ),
            lines(
                "Hedges",
                Unit::RequestsPerSecond,
                "Second attempts beside a slow one: sent, won, or refused by the budget. `routes.NAME.hedge`",
            )
            .query(
                series(metric::HEDGES, job)
                    .rate(OVER)
                    .sum(&["route", "event"]),
                "{{route}}: {{event}}",
            ),
        ],
    }
}
