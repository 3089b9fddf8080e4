//! The services of a spec, and nginx.

use serde::Serialize;

use super::secrets::{self, Files, Mounted};
use super::text;
use crate::conventions::image;
use crate::ir::Topology;
use crate::ir::compose::{self, Service};

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Container<'t> {
    origin: String,
    name: &'t str,
    image: &'t str,
    port: Option<String>,
    environment: Vec<(&'t str, String)>,
    health: Option<String>,
    /// The volume and its folder.
    volume: Option<(&'t str, String)>,
    after: Vec<&'t str>,
}

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Nginx {
    origin: String,
    image: &'static str,
    port: String,
    /// The most open files of each of its processes.
    descriptors: u64,
    files: Vec<Mounted>,
}

/// The services, by name.
pub(super) fn all<'t>(topology: &'t Topology) -> Vec<Container<'t>> {
    let services = &topology.deploy.compose.services;
    let container = |service: &'t Service| {
        let Service {
            name,
            path,
            image,
            port,
            environment,
            health,
            data,
            after,
        } = service;
        Container {
            origin: path.to_string(),
            name,
            image,
            port: port.map(|port| format!("127.0.0.1:{port}:{port}")),
            environment: environment
                .iter()
                .map(|name| (name.as_str(), text::required(name)))
                .collect(),
            health: health.as_deref().map(text::literal),
            volume: data
                .as_deref()
                .map(|folder| (name.as_str(), text::literal(folder))),
            after: after
                .iter()
                .map(|id| services.get(*id).name.as_str())
                .collect(),
        }
    };
    services.iter().map(container).collect()
}

pub(super) fn nginx(topology: &Topology, nginx: &compose::Nginx, all: &Files<'_>) -> Nginx {
    let file = |file: &String, at| Some(secrets::at(all.get(file.as_str())?, at));
    let files = nginx.identity.as_ref().map(|identity| {
        let certificate = file(&identity.certificate, crate::emit::nginx::CERTIFICATE);
        [
            certificate,
            file(&identity.private_key, crate::emit::nginx::PRIVATE_KEY),
        ]
    });
    Nginx {
        files: files.into_iter().flatten().flatten().collect(),
        origin: nginx.path.to_string(),
        image: image::NGINX,
        port: format!("{}:{}", nginx.port, crate::emit::nginx::PORT),
        descriptors: crate::emit::nginx::descriptors(topology),
    }
}
