//! The containers that compose runs on one machine: their names, and the ports by which the machine reaches them.
//!
//! Which engines run here follows from addresses: a host without a dot is the name of a container, and an engine at
//! the loopback address gets the name of its upstream. Whatever is elsewhere is elsewhere.

use std::net::{IpAddr, Ipv4Addr};

use crate::conventions::{self, container};
use crate::ir::compose::Ports;
use crate::ir::deploy::Artifact;
use crate::ir::table::Id;
use crate::ir::{Endpoint, EngineMemory, Servers, Store, Topology, Upstream};
use crate::key_path::KeyPath;

/// A container, or a port of one, and where the spec says so.
#[derive(Debug)]
pub struct Named<T> {
    /// Its name or port.
    pub it: T,
    /// What it is of, in words: "upstream `vllm`".
    pub what: String,
    /// The field that says so, or would.
    pub path: KeyPath,
    /// Whether the spec leaves it to the compiler.
    pub is_default: bool,
}

/// A port of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// The addresses at which it is open.
    pub address: IpAddr,
    /// Its number.
    pub port: u16,
}

impl Published {
    /// Whether both cannot be open at once.
    pub fn collides_with(self, other: Self) -> bool {
        let meets = self.address == other.address
            || self.address.is_unspecified()
            || other.address.is_unspecified();
        self.port == other.port && meets
    }
}

/// The name of the container in which the engine of an upstream runs, if it runs in one here.
pub fn of_engine(upstream: &Upstream) -> Option<&str> {
    let engine = upstream.engine.as_ref()?;
    let is_planned = engine.weights.is_some() && matches!(engine.memory, EngineMemory::Planned(_));
    let is_startable = is_planned || engine.container.is_some();
    let (host, _) = upstream.endpoint.host_and_port()?;
    // Engines speak no TLS.
    if !is_startable || !matches!(upstream.endpoint, Endpoint::Http(_)) {
        None
    } else if upstream.endpoint.is_on_this_machine() {
        Some(&upstream.name)
    } else {
        let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        host.chars().all(is_label).then_some(host)
    }
}

/// The engines that run here, each with its container.
pub fn engines(topology: &Topology) -> impl Iterator<Item = (Id<Upstream>, &Upstream, &str)> {
    topology
        .upstreams
        .ids()
        .filter_map(|(id, upstream)| Some((id, upstream, of_engine(upstream)?)))
}

/// The store, where its Redis runs here. One that is reached by TLS is somebody else's.
pub fn redis(topology: &Topology) -> Option<&Store> {
    topology.store.as_ref().filter(|store| store.tls.is_none())
}

/// Whether an environment has a server without a model.
pub fn has_mock(topology: &Topology) -> bool {
    let mut overlays = topology.overlays.iter();
    overlays.any(|overlay| overlay.servers == Servers::Mock)
}

/// Every container, with its name.
pub fn names(topology: &Topology) -> Vec<Named<&str>> {
    let root = KeyPath::root();
    let compose = root.key("deploy").key("compose");
    let monitoring = root.key("deploy").key("artifacts");
    let gateway = root.key("gateway");
    let named = |it, what: &str, path: &KeyPath| Named {
        it,
        what: what.to_owned(),
        path: path.clone(),
        is_default: false,
    };
    let of_itself = |it, what, path| Named {
        is_default: true,
        ..named(it, what, path)
    };
    let mut names = vec![of_itself(conventions::GATEWAY, "the gateway", &gateway)];
    if let Some(store) = redis(topology) {
        names.push(named(container::REDIS, "the store", &store.path));
    }
    if topology.deploy.artifacts.contains(&Artifact::Prometheus) {
        names.push(of_itself(container::PROMETHEUS, "Prometheus", &monitoring));
    }
    if topology.deploy.has_alertmanager() {
        names.push(of_itself(
            conventions::ALERTMANAGER,
            "Alertmanager",
            &monitoring,
        ));
    }
    if topology.deploy.artifacts.contains(&Artifact::Grafana) {
        names.push(of_itself(container::GRAFANA, "Grafana", &monitoring));
    }
    if topology.deploy.artifacts.contains(&Artifact::Logs) {
        let of_logs = |name| of_itself(name, "a part of the logs' way", &monitoring);
        names.extend(container::OF_LOGS.map(of_logs));
    }
    if let Some(nginx) = &topology.deploy.compose.nginx {
        names.push(named(container::NGINX, "nginx", &nginx.path));
    }
    if let Some(overlay) = topology
        .overlays
        .iter()
        .find(|overlay| overlay.servers == Servers::Mock)
    {
        let path = overlay.path.key("servers");
        names.push(named(container::MOCK, "the mock", &path));
    }
    for (_, upstream, name) in engines(topology) {
        let what = format!("upstream `{}`", upstream.name);
        names.push(named(name, &what, &upstream.path.key("url")));
    }
    for service in topology.deploy.compose.services.iter() {
        let path = compose.key("services").key(&service.name);
        names.push(named(&service.name, "a service", &path));
    }
    names
}

