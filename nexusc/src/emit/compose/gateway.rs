//! The gateway's own container.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use decide::descriptors::needed;
use serde::Serialize;

use super::secrets::{self, Files, Mounted};
use super::text;
use crate::conventions::{self, container};
use crate::emit::dockerfile::audit_folder;
use crate::emit::environment;
use crate::ir::{Endpoint, Secret, Topology};
use crate::plan::containers;
use crate::plan::resident::{BODIES, resident};

/// What the gateway has beside its `shutdown_grace`, in seconds, before it is killed.
const LONGER: u64 = 10;

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Gateway {
    image: String,
    dockerfile: String,
    user: String,
    user_id: u32,
    /// What it is published as; `None` where nginx stands in front of it.
    port: Option<String>,
    /// Where it listens in its container, if not where the spec says.
    listen: Option<SocketAddr>,
    /// The seconds that it has to stop.
    stop: u64,
    /// The most memory in MiB.
    memory: u64,
    /// The bodies of requests that it has room for at once.
    bodies: u64,
    /// The most open files.
    descriptors: u64,
    http2: bool,
    /// Secrets, and addresses that differ in a container.
    variables: Vec<Variable>,
    /// What is handed on if `.env` has it.
    optional: Vec<String>,
    /// Whether something that it asks runs on the machine itself.
    asks_the_machine: bool,
    /// The GPUs whose state it tells: `0,1`.
    gpus: Option<String>,
    has_redis: bool,
    audit_folder: Option<String>,
    files: Vec<Mounted>,
}

#[derive(Serialize)]
struct Variable {
    origins: BTreeSet<String>,
    name: String,
    value: String,
}

pub(super) fn of<'t>(topology: &'t Topology, files: &Files<'t>) -> Gateway {
    let mut variables = secret_variables(topology);
    let common = conventions::COMMON_VARIABLES.iter();
    let mut optional: Vec<String> = common
        .map(|(name, _)| (*name).to_owned())
        // Ports are published by the number that the spec says.
        .filter(|name| name != conventions::LISTEN.0)
        .collect();
    let mut asks_the_machine = false;
    for address in addresses(topology) {
        match address.in_container {
            Some((url, is_on_machine)) => {
                asks_the_machine |= is_on_machine;
                variables.push(Variable {
                    origins: BTreeSet::from([address.origin]),
                    value: text::or_else(&address.variable, &url),
                    name: address.variable,
                });
            }
            None => optional.push(address.variable),
        }
    }
    let listen = topology.gateway.listen;
    let folder = conventions::deploy_folder(&topology.name);
    Gateway {
        image: text::image(&topology.deploy.image, ":-latest"),
        dockerfile: format!("{folder}/{}", conventions::DOCKERFILE),
        user: format!("{0}:{0}", conventions::USER),
        user_id: conventions::USER,
        port: topology
            .deploy
            .compose
            .nginx
            .is_none()
            .then(|| published(listen)),
        listen: listens_elsewhere(listen),
        stop: in_seconds(topology.gateway.shutdown_grace) + LONGER,
        memory: resident(topology).most,
        bodies: BODIES,
        descriptors: descriptors(topology),
        http2: topology.gateway.http2,
        variables,
        optional,
        asks_the_machine,
        gpus: topology.has_own_gpus().then(|| {
            let indices = watched(topology);
            let indices: Vec<String> = indices.iter().map(u64::to_string).collect();
            indices.join(",")
        }),
        has_redis: containers::redis(topology).is_some(),
        audit_folder: audit_folder(topology).map(|folder| text::literal(&folder)),
        files: secrets::mounted(secrets::of_gateway(topology), files),
    }
}

/// A socket as compose publishes it: `8080:8080`, `127.0.0.1:8080:8080`.
fn published(listen: SocketAddr) -> String {
    let port = listen.port();
    match listen.ip() {
        ip if ip.is_unspecified() => format!("{port}:{port}"),
        IpAddr::V4(ip) => format!("{ip}:{port}:{port}"),
        IpAddr::V6(ip) => format!("[{ip}]:{port}:{port}"),
    }
}

/// Where a gateway listens in a container, whose only address from outside is not known before it starts; `None` where
/// it listens everywhere anyway.
pub(crate) fn listens_elsewhere(listen: SocketAddr) -> Option<SocketAddr> {
    let everywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), listen.port());
    (!listen.ip().is_unspecified()).then_some(everywhere)
}

/// The GPUs of the machine that the gateway looks at, as `nvidia-smi` counts.
pub(crate) fn watched(topology: &Topology) -> Vec<u64> {
    let indices = topology.gpus.iter().filter_map(|gpu| gpu.index);
    let mut indices: Vec<u64> = indices.collect();
    indices.sort_unstable();
    indices
}

