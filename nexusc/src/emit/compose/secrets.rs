//! Files that containers read when they start: secrets of compose, each by the path that the spec has for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::text;
use crate::emit::environment;
use crate::ir::Topology;
use crate::ir::receiver::{Receiver, Webhook};

/// Files by path.
pub(super) type Files<'t> = BTreeMap<&'t str, File>;

/// A file of the machine.
#[derive(Serialize)]
pub(super) struct File {
    /// The tables that name it.
    origins: BTreeSet<String>,
    /// Its name among the secrets of the compose file.
    name: String,
    /// Where it is, from the folder of the compose file.
    source: String,
}

/// A file as a container has it.
#[derive(Serialize)]
pub(super) struct Mounted {
    name: String,
    target: String,
}

/// Every file that a container of this topology reads.
pub(super) fn of(topology: &Topology) -> Files<'_> {
    let mut origins: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let of_nginx = topology.deploy.compose.nginx.iter().flat_map(|nginx| {
        let identity = nginx.identity.as_ref();
        let files = identity.map(|identity| [&identity.certificate, &identity.private_key]);
        let files = files.into_iter().flatten();
        files.map(|file| (file.as_str(), nginx.path.to_string()))
    });
    let all = of_gateway(topology)
        .chain(of_receivers(topology))
        .chain(of_nginx);
    for (path, origin) in all {
        origins.entry(path).or_default().insert(origin);
    }
    let names = text::names_of_paths(origins.keys().copied());
    let file = |((path, origins), name): ((_, BTreeSet<String>), String)| {
        let source = format!("./secrets/{name}");
        let file = File {
            origins,
            name,
            source,
        };
        (path, file)
    };
    origins.into_iter().zip(names).map(file).collect()
}

/// The files without which the gateway does not start, with what names each.
pub(super) fn of_gateway(topology: &Topology) -> impl Iterator<Item = (&str, String)> {
    environment::secrets(topology)
        .into_iter()
        .filter_map(|secret| Some((secret.file?, secret.origin)))
}

/// Those of the receivers of alerts: of Alertmanager, or of Grafana in its place.
pub(super) fn of_receivers(topology: &Topology) -> impl Iterator<Item = (&str, String)> {
    let deploy = &topology.deploy;
    let is_told = deploy.has_alertmanager() || deploy.grafana.alerting;
    let receivers = topology.receivers.iter().filter(move |_| is_told);
    receivers.flat_map(|receiver| {
        let Receiver {
            slack,
            email,
            webhook,
            ..
        } = receiver;
        let of_webhook = webhook.as_ref().and_then(Webhook::file);
        let of_email = email
            .as_ref()
            .and_then(|email| email.password_file.as_deref());
        let files = [
            slack.as_ref().map(|slack| slack.url_file.as_str()),
            of_email,
            of_webhook,
        ];
        let files = files.into_iter().flatten();
        files.map(|file| (file, receiver.path.to_string()))
    })
}

/// These files as a container has them, each at its path.
pub(super) fn mounted<'t>(
    files: impl Iterator<Item = (&'t str, String)>,
    all: &Files<'t>,
) -> Vec<Mounted> {
    let mut paths: Vec<&str> = files.map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    let mounted = |path| Some(at(all.get(path)?, path));
    paths.into_iter().filter_map(mounted).collect()
}

/// A file as a container has it, at this path.
pub(super) fn at(file: &File, path: &str) -> Mounted {
    Mounted {
        name: file.name.clone(),
        target: text::literal(path),
    }
}
