//! Prometheus, Alertmanager and Grafana, with the files that are emitted for them.

use serde::Serialize;

use super::secrets::{self, Files, Mounted};
use super::{on_loopback, text};
use crate::conventions::image;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;
use crate::ir::receiver::Email;

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Prometheus {
    image: &'static str,
    port: String,
    /// Whether the gateway asks for a certificate of clients.
    shows_certificate: bool,
}

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Alertmanager {
    image: &'static str,
    port: String,
    files: Vec<Mounted>,
}

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Grafana {
    image: &'static str,
    port: String,
    has_prometheus: bool,
    /// What it reads where it tells of alerts.
    files: Vec<Mounted>,
    mail: Option<Mail>,
}

/// How Grafana sends all of its mails.
#[derive(Serialize)]
struct Mail {
    origin: String,
    server: String,
    from: String,
    user: Option<String>,
    password_file: Option<String>,
}

pub(super) fn prometheus(topology: &Topology) -> Prometheus {
    Prometheus {
        image: image::PROMETHEUS,
        port: on_loopback(topology.deploy.compose.ports.prometheus, 9090),
        shows_certificate: topology
            .gateway
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_ca.is_some()),
    }
}

pub(super) fn alertmanager<'t>(topology: &'t Topology, all: &Files<'t>) -> Alertmanager {
    Alertmanager {
        image: image::ALERTMANAGER,
        port: on_loopback(topology.deploy.compose.ports.alertmanager, 9093),
        files: secrets::mounted(secrets::of_receivers(topology), all),
    }
}

pub(super) fn grafana<'t>(topology: &'t Topology, all: &Files<'t>) -> Grafana {
    let alerting = topology.deploy.grafana.alerting;
    let files = secrets::of_receivers(topology).filter(|_| alerting);
    Grafana {
        image: image::GRAFANA,
        port: on_loopback(topology.deploy.compose.ports.grafana, 3000),
        has_prometheus: topology.deploy.artifacts.contains(&Artifact::Prometheus),
        files: secrets::mounted(files, all),
        mail: alerting.then(|| mail(topology)).flatten(),
    }
}

/// The mail server of the receivers, of whom NX0871 demands that they have the same.
fn mail(topology: &Topology) -> Option<Mail> {
    let mut receivers = topology.receivers.iter();
    let (path, email) = receivers.find_map(|receiver| {
        let email = receiver.email.as_ref()?;
        Some((receiver.path.key("email"), email))
    })?;
    let Email {
        to: _,
        from,
        server,
        user,
        password_file,
    } = email;
    let literal = |text: &String| text::literal(text);
    Some(Mail {
        origin: path.to_string(),
        server: literal(server),
        from: literal(from),
        user: user.as_ref().map(literal),
        password_file: password_file.as_ref().map(literal),
    })
}
