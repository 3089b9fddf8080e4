//! What a fetch of an issuer's keys is told by: log lines where something changes, and metrics.

use std::rc::Rc;
use std::time::UNIX_EPOCH;

use decide::metric;
use prometheus::{IntCounterVec, IntGauge};

use crate::jwt::jwks::source::Unfetched;
use crate::jwt::jwks::store::Standing;
use crate::observe::clock;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Log;
use crate::observe::metrics::Metrics;

const LOGGER: &str = "nexus.auth";

/// What a fetch led to.
pub(super) struct Told {
    /// How it stood with the issuer before.
    pub(super) was: Standing,
    /// How it stands now.
    pub(super) now: Standing,
    /// How many keys are in use.
    pub(super) keys: usize,
    /// Whether they are others than before.
    pub(super) changed: bool,
    /// Why there is nothing new, where there is not.
    pub(super) failure: Option<Unfetched>,
}

/// Where fetches are told.
pub(super) struct Report {
    log: Rc<Log>,
    fetches: IntCounterVec,
    keys: IntGauge,
    fetched: IntGauge,
}

impl Report {
    /// A report that goes to `log` and `metrics`.
    pub(super) fn new(log: Rc<Log>, metrics: &Metrics) -> Self {
        let register = metrics.register();
        let fetches = register.counter_family(
            metric::JWKS_FETCHES,
            "Fetches of the issuer's keys, by outcome.",
        );
        // A rate can only be told from a counter that was there before it was counted up.
        for outcome in ["ok", "failed"] {
            fetches.with_label_values(&[outcome]);
        }
        Self {
            log,
            fetches,
            keys: register.gauge(
                metric::JWKS_KEYS,
                "Keys of the issuer that tokens are verified with.",
            ),
            fetched: register.gauge(
                metric::JWKS_FETCHED,
                "When the issuer's keys were last fetched, in seconds since 1970; 0 for never.",
            ),
        }
    }

    /// Says that somebody on the way could put keys of their own in place of the issuer's.
    pub(super) fn exposed(&self) {
        let message = "the issuer's keys are fetched without encryption: whoever is on the way could \
                       put others in their place";
        self.log.line(&Line::new(Level::Warn, LOGGER, message));
    }

    /// Takes note of a fetch; the log, of one that changes something.
    pub(super) fn fetched(&self, told: &Told) {
        let outcome = if told.failure.is_none() {
            "ok"
        } else {
            "failed"
        };
        self.fetches.with_label_values(&[outcome]).inc();
        self.keys.set(i64::try_from(told.keys).unwrap_or(i64::MAX));
        if told.failure.is_none()
            && let Ok(now) = clock::now().duration_since(UNIX_EPOCH)
        {
            self.fetched
                .set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
        if let Some((level, message)) = news(told) {
            self.log.line(&Line::new(level, LOGGER, &message));
        }
    }
}

/// What is new for whoever reads the log.
fn news(told: &Told) -> Option<(Level, String)> {
    let Told {
        was,
        now,
        keys,
        changed,
        failure,
    } = told;
    let why = failure
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    let (level, message) = match now {
        Standing::Known if was == now && *changed => (
            Level::Info,
            format!("the issuer has other keys now: {keys}"),
        ),
        _ if was == now => return None,
        Standing::Known if *was == Standing::Stale => (
            Level::Info,
            format!("the issuer gives its keys again: {keys}"),
        ),
        Standing::Known => (Level::Info, format!("the issuer gave its keys: {keys}")),
        Standing::Stale => {
            let message = "the issuer does not give its keys, those of before stay in use";
            (Level::Warn, format!("{message}: {why}"))
        }
        Standing::Away | Standing::Unasked => {
            let message = "the issuer does not give its keys, tokens are answered 503";
            (Level::Error, format!("{message}: {why}"))
        }
    };
    Some((level, message))
}
