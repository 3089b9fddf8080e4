//! What operators look for in the log: four searches, in the words of the fields that the gateway writes.

use std::time::Duration;

use decide::log::{
    DURATION, FALLBACK_MODEL, Field, LEVEL, LOGGER, MESSAGE, METHOD, MODEL, PATH, STATUS, UPSTREAM,
    USER_ID,
};
use decide::metric::INFERENCE;

use crate::conventions;
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;
use crate::ir::slo::Indicator;
use crate::unit::duration;

/// A search.
pub(super) struct Search {
    /// Its name, in ids.
    pub(super) name: &'static str,
    /// Its name, for people.
    pub(super) title: &'static str,
    /// What it finds.
    pub(super) about: String,
    /// In Kibana's language (KQL).
    pub(super) query: String,
    /// What is shown of a line, beside its time.
    pub(super) columns: Vec<&'static str>,
}

/// The searches of `topology`.
pub(super) fn searches(topology: &Topology) -> [Search; 4] {
    let [chat, ..] = INFERENCE;
    let access = format!("{} : \"{}\"", LOGGER.name, decide::log::ACCESS);
    let slow = slow(topology);
    let search = |name, title, about, query: String, columns: &[Field]| Search {
        name,
        title,
        about,
        query: format!(
            "{} : \"{}\" and {query}",
            conventions::LOG_GATEWAY,
            topology.name
        ),
        columns: columns.iter().map(|field| field.name).collect(),
    };
    [
        search(
            "errors",
            "Errors",
            "Requests answered with 5xx, and whatever else the gateway calls an error.".to_owned(),
            // Audit records among the lines have a status as well.
            format!(
                "(({access} and {} >= 500) or {} : \"error\")",
                STATUS.name, LEVEL.name
            ),
            &[STATUS, MESSAGE, PATH, MODEL, UPSTREAM, USER_ID],
        ),
        search(
            "slow",
            "Slow requests",
            format!("Requests that took more than {}.", duration::shown(slow)),
            format!("{access} and {} > {}", DURATION.name, slow.as_millis()),
            &[DURATION, MODEL, UPSTREAM, FALLBACK_MODEL, PATH, USER_ID],
        ),
        search(
            "rate-limited",
            "Rate limited",
            "Requests answered 429: a limit is reached, or all upstreams are busy.".to_owned(),
            format!("{access} and {} : 429", STATUS.name),
            &[USER_ID, MODEL, MESSAGE, PATH],
        ),
        search(
            "chat",
            "Chat",
            "Conversations: one line a request.".to_owned(),
            format!("{access} and {} : \"{chat}\"", PATH.name),
            &[STATUS, DURATION, MODEL, UPSTREAM, USER_ID, METHOD],
        ),
    ]
}

/// What is slow where neither an objective nor an alert says so.
const SLOW: Duration = Duration::from_secs(5);

/// What is slow: longer than an objective allows, or else than an alert does.
fn slow(topology: &Topology) -> Duration {
    let promised = topology.slos.iter().filter_map(|slo| match slo.indicator {
        Some(Indicator::Latency { within }) => Some(within),
        _ => None,
    });
    let alarming = || threshold(topology, Rule::P95Latency).map(Duration::from_secs_f64);
    promised.min().or_else(alarming).unwrap_or(SLOW)
}
