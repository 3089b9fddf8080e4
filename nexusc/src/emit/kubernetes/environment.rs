//! What an environment has: the base, or an overlay on it.

use std::collections::{BTreeMap, BTreeSet};

use crate::conventions::{self, kubernetes as names};
use crate::emit::engine::{self, Server};
use crate::emit::mock;
use crate::ir::table::Id;
use crate::ir::{self, Endpoint, Overlay, Topology, Upstream};

/// The engines that can run beside the gateway, by the place of their upstream in the table; `None` where the spec
/// does not say what starts one.
pub(super) struct Engines(Vec<Option<Engine>>);

/// An engine that can run beside the gateway.
pub(super) struct Engine {
    /// What it is called: its host, for the gateway.
    pub(super) name: String,
    /// What starts it.
    pub(super) server: Server,
}

/// What an environment has.
pub(super) struct Environment<'t> {
    /// What Kubernetes is told of it.
    pub(super) settings: &'t ir::kubernetes::Environment,
    /// The upstreams whose engines run in it.
    pub(super) engines: BTreeSet<Id<Upstream>>,
    /// Where the gateway finds each upstream; `None` for mocks.
    pub(super) addresses: Vec<Option<String>>,
    /// The ports of those that are not engines beside it.
    pub(super) ports: BTreeSet<u16>,
    /// The upstreams that a server without a model answers for.
    pub(super) mocked: BTreeSet<Id<Upstream>>,
}

impl Engines {
    pub(super) fn of(topology: &Topology) -> Self {
        let spec = &topology.name;
        let own = [
            spec.clone(),
            names::load_balancer(spec),
            names::mock(spec),
            names::redis(spec),
        ];
        let engine = |(id, upstream): (Id<Upstream>, &Upstream)| {
            // Most have none, and to look further takes a look at every route.
            upstream.engine.as_ref()?;
            let server = engine::server(topology, id)?;
            let is_taken = |name: &str| {
                let others = topology.upstreams.find(name);
                own.iter().any(|own| own == name) || others.is_some_and(|other| other != id)
            };
            let name = names::unused(&upstream.name, is_taken);
            Some(Engine { name, server })
        };
        Self(topology.upstreams.ids().map(engine).collect())
    }

    pub(super) fn get(&self, upstream: Id<Upstream>) -> Option<&Engine> {
        self.0.get(upstream.index())?.as_ref()
    }

    /// The ports that they listen on.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        let engines = self.0.iter().flatten();
        engines.map(|engine| engine.server.port).collect()
    }
}

impl<'t> Environment<'t> {
    pub(super) fn of(
        topology: &'t Topology,
        engines: &Engines,
        overlay: Option<&'t Overlay>,
    ) -> Self {
        let base = topology.upstreams.iter().map(|upstream| &upstream.endpoint);
        let mut endpoints: Vec<&Endpoint> = base.collect();
        for address in overlay.into_iter().flat_map(|overlay| &overlay.addresses) {
            if let Some(slot) = endpoints.get_mut(address.upstream.index()) {
                *slot = &address.endpoint;
            }
        }
        let settings = overlay.map_or(&topology.deploy.kubernetes.environment, |overlay| {
            &overlay.kubernetes
        });
        let mut environment = Self {
            settings,
            engines: BTreeSet::new(),
            addresses: Vec::with_capacity(endpoints.len()),
            ports: BTreeSet::new(),
            mocked: overlay.map_or_else(BTreeSet::new, |overlay| {
                mock::answers_for(topology, overlay)
            }),
        };
        let mut by_host = BTreeMap::new();
        for (id, upstream) in topology.upstreams.ids() {
            if let Some((host, _)) = upstream.endpoint.host_and_port() {
                by_host.entry(host).or_insert(id);
            }
        }
        for ((id, upstream), endpoint) in topology.upstreams.ids().zip(endpoints) {
            if environment.mocked.contains(&id) {
                let name = names::mock(&topology.name);
                let address = format!("http://{name}:{}", mock::PORT);
                environment.addresses.push(Some(address));
                continue;
            }
            let host = host_here(endpoint);
            let is_own = host.is_some() && host == host_of(&upstream.endpoint);
            let own = engines.get(id).filter(|_| is_own);
            if own.is_some() && runs_in(overlay, upstream) {
                environment.engines.insert(id);
            }
            // An overlay may give it the engine of another one.
            let engine = own.or_else(|| engines.get(*by_host.get(host?)?));
            let address = match engine {
                Some(engine) => {
                    let (name, port) = (engine.name.as_str(), engine.server.port);
                    let is_its_host = endpoint.host_and_port() == Some((name, port));
                    let own = url(endpoint).filter(|_| is_its_host);
                    Some(own.map_or_else(|| format!("http://{name}:{port}"), str::to_owned))
                }
                None => {
                    let port = endpoint.host_and_port().map(|(_, port)| port);
                    environment.ports.extend(port);
                    url(endpoint).map(str::to_owned)
                }
            };
            environment.addresses.push(address);
        }
        environment
    }
}

/// Whether the engine of this upstream runs in an environment of this overlay.
fn runs_in(overlay: Option<&Overlay>, upstream: &Upstream) -> bool {
    let wanted = overlay.and_then(|overlay| overlay.profile.as_ref());
    let own = upstream.engine.as_ref().and_then(|it| it.profile.as_ref());
    wanted.is_none() || own.is_none() || wanted == own
}

/// The host of an engine at this address, if it runs beside the gateway: a host of one label is a service of the
/// namespace, and what a spec means by this machine is a service as well.
fn host_here(endpoint: &Endpoint) -> Option<&str> {
    let Endpoint::Http(_) = endpoint else {
        return None;
    };
    let runs_here = |host: &str| !host.contains(['.', ':']) || endpoint.is_on_this_machine();
    host_of(endpoint).filter(|host| runs_here(host))
}

fn host_of(endpoint: &Endpoint) -> Option<&str> {
    endpoint.host_and_port().map(|(host, _)| host)
}

pub(super) fn url(endpoint: &Endpoint) -> Option<&str> {
    match endpoint {
        Endpoint::Http(url) | Endpoint::Https(url) => Some(url),
        Endpoint::MockLocal | Endpoint::MockFail => None,
    }
}

/// The variable that replaces the address of an upstream, with it, as a config map has it.
pub(super) fn literal(upstream: &Upstream, address: &str) -> String {
    let variable = conventions::upstream_url_variable(&upstream.name);
    format!("{variable}={address}")
}
