//! A topology in use: its tables with everything that is settled once at start, shared by all
//! workers.
//!
//! Read only, except for counters and flags that are single atomics. There is no lock in here but those
//! of `idempotency`, and that under which the states of GPUs are replaced.

use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::admin::gauges::Gauges;
use crate::admin::switches::{Feature, Switches};
use crate::api::fields::Vocabulary;
use crate::api::health::Dependencies;
use crate::api::models::Directory;
use crate::api::rewrite::Defaults;
use crate::auth::Callers;
use crate::environment::{self, Settings};
use crate::gpus::Gpus;
use crate::idempotency::Store;
use crate::limit::demand;
use crate::limit::limiter::Limiter;
use crate::limit::owner::Owner;
#[cfg(feature = "redis")]
use crate::limit::store::server::Server;
use crate::observe::metrics::Metrics;
use crate::route;
use crate::shadow::metrics::ShadowMetrics;
use crate::shadow::room::Rooms;
use crate::shadow::slots;
#[cfg(feature = "certificates")]
use crate::tls::credential::{Credential, Peer, Renew};
use crate::topology::{Model, Share, Topology, Upstream};
use crate::upstream::live::{Live, Unusable};
#[cfg(feature = "words")]
use crate::words::Words;

/// A topology in use.
pub(crate) struct Dataplane {
    /// The tables.
    pub(crate) topology: &'static Topology,
    /// Who may ask.
    pub(crate) callers: Callers,
    /// Which models there are.
    pub(crate) directory: Directory,
    /// The parameters that have defaults.
    pub(crate) vocabulary: Vocabulary,
    /// The upstreams, by slot.
    pub(crate) upstreams: Vec<Live>,
    /// The metrics.
    pub(crate) metrics: Metrics,
    /// The words that no request may hold.
    #[cfg(feature = "words")]
    pub(crate) words: Option<Words>,
    /// The answers that are kept for requests that are repeated.
    pub(crate) idempotency: Option<Store>,
    /// What an administrator can turn off; `None` where there is none.
    pub(crate) switches: Option<Switches>,
    /// Room for copies of requests.
    pub(crate) rooms: Rooms,
    /// What is known about them; `None` where no route has a shadow.
    pub(crate) shadow_metrics: Option<ShadowMetrics>,
    gauges: Option<Gauges>,
    /// The GPUs of this machine, if there are any.
    #[cfg(feature = "nvml")]
    gpus: Option<Gpus>,
    /// What counts the limits of all replicas.
    #[cfg(feature = "redis")]
    pub(crate) store: Option<Server>,
    /// How clients reach it encrypted.
    #[cfg(feature = "certificates")]
    pub(crate) tls: Option<Credential<rustls::ServerConfig>>,
    defaults: Vec<Defaults>,
    model_limits: Vec<ModelLimit>,
    draining: AtomicBool,
}

/// The limit of a model, in use.
pub(crate) struct ModelLimit {
    /// What has been taken of it, if it has one.
    pub(crate) limiter: Option<Box<Limiter>>,
    /// The output to assume of a request that does not limit it.
    pub(crate) assumed_output: u64,
}

