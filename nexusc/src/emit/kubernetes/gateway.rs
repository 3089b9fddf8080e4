//! The gateway itself: what runs, how it is reached, how many there are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::conventions::{self, kubernetes as names};
use crate::emit::kubernetes::Setting;
use crate::emit::kubernetes::secrets::{Secrets, secrets};
use crate::emit::yaml::fill;
use crate::ir::kubernetes::{Exposure, Replicas};
use crate::ir::{Gateway, Topology};
use crate::plan::resident::{BODIES, Resident, resident};
use crate::unit::duration;

const AUTOSCALER: &str = include_str!("../../../../templates/deploy/kubernetes/autoscaler.yaml");
const BUDGET: &str = include_str!("../../../../templates/deploy/kubernetes/disruption-budget.yaml");
const DEPLOYMENT: &str = include_str!("../../../../templates/deploy/kubernetes/deployment.yaml");
const INGRESS: &str = include_str!("../../../../templates/deploy/kubernetes/ingress.yaml");
const LOAD_BALANCER: &str =
    include_str!("../../../../templates/deploy/kubernetes/load-balancer.yaml");
const MONITOR: &str = include_str!("../../../../templates/deploy/kubernetes/service-monitor.yaml");
const SERVICE: &str = include_str!("../../../../templates/deploy/kubernetes/service.yaml");

/// How long a pod that ends waits before it tells the gateway: endpoints are told of it meanwhile.
const PAUSE: u64 = 5;

/// What the gateway has to end after `shutdown_grace`.
const MARGIN: u64 = 5;

/// How long an ingress waits for the next byte where no request has an end.
const LONG: Duration = Duration::from_secs(3600);

/// The files of the gateway, by name.
pub(super) fn manifests(topology: &Topology) -> Vec<(String, String)> {
    let front = Front::of(topology);
    let expose = &topology.deploy.kubernetes.expose;
    let operator = topology.deploy.kubernetes.prometheus_operator;
    let all = [
        ("autoscaler.yaml", AUTOSCALER, true),
        ("deployment.yaml", DEPLOYMENT, true),
        ("disruption-budget.yaml", BUDGET, true),
        ("ingress.yaml", INGRESS, expose.contains(&Exposure::Ingress)),
        (
            "load-balancer.yaml",
            LOAD_BALANCER,
            expose.contains(&Exposure::LoadBalancer),
        ),
        ("service.yaml", SERVICE, true),
        ("service-monitor.yaml", MONITOR, operator),
    ];
    let emitted = all.into_iter().filter(|(_, _, is_emitted)| *is_emitted);
    emitted
        .map(|(name, template, _)| (name.to_owned(), fill(template, &front)))
        .collect()
}

/// What the manifests of the gateway say.
#[derive(Serialize)]
struct Front<'t> {
    header: String,
    /// `deploy.kubernetes`
    origin: String,
    spec: &'t str,
    namespace: &'t str,
    image: String,
    #[serde(flatten)]
    secrets: Secrets<'t>,
    scheme: &'static str,
    port: u16,
    service_port: u16,
    probes: [Probe; 3],
    clients_present_certificates: bool,
    shutdown_grace: String,
    termination_seconds: u64,
    memory: Memory,
    load_balancer: String,
    scraper: String,
    scrape_interval: String,
    host: &'t str,
    read_timeout: String,
    max_body: String,
    replicas: Replicas,
}

#[derive(Serialize)]
struct Probe {
    name: &'static str,
    reason: &'static str,
    /// What is asked for; without, that its port is open is enough.
    path: Option<&'static str>,
    period: u64,
    timeout: u64,
    failures: u64,
}

