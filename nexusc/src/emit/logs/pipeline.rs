//! `shipper.yaml` and `indexer.yaml`, which are Vector's, with their tests; and the script that prepares what they
//! write to.

use decide::log::{
    ACCESS, CLIENT_IP, DURATION, LEVEL, LOGGER, MESSAGE, METHOD, MODEL, PATH, STATUS, TIMESTAMP,
};
use decide::metric::INFERENCE;
use serde::Serialize;
use serde_json::json;

use crate::conventions;
use crate::emit::{template, yaml};
use crate::ir::Topology;

const SHIPPER: &str = include_str!("../../../../templates/deploy/logs/shipper.yaml");
const INDEXER: &str = include_str!("../../../../templates/deploy/logs/indexer.yaml");
const BOOTSTRAP: &str = include_str!("../../../../templates/deploy/logs/bootstrap.sh");

/// From Docker to Kafka.
pub(super) fn shipper(topology: &Topology) -> String {
    yaml::fill(SHIPPER, &Values::of(topology))
}

/// From Kafka to Elasticsearch.
pub(super) fn indexer(topology: &Topology) -> String {
    yaml::fill(INDEXER, &Values::of(topology))
}

/// What tells Elasticsearch and Kibana of the lines.
pub(super) fn bootstrap(topology: &Topology) -> String {
    #[derive(Serialize)]
    struct Script {
        header: String,
        topic: &'static str,
    }
    let script = Script {
        header: conventions::header(&topology.name),
        topic: conventions::LOG_TOPIC,
    };
    template::fill(BOOTSTRAP, &script)
}

#[derive(Serialize)]
struct Values<'t> {
    header: String,
    spec: &'t str,
    service: &'static str,
    gateway: &'static str,
    instance: &'static str,
    topic: &'static str,
    /// The index of a day, as Vector writes dates.
    index: String,
    timestamp: &'static str,
    status: &'static str,
    path: &'static str,
    chat: &'static str,
    container: String,
    /// A line as the gateway writes them.
    line: String,
}

impl<'t> Values<'t> {
    fn of(topology: &'t Topology) -> Self {
        let [chat, ..] = INFERENCE;
        let model = topology.models.iter().next();
        let line = json!({
            TIMESTAMP.name: "2026-01-02T03:04:05.678Z",
            LEVEL.name: "info",
            MESSAGE.name: "request",
            LOGGER.name: ACCESS,
            METHOD.name: "POST",
            PATH.name: chat,
            STATUS.name: 200,
            DURATION.name: 1234.5,
            CLIENT_IP.name: "203.0.113.7",
            MODEL.name: model.map(|model| &model.name),
        });
        Self {
            header: conventions::header(&topology.name),
            spec: &topology.name,
            service: conventions::GATEWAY,
            gateway: conventions::LOG_GATEWAY,
            instance: conventions::LOG_INSTANCE,
            topic: conventions::LOG_TOPIC,
            index: format!("{}%Y.%m.%d", conventions::LOG_INDEX),
            timestamp: TIMESTAMP.name,
            status: STATUS.name,
            path: PATH.name,
            chat,
            container: format!("{}-{}-1", topology.name, conventions::GATEWAY),
            line: line.to_string(),
        }
    }
}