/// Why a topology cannot be used.
#[derive(Debug, Error)]
pub(crate) enum Unfit {
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Upstream(#[from] Unusable),
    #[error("more than {} different default parameters", Vocabulary::CAPACITY)]
    Defaults,
}

impl Dataplane {
    /// Puts `topology` to use with what its environment holds.
    pub(crate) fn new(topology: &'static Topology, settings: Settings) -> Result<Self, Unfit> {
        // First of all: what is built below goes by the slots.
        assign_slots(topology);
        let parameters = topology
            .models
            .iter()
            .flat_map(|model| model.settings.defaults);
        let vocabulary = Vocabulary::new(parameters.map(|parameter| parameter.field));
        if vocabulary.len() > Vocabulary::CAPACITY {
            return Err(Unfit::Defaults);
        }
        let defaults = |model: &&Model| Defaults::new(model.settings.defaults, &vocabulary);
        let limit = |model: &&Model| ModelLimit {
            limiter: Limiter::of(
                model.settings.limit,
                topology.name,
                Owner::Model(model.settings.name),
            ),
            assumed_output: demand::assumed_output(model),
        };
        let pairs = topology.upstreams.iter().zip(settings.upstreams);
        let metrics = Metrics::new(topology);
        let switches = Switches::of(topology);
        // An administrator sees when an upstream that is draining is empty.
        let counted = counted(topology)
            .into_iter()
            .map(|counted| counted || switches.is_some());
        let upstreams = pairs.zip(counted).map(|((upstream, access), counted)| {
            let live = Live::new(upstream, access)?;
            Ok::<_, Unusable>(if counted { live.counted() } else { live })
        });
        Ok(Self {
            #[cfg(feature = "redis")]
            store: match (&topology.store, settings.store, &metrics.store) {
                (Some(store), Some(address), Some(series)) => {
                    Some(Server::new(store, topology.name, address, series.clone()))
                }
                _ => None,
            },
            topology,
            callers: Callers::new(topology, settings.credentials)?,
            directory: Directory::new(topology.models),
            upstreams: upstreams.collect::<Result<_, _>>()?,
            #[cfg(feature = "words")]
            words: settings.words,
            idempotency: topology.gateway.idempotency.as_ref().map(Store::new),
            shadow_metrics: ShadowMetrics::of(topology, &metrics),
            gauges: switches.as_ref().map(|_| Gauges::new(&metrics)),
            #[cfg(feature = "nvml")]
            gpus: Gpus::of(topology, &metrics),
            metrics,
            #[cfg(feature = "certificates")]
            tls: settings.tls,
            defaults: topology.models.iter().map(defaults).collect(),
            model_limits: topology.models.iter().map(limit).collect(),
            draining: AtomicBool::new(false),
            rooms: Rooms::new(slots::assign(topology)),
            vocabulary,
            switches,
        })
    }

    /// What is known about `upstream` while the gateway runs.
    pub(crate) fn upstream(&self, upstream: &Upstream) -> &Live {
        let live = self.upstreams.get(upstream.slot.index());
        live.expect("every upstream of the tables got a slot at the start")
    }

    /// Whether an administrator has turned `feature` off.
    pub(crate) fn is_off(&self, feature: Feature) -> bool {
        let switches = self.switches.as_ref();
        switches.is_some_and(|switches| switches.is_off(feature))
    }

    /// The defaults of `model`.
    pub(crate) fn defaults(&self, model: &Model) -> Option<&Defaults> {
        self.defaults.get(model.slot.index())
    }

    /// The limit of `model`.
    pub(crate) fn model_limit(&self, model: &Model) -> &ModelLimit {
        let limit = self.model_limits.get(model.slot.index());
        limit.expect("every model of the tables got a slot at the start")
    }

    /// The part of the traces which begin here that is recorded; `None` for all.
    pub(crate) fn trace_sample(&self) -> Option<Share> {
        self.topology.otlp.as_ref().map(|otlp| otlp.sample)
    }

    /// How many upstreams are well, by their health checks or else by their last answer, and are not
    /// shut for their failures.
    pub(crate) fn healthy_upstreams(&self) -> usize {
        self.upstreams
            .iter()
            .filter(|live| live.is_healthy())
            .count()
    }

    /// The states of what it depends on beside its upstreams.
    pub(crate) fn dependencies(&self) -> Dependencies {
        Dependencies {
            #[cfg(feature = "jwks")]
            issuer: self.callers.issuer().map(|store| store.standing().name()),
            #[cfg(not(feature = "jwks"))]
            issuer: None,
            #[cfg(feature = "redis")]
            redis: self.store.as_ref().map(Server::state),
            #[cfg(not(feature = "redis"))]
            redis: None,
        }
    }

