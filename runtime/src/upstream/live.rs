//! An upstream in use.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::api::rewrite;
use crate::environment::UpstreamAccess;
use crate::topology::{Endpoint, Timeouts, Upstream};
use crate::upstream::breaker::{Breaker, Pass, Skipped};
use crate::upstream::circuit::Change;
use crate::upstream::http::Http;
use crate::upstream::in_flight::{Entered, InFlight};

/// An upstream in use: its table entry with what was settled at start and what is known by now.
pub(crate) struct Live {
    /// Whether the last attempt went well.
    pub(crate) health: Health,
    /// The name that it knows its model by, as a JSON string.
    pub(crate) served_model: Option<Bytes>,
    /// When it is left alone.
    pub(crate) breaker: Option<Breaker>,
    pub(super) target: Target,
    /// `None` where no rule asks.
    in_flight: Option<Box<InFlight>>,
    upstream: &'static Upstream,
}

/// The kinds of upstreams.
pub(super) enum Target {
    /// Over the network.
    Http(Box<Http>),
    /// In this process.
    #[cfg(feature = "mock")]
    Mock(crate::topology::Mock),
}

/// Why an upstream cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}`: {reason}")]
pub(crate) struct Unusable {
    upstream: &'static str,
    reason: &'static str,
}

impl Live {
    /// `upstream`, reached by `access`.
    pub(crate) fn new(
        upstream: &'static Upstream,
        access: UpstreamAccess,
    ) -> Result<Self, Unusable> {
        let unusable = |reason| Unusable {
            upstream: upstream.settings.name,
            reason,
        };
        let target = match &upstream.settings.endpoint {
            Endpoint::Http { .. } => {
                let address = access.address.ok_or_else(|| unusable("has no address"))?;
                let http = Http::new(address, access.authorization).map_err(unusable)?;
                Target::Http(Box::new(http))
            }
            #[cfg(feature = "mock")]
            Endpoint::Mock(mock) => Target::Mock(*mock),
        };
        let served_model = upstream.settings.served_model;
        let served_model = served_model.map(|name| Bytes::from(rewrite::quoted(name)));
        Ok(Self {
            health: Health::default(),
            breaker: upstream
                .settings
                .breaker
                .as_ref()
                .map(|settings| Breaker::new(settings, &upstream.settings.timeouts)),
            served_model,
            target,
            in_flight: None,
            upstream,
        })
    }

    /// The same, with its requests counted.
    pub(crate) fn counted(self) -> Self {
        Self {
            in_flight: Some(Box::default()),
            ..self
        }
    }

    /// How many requests it has in flight; 0 where no rule asks.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.as_ref().map_or(0, |count| count.now())
    }

    /// Counts a request that goes to it, until what this returns is dropped.
    pub(crate) fn enter(&'static self) -> Option<Entered> {
        self.in_flight.as_ref().map(|count| count.enter())
    }

    /// Its table entry.
    pub(crate) fn upstream(&self) -> &'static Upstream {
        self.upstream
    }

    /// A pass for one request, with the change of state that it begins; or why there is none.
    pub(crate) fn pass(&'static self) -> Result<(Pass, Option<Change>), Skipped> {
        match &self.breaker {
            None => Ok((Pass::default(), None)),
            Some(breaker) => breaker.enter(),
        }
    }

    /// Whether it answered when it was last tried, and is not shut for its failures.
    pub(crate) fn is_healthy(&self) -> bool {
        let is_shut = |breaker: &Breaker| breaker.snapshot().failed;
        self.health.is_good() && !self.breaker.as_ref().is_some_and(is_shut)
    }

    /// How long it may take.
    pub(crate) fn timeouts(&self) -> &'static Timeouts {
        &self.upstream.settings.timeouts
    }
}

/// Whether an upstream answered when it was last tried. One writer's word replaces another's: a
/// hint.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failed: AtomicBool,
}

impl Health {
    /// Notes how an attempt went.
    pub(crate) fn note(&self, good: bool) {
        // Reading first keeps the cache line shared among cores while nothing changes.
        if self.failed.load(Ordering::Relaxed) == good {
            self.failed.store(!good, Ordering::Relaxed);
        }
    }

    /// Whether the last attempt went well; also before the first.
    pub(crate) fn is_good(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_counts() {
        let health = Health::default();
        assert!(health.is_good());
        health.note(false);
        assert!(!health.is_good());
        health.note(true);
        assert!(health.is_good());
    }
}
