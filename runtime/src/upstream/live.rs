//! An upstream in use.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

#[cfg(feature = "otlp")]
use crate::address::Address;
use crate::api::rewrite;
#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
use crate::topology::{Endpoint, Timeouts, Upstream};
use crate::upstream::access::UpstreamAccess;
use crate::upstream::breaker::{Breaker, Pass, Skipped};
use crate::upstream::check::Check;
use crate::upstream::circuit::Change;
use crate::upstream::connect::Destination;
use crate::upstream::http::Http;
use crate::upstream::in_flight::{Entered, InFlight};
use crate::upstream::vitals::Vitals;

/// An upstream in use: its table entry with what was settled at start and what is known by now.
pub(crate) struct Live {
    /// Whether the last attempt went well.
    pub(crate) health: Health,
    /// The name that it knows its model by, as a JSON string.
    pub(crate) served_model: Option<Bytes>,
    /// When it is left alone.
    pub(crate) breaker: Option<Breaker>,
    /// Whether an administrator has taken it out of use.
    drained: AtomicBool,
    /// What health checks say about it, if there are any.
    pub(crate) vitals: Option<Vitals>,
    pub(super) target: Target,
    /// `None` where no rule asks.
    in_flight: Option<Box<InFlight>>,
    upstream: &'static Upstream,
}

/// The kinds of upstreams.
pub(super) enum Target {
    /// Over the network.
    Http(Box<Http>, Option<Box<Check>>),
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
                let check = upstream.settings.health.as_ref().map(|health| {
                    Check::new(health, address.prefix(), upstream.settings.served_model)
                });
                let check = check.transpose().map_err(unusable)?;
                #[cfg(feature = "certificates")]
                let destination = match (access.tls, upstream.settings.tls) {
                    (Some(credential), Some(tls)) => {
                        Destination::encrypted(address, credential, tls.server_name)
                    }
                    _ => Destination::new(address),
                };
                #[cfg(not(feature = "certificates"))]
                let destination = Destination::new(address);
                let destination = destination.map_err(unusable)?;
                let http = Http::new(destination, access.authorization).map_err(unusable)?;
                Target::Http(Box::new(http), check.map(Box::new))
            }
            #[cfg(feature = "mock")]
            Endpoint::Mock(mock) => Target::Mock(*mock),
        };
        let served_model = upstream.settings.served_model;
        let served_model = served_model.map(|name| Bytes::from(rewrite::quoted(name)));
        let is_checked = matches!(target, Target::Http(_, Some(_)));
        Ok(Self {
            health: Health::default(),
            drained: AtomicBool::new(false),
            vitals: is_checked.then(Vitals::default),
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
        if self.is_drained() {
            return Err(Skipped::Drained);
        }
        match &self.breaker {
            None => Ok((Pass::default(), None)),
            Some(breaker) => breaker.enter(),
        }
    }

    /// Whether an administrator has taken it out of use.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    /// Takes it out of use, or back, and says whether it was out.
    pub(crate) fn drain(&self, drained: bool) -> bool {
        self.drained.swap(drained, Ordering::Relaxed)
    }

    /// Whether it is fit for requests that no client waits for: they are not to wake what is left
    /// alone.
    pub(crate) fn takes_copies(&self) -> bool {
        self.is_ready()
    }

    /// Whether it is well, by its health checks or else by its last answer, and not shut for its
    /// failures.
    pub(crate) fn is_healthy(&self) -> bool {
        let is_shut = |breaker: &Breaker| breaker.snapshot().failed;
        let is_well = match &self.vitals {
            Some(vitals) => vitals.are_good(),
            None => self.health.is_good(),
        };
        is_well && !self.breaker.as_ref().is_some_and(is_shut)
    }

    /// Whether health checks say that others should be asked first.
    pub(crate) fn comes_last(&self) -> bool {
        self.vitals
            .as_ref()
            .is_some_and(|vitals| !vitals.are_good())
    }

    /// Whether nothing speaks against one more request to it, one that could do without.
    pub(crate) fn is_ready(&self) -> bool {
        let is_closed = |breaker: &Breaker| breaker.is_closed();
        !self.is_drained() && !self.comes_last() && self.breaker.as_ref().is_none_or(is_closed)
    }

    /// Where it is; `None` for a mock.
    #[cfg(feature = "otlp")]
    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.target {
            Target::Http(http, _) => Some(&http.destination().address),
            #[cfg(feature = "mock")]
            Target::Mock(_) => None,
        }
    }

    /// Its health check and how it is reached, if it has one.
    pub(super) fn check(&self) -> Option<(&Check, &Http)> {
        match &self.target {
            Target::Http(http, check) => Some((check.as_deref()?, http)),
            #[cfg(feature = "mock")]
            Target::Mock(_) => None,
        }
    }

    /// What its `tls` asks for, if anything, to be kept up to date.
    #[cfg(feature = "certificates")]
    pub(crate) fn credential(&self) -> Option<&Credential<rustls::ClientConfig>> {
        match &self.target {
            Target::Http(http, _) => http.destination().tls.as_ref()?.credential(),
            #[cfg(feature = "mock")]
            Target::Mock(_) => None,
        }
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
    fn a_drained_upstream_gets_nothing_new() {
        let live = &crate::fixture::dataplane().upstreams[0];
        assert!(!live.drain(true));
        assert_eq!(live.pass().unwrap_err(), Skipped::Drained);
        assert!(!live.takes_copies());
        assert!(live.drain(false));
        assert!(live.pass().is_ok() && live.takes_copies());
    }

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
