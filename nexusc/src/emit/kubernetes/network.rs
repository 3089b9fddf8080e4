//! Who may speak to whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::conventions::{self, kubernetes as names};
use crate::emit::kubernetes::environment::{Engines, Environment};
use crate::emit::kubernetes::{gateway, redis_address};
use crate::emit::mock;
use crate::emit::yaml::fill;
use crate::ir::kubernetes::Exposure;
use crate::ir::{Endpoint, Jwt, Topology};

const POLICIES: &str =
    include_str!("../../../../templates/deploy/kubernetes/network-policies.yaml");
const EGRESS: &str = include_str!("../../../../templates/deploy/kubernetes/egress.yaml");

/// The policy of the gateway.
pub(super) fn of_gateway(spec: &str) -> String {
    names::part(spec, "gateway")
}

pub(super) fn policies(topology: &Topology, engines: &Engines, base: &Environment<'_>) -> String {
    #[derive(Serialize)]
    struct Values<'t> {
        header: String,
        origin: String,
        spec: &'t str,
        names: Names,
        from_anywhere: bool,
        allow_from: &'t BTreeSet<String>,
        port: u16,
        egress: String,
        redis: Option<String>,
        engines: BTreeSet<u16>,
    }
    #[derive(Serialize)]
    struct Names {
        default: String,
        gateway: String,
        engines: String,
    }
    let settings = &topology.deploy.kubernetes;
    let spec = &topology.name;
    let values = Values {
        header: conventions::header(spec),
        origin: settings.path.to_string(),
        spec,
        names: Names {
            default: names::part(spec, "deny"),
            gateway: of_gateway(spec),
            engines: names::part(spec, "engines"),
        },
        from_anywhere: settings.expose.contains(&Exposure::LoadBalancer),
        allow_from: &settings.allow_from,
        port: gateway::port(&topology.gateway),
        egress: egress(topology, engines, base),
        redis: own_redis(topology),
        engines: engines.ports(),
    };
    fill(POLICIES, &values)
}

/// Whom the gateway speaks to, as the rules of its policy.
pub(super) fn egress(
    topology: &Topology,
    engines: &Engines,
    environment: &Environment<'_>,
) -> String {
    #[derive(Serialize)]
    struct Values<'t> {
        spec: &'t str,
        engines: BTreeSet<u16>,
        mock: Option<(String, u16)>,
        redis: Option<String>,
        ports: Vec<Port>,
    }
    #[derive(Serialize)]
    struct Port {
        number: u16,
        origins: Vec<&'static str>,
    }
    let spec = &topology.name;
    let upstreams = environment.ports.iter().map(|&port| (port, "upstreams"));
    let issuer = topology.jwt.as_ref().and_then(Jwt::jwks);
    let issuer = issuer.and_then(|jwks| jwks.url.as_deref());
    let issuer = issuer.and_then(port_of).map(|port| (port, "auth.jwt.jwks"));
    let collector = topology.otlp.as_ref().and_then(|it| it.endpoint.as_ref());
    let collector = collector.and_then(Endpoint::host_and_port);
    let collector = collector.map(|(_, port)| (port, "telemetry.otlp"));
    // Its URL is a secret, so these are the ports that people use.
    let is_elsewhere = topology.store.is_some() && own_redis(topology).is_none();
    let store = [6379, 6380].map(|port| (port, "store.redis"));
    let store = store.into_iter().filter(|_| is_elsewhere);
    let all = upstreams.chain(issuer).chain(collector).chain(store);
    let mut ports: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (port, origin) in all {
        ports.entry(port).or_default().push(origin);
    }
    let port = |(number, origins)| Port { number, origins };
    let values = Values {
        spec,
        engines: if environment.engines.is_empty() {
            BTreeSet::new()
        } else {
            engines.ports()
        },
        mock: (!environment.mocked.is_empty()).then(|| (names::mock(spec), mock::PORT)),
        redis: own_redis(topology),
        ports: ports.into_iter().map(port).collect(),
    };
    fill(EGRESS, &values).trim_end().to_owned()
}

/// The name of the Redis beside the gateway.
fn own_redis(topology: &Topology) -> Option<String> {
    redis_address(topology).map(|_| names::redis(&topology.name))
}

fn port_of(url: &str) -> Option<u16> {
    let endpoint = if url.starts_with("https://") {
        Endpoint::Https(url.to_owned())
    } else {
        Endpoint::Http(url.to_owned())
    };
    endpoint.host_and_port().map(|(_, port)| port)
}
