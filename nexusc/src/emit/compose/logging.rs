//! The way of log lines, with the files that are emitted for it: two Vectors, Kafka, Elasticsearch, Kibana, and what
//! tells the last two what lines hold.

use serde::Serialize;

use crate::conventions::{container, image};
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/compose/logging.yaml");

/// Its services as text of the compose file; `None` where the spec has no logs emitted.
pub(super) fn services(topology: &Topology) -> Option<String> {
    #[derive(Serialize)]
    struct Values {
        shipper: &'static str,
        kafka: &'static str,
        bootstrap: &'static str,
        indexer: &'static str,
        elasticsearch: &'static str,
        kibana: &'static str,
        images: Images,
        port: String,
    }
    #[derive(Serialize)]
    struct Images {
        vector: &'static str,
        kafka: &'static str,
        curl: &'static str,
        elasticsearch: &'static str,
        kibana: &'static str,
    }
    if !topology.deploy.artifacts.contains(&Artifact::Logs) {
        return None;
    }
    let values = Values {
        shipper: container::LOG_SHIPPER,
        kafka: container::KAFKA,
        bootstrap: container::LOG_BOOTSTRAP,
        indexer: container::LOG_INDEXER,
        elasticsearch: container::ELASTICSEARCH,
        kibana: container::KIBANA,
        images: Images {
            vector: image::VECTOR,
            kafka: image::KAFKA,
            curl: image::CURL,
            elasticsearch: image::ELASTICSEARCH,
            kibana: image::KIBANA,
        },
        port: super::on_loopback(topology.deploy.compose.ports.kibana, 5601),
    };
    Some(fill(TEMPLATE, &values).trim_end().to_owned())
}