/// Every port by which this machine, or its network, reaches a container.
pub fn ports(topology: &Topology) -> Vec<Named<Published>> {
    let compose = &topology.deploy.compose;
    let root = KeyPath::root();
    let of_monitoring = root.key("deploy").key("compose").key("ports");
    let at = |address, port, what: &str, path: KeyPath| Named {
        it: Published { address, port },
        what: what.to_owned(),
        path,
        is_default: false,
    };
    let of_monitoring = |port, usual, what: &str, name: &str| Named {
        is_default: port == usual,
        ..at(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
            what,
            of_monitoring.key(name),
        )
    };
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut ports = Vec::new();
    match &compose.nginx {
        Some(nginx) => {
            let anywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            ports.push(at(anywhere, nginx.port, "nginx", nginx.path.key("port")));
        }
        None => {
            let listen = topology.gateway.listen;
            let path = root.key("gateway").key("listen");
            ports.push(at(listen.ip(), listen.port(), "the gateway", path));
        }
    }
    let usual = Ports::default();
    if topology.deploy.artifacts.contains(&Artifact::Prometheus) {
        let (port, usual) = (compose.ports.prometheus, usual.prometheus);
        ports.push(of_monitoring(port, usual, "Prometheus", "prometheus"));
    }
    if topology.deploy.has_alertmanager() {
        let (port, usual) = (compose.ports.alertmanager, usual.alertmanager);
        ports.push(of_monitoring(port, usual, "Alertmanager", "alertmanager"));
    }
    if topology.deploy.artifacts.contains(&Artifact::Grafana) {
        let (port, usual) = (compose.ports.grafana, usual.grafana);
        ports.push(of_monitoring(port, usual, "Grafana", "grafana"));
    }
    if topology.deploy.artifacts.contains(&Artifact::Logs) {
        let usual = Ports::default().kibana;
        ports.push(of_monitoring(
            compose.ports.kibana,
            usual,
            "Kibana",
            "kibana",
        ));
    }
    for service in compose.services.iter() {
        let what = format!("service `{}`", service.name);
        ports.extend(
            service
                .port
                .map(|port| at(here, port, &what, service.path.key("port"))),
        );
    }
    ports
}

/// The profiles of compose with which the engine of an upstream starts; none: it starts always.
pub fn profiles(topology: &Topology, id: Id<Upstream>) -> Vec<&str> {
    let upstream = topology.upstreams.get(id);
    let own = upstream
        .engine
        .as_ref()
        .and_then(|engine| engine.profile.as_deref());
    let phases = topology.deploy.compose.profiles.iter();
    let phases = phases.filter(|profile| profile.starts.includes(id));
    let mut profiles: Vec<&str> = own
        .into_iter()
        .chain(phases.map(|profile| profile.name.as_str()))
        .collect();
    profiles.sort_unstable();
    profiles.dedup();
    profiles
}
