//! What an environment varies: addresses, the choice of the image, a mock in the place of engines.

use std::collections::BTreeSet;

use serde::Serialize;

use super::text;
use crate::conventions::{self, container};
use crate::emit::mock;
use crate::emit::yaml::fill;
use crate::ir::table::Id;
use crate::ir::{Endpoint, Overlay, Servers, Topology, Upstream};
use crate::plan::containers;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/compose/overlay.yaml");

pub(super) fn text(topology: &Topology, overlay: &Overlay) -> String {
    let has_mock = overlay.servers == Servers::Mock;
    let given: BTreeSet<Id<Upstream>> = overlay
        .addresses
        .iter()
        .map(|address| address.upstream)
        .collect();
    let mut addresses: Vec<Address> = overlay
        .addresses
        .iter()
        .filter_map(|address| {
            let (Endpoint::Http(url) | Endpoint::Https(url)) = &address.endpoint else {
                return None;
            };
            let upstream = topology.upstreams.get(address.upstream);
            let variable = conventions::upstream_url_variable(&upstream.name);
            Some(Address {
                origin: Some(address.path.to_string()),
                value: text::or_else(&variable, url),
                variable,
            })
        })
        .collect();
    let mocked = mock::answers_for(topology, overlay);
    addresses.extend(mocked.iter().map(|&id| Address {
        origin: None,
        variable: conventions::upstream_url_variable(&topology.upstreams.get(id).name),
        value: format!("http://{}:{}", container::MOCK, mock::PORT),
    }));
    // An engine that nobody asks here does not start.
    let idle = containers::engines(topology)
        .filter(|(id, ..)| given.contains(id) || mocked.contains(id))
        .map(|(_, _, name)| name)
        .collect();
    let folder = format!("overlays/{}", overlay.name);
    let file = File {
        header: conventions::header(&topology.name),
        file: format!("{folder}/{}", conventions::COMPOSE),
        environment: format!("{folder}/.env"),
        name: &overlay.name,
        profile: overlay.profile.as_deref(),
        origin: overlay.path.to_string(),
        image: overlay
            .production
            .then(|| text::image(&topology.deploy.image, ":?set it in .env")),
        addresses,
        idle,
        has_no_gpus: has_mock && topology.has_own_gpus(),
        mock: has_mock.then(|| Mock {
            origin: overlay.path.key("servers").to_string(),
            dockerfile: format!(
                "{}/{}",
                conventions::deploy_folder(&topology.name),
                conventions::DOCKERFILE
            ),
            image: text::mock_image(&topology.deploy.image),
            listen: format!("0.0.0.0:{}", mock::PORT),
            models: mock::models(topology, &mocked)
                .into_iter()
                .map(text::literal)
                .collect(),
        }),
    };
    fill(TEMPLATE, &file)
}

/// What the template is filled with.
#[derive(Serialize)]
struct File<'t> {
    header: String,
    file: String,
    environment: String,
    name: &'t str,
    /// The profile whose engines run.
    profile: Option<&'t str>,
    origin: String,
    /// In production its tag must be chosen.
    image: Option<String>,
    addresses: Vec<Address>,
    idle: Vec<&'t str>,
    /// Whether the gateway does without the GPUs of the base.
    has_no_gpus: bool,
    mock: Option<Mock>,
}

#[derive(Serialize)]
struct Address {
    /// `None`: the mock's.
    origin: Option<String>,
    variable: String,
    value: String,
}

#[derive(Serialize)]
struct Mock {
    origin: String,
    image: String,
    dockerfile: String,
    listen: String,
    models: Vec<String>,
}
