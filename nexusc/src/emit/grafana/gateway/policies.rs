//! What policies do: limits and queues, certificates and keys, records and switches.

use decide::metric;

use super::OVER;
use crate::emit::grafana::panel::{
    BAD, GOOD, Row, State, Unit, WORSE, events, lines, stat, states,
};
use crate::emit::promql::series;

const SWITCHES: &[State] = &[
    State {
        value: 0,
        text: "off",
        color: BAD,
    },
    State {
        value: 1,
        text: "on",
        color: GOOD,
    },
];

const DAY: f64 = 24.0 * 60.0 * 60.0;

pub(super) fn limits(job: &str) -> Row {
    let waited = series(metric::QUEUE_WAIT, job);
    Row {
        title: "Limits",
        panels: vec![
            lines(
                "Refused by limits",
                Unit::RequestsPerSecond,
                "By limit and by what was too much. `[limits]`",
            )
            .logs("status : 429")
            .query(
                series(metric::LIMIT_REFUSED, job)
                    .rate(OVER)
                    .sum(&["limit", "kind"]),
                "{{limit}}: {{kind}}",
            ),
            lines(
                "Waiting in queues",
                Unit::Number,
                "Requests that wait for one of those to end that run. `limits.NAME.queue`",
            )
            .query(
                series(metric::QUEUE_WAITING, job).now().sum(&["limit"]),
                "{{limit}}",
            ),
            lines(
                "Time in queues p95",
                Unit::Seconds,
                "Of requests that did not run at once. `limits.NAME.queue`",
            )
            .query(waited.quantile(0.95, &["limit"], OVER), "{{limit}}"),
            lines(
                "Refused for what they hold",
                Unit::RequestsPerSecond,
                "Too many messages, or a forbidden word. `[gateway.input]`",
            )
            .query(
                series(metric::REFUSED_INPUT, job).rate(OVER).sum(&["reason"]),
                "{{reason}}",
            ),
            lines(
                "Repeated requests",
                Unit::RequestsPerSecond,
                "Those whose `Idempotency-Key` was known, by what came of them. `[gateway.idempotency]`",
            )
            .query(
                series(metric::REPEATED, job).rate(OVER).sum(&["outcome"]),
                "{{outcome}}",
            ),
            states(
                "Store",
                SWITCHES,
                "Whether every replica can use the store. `[store.redis]`",
            )
            .query(series(metric::STORE_UP, job).now().min(&[]), "store"),
            events(
                "Errors of the store",
                "Requests that it did not count, because it was away or too slow. `[store.redis]`",
            )
            .query(
                series(metric::STORE_ERRORS, job).increase(OVER).sum(&[]),
                "errors",
            ),
        ],
    }
}

pub(super) fn access(job: &str) -> Row {
    let expiry = series(metric::CERTIFICATE_EXPIRY, job).now();
    let fetched = series(metric::JWKS_FETCHED, job).now();
    Row {
        title: "Certificates and keys",
        panels: vec![
            stat(
                "Time until certificates expire",
                Unit::Seconds,
                "Those that the gateway shows, by whom they are shown to. `[gateway.tls]`, `[upstreams.NAME.tls]`",
            )
            .base(BAD)
            .step(7.0 * DAY, WORSE)
            .step(21.0 * DAY, GOOD)
            .query(
                expiry.min(&["shown_to", "upstream"]).ahead(),
                "{{shown_to}} {{upstream}}",
            ),
            stat(
                "Keys of the issuer",
                Unit::Number,
                "Keys that tokens are verified with. `auth.jwt.jwks`",
            )
            .base(BAD)
            .step(1.0, GOOD)
            .query(series(metric::JWKS_KEYS, job).now().min(&[]), ""),
            stat(
                "Age of the issuer's keys",
                Unit::Seconds,
                "Since they were last fetched; after a day without the issuer they are not used any more. `auth.jwt.jwks`",
            )
            .step(DAY / 2.0, WORSE)
            .step(DAY, BAD)
            .query(fetched.min(&[]).ago(), ""),
            events(
                "Certificates read again",
                "Because their files had changed; after a failure the previous ones stay in use.",
            )
            .query(
                series(metric::TLS_RENEWALS, job)
                    .increase(OVER)
                    .sum(&["result"]),
                "{{result}}",
            ),
            events(
                "Failed TLS handshakes",
                "Clients that came to no agreement, or had no certificate to show. `[gateway.tls]`",
            )
            .query(
                series(metric::HANDSHAKES_FAILED, job).increase(OVER).sum(&[]),
                "failed",
            ),
            events(
                "Fetches of the issuer's keys",
                "By how they ended. `auth.jwt.jwks`",
            )
            .query(
                series(metric::JWKS_FETCHES, job)
                    .increase(OVER)
                    .sum(&["outcome"]),
                "{{outcome}}",
            ),
        ],
    }
}

pub(super) fn records(job: &str) -> Row {
    Row {
        title: "Records and switches",
        panels: vec![
            events(
                "Lost records",
                "What could not be written or sent in time: log lines, audit records, spans.",
            )
            .query(
                series(metric::LOG_DROPPED, job).increase(OVER).sum(&[]),
                "log lines",
            )
            .query(
                series(metric::AUDIT_LOST, job).increase(OVER).sum(&[]),
                "audit records",
            )
            .query(
                series(metric::SPANS_DROPPED, job).increase(OVER).sum(&[]),
                "spans",
            ),
            states(
                "Features",
                SWITCHES,
                "Whether an administrator has turned one off, in any replica. `keys.NAME.admin`",
            )
            .query(
                series(metric::FEATURE_ENABLED, job).now().min(&["feature"]),
                "{{feature}}",
            ),
        ],
    }
}
