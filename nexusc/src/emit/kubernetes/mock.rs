//! What answers in the place of upstreams, in an overlay whose servers are mocks: it needs neither a GPU nor weights.

use serde::Serialize;

use crate::conventions::{self, image, kubernetes as names};
use crate::emit::kubernetes::environment::Environment;
use crate::emit::kubernetes::literal;
use crate::emit::mock;
use crate::emit::yaml::fill;
use crate::ir::{Overlay, Topology};

const MOCK: &str = include_str!("../../../../templates/deploy/kubernetes/mock.yaml");

/// Its file with its name; `None` where it would answer for nobody.
pub(super) fn manifest(
    topology: &Topology,
    overlay: &Overlay,
    environment: &Environment<'_>,
) -> Option<(String, String)> {
    #[derive(Serialize)]
    struct Values<'t> {
        header: String,
        origin: String,
        spec: &'t str,
        name: String,
        image: String,
        user: u32,
        listen: String,
        port: u16,
        models: Vec<String>,
    }
    if environment.mocked.is_empty() {
        return None;
    }
    let spec = &topology.name;
    let values = Values {
        header: conventions::header(spec),
        origin: overlay.path.key("servers").to_string(),
        spec,
        name: names::mock(spec),
        image: format!("{}:latest", image::mock(&topology.deploy.image)),
        user: conventions::USER,
        listen: format!("0.0.0.0:{}", mock::PORT),
        port: mock::PORT,
        models: mock::models(topology, &environment.mocked)
            .into_iter()
            .map(literal)
            .collect(),
    };
    Some(("mock.yaml".to_owned(), fill(MOCK, &values)))
}