/// How the cluster sees that a gateway has started, that it takes new clients, and that it lives.
///
/// A gateway at `max_connections` answers nobody new. It is not ready then, so that new clients go where there is room;
/// and it lives: its end would be that of all its streams, when the load is highest. So for liveness it is enough that
/// the kernel takes a connection for it. One that hangs is not ready either; it is ended when its queues, of 4,096
/// connections for each worker, are full of what nobody has taken. Sooner the two cannot be told apart through the port
/// of clients.
fn probes(clients_present_certificates: bool) -> [Probe; 3] {
    // The kubelet has no certificate to present.
    let asked = |path| (!clients_present_certificates).then_some(path);
    [
        Probe {
            name: "startupProbe",
            reason: "A minute to start; it takes milliseconds, or ends and says what it lacks.",
            path: asked("/ready"),
            period: 1,
            timeout: 1,
            failures: 60,
        },
        Probe {
            name: "readinessProbe",
            reason: if clients_present_certificates {
                "Not ready from the moment at which it is asked to stop."
            } else {
                "Not ready when it is asked to stop, nor at `max_connections`: new clients go where there is room."
            },
            path: asked("/ready"),
            period: 2,
            timeout: 1,
            failures: 2,
        },
        Probe {
            name: "livenessProbe",
            reason: "Its port is open. At `max_connections` it answers nobody new, and its streams must not end for it.",
            path: None,
            period: 10,
            timeout: 5,
            failures: 6,
        },
    ]
}

impl<'t> Front<'t> {
    fn of(topology: &'t Topology) -> Self {
        let spec = &topology.name;
        let settings = &topology.deploy.kubernetes;
        let gateway = &topology.gateway;
        let longest = topology.longest_request().unwrap_or(LONG);
        let tls = gateway.tls.as_ref();
        let clients_present_certificates = tls.is_some_and(|tls| tls.client_ca.is_some());
        Self {
            header: conventions::header(spec),
            origin: settings.path.to_string(),
            spec,
            namespace: &settings.environment.namespace,
            // Which version runs is for a release to say.
            image: format!("{}:latest", topology.deploy.image),
            secrets: secrets(topology),
            scheme: scheme(gateway),
            port: port(gateway),
            service_port: if gateway.tls.is_some() { 443 } else { 80 },
            probes: probes(clients_present_certificates),
            clients_present_certificates,
            shutdown_grace: duration::shown(gateway.shutdown_grace),
            termination_seconds: PAUSE + ceiled(gateway.shutdown_grace) + MARGIN,
            memory: memory(topology),
            load_balancer: names::load_balancer(spec),
            scraper: names::scraper(spec),
            scrape_interval: duration::shown(topology.deploy.prometheus.scrape_interval),
            host: &settings.environment.host,
            read_timeout: ceiled(longest).to_string(),
            max_body: gateway.max_body.to_string(),
            replicas: settings.environment.replicas,
        }
    }
}

/// The scheme that clients speak; ports are named after it.
pub(super) fn scheme(gateway: &Gateway) -> &'static str {
    if gateway.tls.is_some() {
        "https"
    } else {
        "http"
    }
}

/// The port that the gateway listens on in its pod: the spec's, where a process without rights may.
pub(super) fn port(gateway: &Gateway) -> u16 {
    match gateway.listen.port() {
        0..1024 if gateway.tls.is_some() => 8443,
        0..1024 => 8080,
        port => port,
    }
}

/// What the gateway is told by its config map.
pub(super) fn settings(topology: &Topology) -> Vec<Setting> {
    let setting = |origin: Option<&str>, note, name: &str, value: String| Setting {
        origin: origin.map(str::to_owned),
        note,
        literal: format!("{name}={value}"),
    };
    let (name, _) = conventions::LOG_LEVEL;
    let note = "error, warn, info or debug";
    let mut settings = vec![setting(None, note, name, "info".to_owned())];
    let (listen, port) = (topology.gateway.listen, port(&topology.gateway));
    if !listen.ip().is_unspecified() || port != listen.port() {
        let any: IpAddr = match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (name, _) = conventions::LISTEN;
        let address = SocketAddr::new(any, port).to_string();
        let note = "a pod is reached at an address of its own";
        settings.push(setting(Some("gateway.listen"), note, name, address));
    }
    if topology.audit.as_ref().is_some_and(|it| it.file.is_some()) {
        let (name, _) = conventions::AUDIT_FILE;
        let note = "records go with the log, since files of a pod end with it";
        settings.push(setting(Some("audit.path"), note, name, "-".to_owned()));
    }
    settings
}

/// What the gateway may use.
#[derive(Serialize)]
struct Memory {
    request: String,
    limit: String,
    bodies: u64,
}

fn memory(topology: &Topology) -> Memory {
    let Resident { usual, most } = resident(topology);
    Memory {
        request: format!("{usual}Mi"),
        limit: format!("{most}Mi"),
        bodies: BODIES,
    }
}

fn ceiled(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