/// Whole seconds, and no fewer than these.
pub(crate) fn in_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// What the process asks the system for when it starts, so that it need not accept fewer clients than the spec says; and
/// some for what it asks beside requests: health checks, the store, the collector, copies, kept connections.
pub(crate) fn descriptors(topology: &Topology) -> u64 {
    const BESIDE: u64 = 1024;
    let gateway = &topology.gateway;
    needed(gateway.max_connections, gateway.http2).saturating_add(BESIDE)
}

/// The secrets that are variables, by name.
fn secret_variables(topology: &Topology) -> Vec<Variable> {
    let redis = containers::redis(topology).and_then(|store| match &store.url {
        Some(Secret::Env(variable)) => Some(variable.as_str()),
        _ => None,
    });
    let mut origins: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for secret in environment::secrets(topology) {
        if let Some(name) = secret.variable {
            origins.entry(name).or_default().insert(secret.origin);
        }
    }
    let variable = |(name, origins): (&str, BTreeSet<String>)| Variable {
        origins,
        name: name.to_owned(),
        value: if redis == Some(name) {
            text::or_else(name, &format!("redis://{}:6379", container::REDIS))
        } else {
            text::required(name)
        },
    };
    origins.into_iter().map(variable).collect()
}

/// An address that a variable replaces.
struct Address {
    origin: String,
    variable: String,
    /// The address in a container, where it is another one there, and whether it is on the machine outside of it.
    in_container: Option<(String, bool)>,
}

/// The addresses of a gateway that its environment may replace.
fn addresses(topology: &Topology) -> Vec<Address> {
    let of_upstreams = topology.upstreams.iter().filter_map(|upstream| {
        let in_container = match containers::of_engine(upstream) {
            Some(name) if upstream.endpoint.is_on_this_machine() => {
                at_host(&upstream.endpoint, name).map(|url| (url, false))
            }
            Some(_) => None,
            None => on_machine(&upstream.endpoint),
        };
        let has_address = upstream.endpoint.host_and_port().is_some();
        has_address.then(|| Address {
            origin: upstream.path.to_string(),
            variable: conventions::upstream_url_variable(&upstream.name),
            in_container,
        })
    });
    let collector = topology.otlp.as_ref().map(|otlp| Address {
        origin: otlp.path.to_string(),
        variable: conventions::COLLECTOR.0.to_owned(),
        in_container: otlp.endpoint.as_ref().and_then(on_machine),
    });
    let issuer = topology.jwt.as_ref().and_then(|jwt| jwt.jwks());
    let issuer = issuer.map(|jwks| Address {
        origin: jwks.path.to_string(),
        variable: conventions::JWKS_URL_VARIABLE.to_owned(),
        in_container: jwks.url.clone().and_then(|url| {
            let endpoint = if jwks.is_encrypted() {
                Endpoint::Https(url)
            } else {
                Endpoint::Http(url)
            };
            on_machine(&endpoint)
        }),
    });
    of_upstreams.chain(collector).chain(issuer).collect()
}

/// An address of the machine as a container reaches it.
fn on_machine(endpoint: &Endpoint) -> Option<(String, bool)> {
    const MACHINE: &str = "host.docker.internal";
    if !endpoint.is_on_this_machine() {
        return None;
    }
    at_host(endpoint, MACHINE).map(|url| (url, true))
}

/// The same address at another host.
fn at_host(endpoint: &Endpoint, host: &str) -> Option<String> {
    let (Endpoint::Http(url) | Endpoint::Https(url)) = endpoint else {
        return None;
    };
    let (_, port) = endpoint.host_and_port()?;
    let (scheme, rest) = url.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let slash = if path.is_empty() { "" } else { "/" };
    Some(format!("{scheme}://{host}:{port}{slash}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_machine_keeps_its_port_and_path() {
        let of = |url: &str| on_machine(&Endpoint::Http(url.to_owned()));
        let machine = |url: &str| Some((url.to_owned(), true));
        assert_eq!(
            of("http://localhost:8000/engine"),
            machine("http://host.docker.internal:8000/engine")
        );
        assert_eq!(
            of("http://[::1]"),
            machine("http://host.docker.internal:80")
        );
        assert_eq!(of("http://vllm:8000"), None);
    }

    #[test]
    fn an_address_of_its_own_is_published_and_not_listened_at() {
        let of = |text: &str| {
            let listen: SocketAddr = text.parse().expect("an address");
            (published(listen), listens_elsewhere(listen).is_some())
        };
        assert_eq!(of("0.0.0.0:80"), ("80:80".to_owned(), false));
        assert_eq!(of("[::]:80"), ("80:80".to_owned(), false));
        assert_eq!(of("127.0.0.1:80"), ("127.0.0.1:80:80".to_owned(), true));
        assert_eq!(of("[::1]:80"), ("[::1]:80:80".to_owned(), true));
    }
}