    /// The text that Prometheus reads. States that time changes by itself are looked at here.
    pub(crate) fn metrics_text(&self) -> Vec<u8> {
        for live in &self.upstreams {
            if let Some(breaker) = &live.breaker {
                let state = breaker.snapshot().state;
                self.metrics.circuit_state(live.upstream(), state);
            }
            if let Some(vitals) = &live.vitals {
                let healthy = vitals.are_good();
                self.metrics.upstream_healthy(live.upstream(), healthy);
            }
        }
        if let (Some(switches), Some(gauges)) = (&self.switches, &self.gauges) {
            gauges.show(switches, &self.upstreams);
        }
        #[cfg(feature = "nvml")]
        if let Some(gpus) = &self.gpus {
            gpus.show();
        }
        #[cfg(feature = "certificates")]
        for (peer, credential) in self.credentials() {
            if let Some(expiry) = credential.expiry() {
                self.metrics.tls.expires(peer, expiry);
            }
        }
        self.metrics.text()
    }

    /// Everything of TLS that comes from files.
    #[cfg(feature = "certificates")]
    pub(crate) fn credentials(&self) -> impl Iterator<Item = (Peer, &dyn Renew)> {
        let of_clients = self.tls.iter();
        let of_clients = of_clients.map(|tls| (Peer::Clients, tls as &dyn Renew));
        let of_upstreams = self.upstreams.iter().filter_map(|live| {
            let name = live.upstream().settings.name;
            Some((Peer::Upstream(name), live.credential()? as &dyn Renew))
        });
        let all = of_clients.chain(of_upstreams);
        #[cfg(feature = "jwks")]
        let all = all.chain(self.callers.issuer().and_then(|store| {
            let credential = store.source.credential()?;
            Some((Peer::Issuer, credential as &dyn Renew))
        }));
        #[cfg(feature = "redis")]
        let all = all.chain(self.store.as_ref().and_then(|store| {
            let credential = store.address.tls.as_ref()?.credential()?;
            Some((Peer::Store, credential as &dyn Renew))
        }));
        all
    }

    /// The GPUs of this machine, if the topology has any.
    pub(crate) fn gpus(&self) -> Option<&Gpus> {
        #[cfg(feature = "nvml")]
        return self.gpus.as_ref();
        #[cfg(not(feature = "nvml"))]
        None
    }

    /// Whether a stop was asked for.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Notes that a stop was asked for.
    pub(crate) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

fn assign_slots(topology: &Topology) {
    for (index, limit) in topology.limits.iter().enumerate() {
        limit.slot.assign(index);
    }
    for (index, key) in environment::keys(&topology.auth).iter().enumerate() {
        key.slot.assign(index);
    }
    for (index, model) in topology.models.iter().enumerate() {
        model.slot.assign(index);
    }
    for (index, upstream) in topology.upstreams.iter().enumerate() {
        upstream.slot.assign(index);
    }
    for (index, (_, hedge)) in route::hedged(topology).into_iter().enumerate() {
        hedge.slot.assign(index);
    }
}

/// For each upstream, whether a rule asks how many requests it has in flight.
fn counted(topology: &Topology) -> Vec<bool> {
    let mut counted = vec![false; topology.upstreams.len()];
    for model in topology.models {
        for upstream in model.settings.route.rule.counted() {
            if let Some(counted) = counted.get_mut(upstream.slot.index()) {
                *counted = true;
            }
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use crate::fixture::{CHAT, dataplane};

    #[test]
    fn every_entry_has_its_own_slot() {
        let dataplane = dataplane();
        for (index, upstream) in CHAT.upstreams.iter().enumerate() {
            assert_eq!(upstream.slot.index(), index);
            assert!(std::ptr::eq(
                dataplane.upstream(upstream),
                &dataplane.upstreams[index]
            ));
        }
        for (index, model) in CHAT.models.iter().enumerate() {
            assert_eq!(model.slot.index(), index);
        }
    }

    #[test]
    fn nothing_is_counted_where_no_rule_asks() {
        let live = &dataplane().upstreams[0];
        let entered = live.enter();
        assert!(entered.is_none());
        assert_eq!(live.in_flight(), 0);
    }
}
