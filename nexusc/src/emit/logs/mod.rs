//! `deploy/<spec>/logs/`: the way of log lines from the gateway's containers through Kafka to where they are searched.

mod kibana;
mod pipeline;
mod search;
mod table;

use decide::log::{FIELDS, Kind, PRINCIPAL};
use serde_json::{Map, Value, json};

use crate::conventions;
use crate::emit::FileSet;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Logs) {
        return;
    }
    let folder = format!("{}/logs", conventions::deploy_folder(&topology.name));
    let mut add = |file: &str, text: String| files.add(format!("{folder}/{file}"), text);
    add("shipper.yaml", pipeline::shipper(topology));
    add("indexer.yaml", pipeline::indexer(topology));
    add("index-template.json", index_template(topology));
    add("kibana.ndjson", kibana::saved_objects(topology));
    add("bootstrap.sh", pipeline::bootstrap(topology));
    add("README.md", table::readme(topology));
}

/// What Elasticsearch keeps of lines. What is not listed is kept as well, and not searched. It is the same for every
/// topology, since all gateways write to the same indices.
fn index_template(topology: &Topology) -> String {
    let mut properties = Map::new();
    for field in FIELDS.into_iter().chain([PRINCIPAL]) {
        properties.insert(field.name.to_owned(), mapping(field.kind));
    }
    for name in [conventions::LOG_GATEWAY, conventions::LOG_INSTANCE] {
        properties.insert(name.to_owned(), mapping(Kind::Word));
    }
    let template = json!({
        "_meta": { "generated": conventions::header(&topology.name) },
        "index_patterns": [format!("{}*", conventions::LOG_INDEX)],
        "priority": 200,
        "template": {
            "mappings": { "dynamic": false, "properties": properties },
        },
    });
    // The first line of every emitted file says where it comes from.
    let text = format!("{template:#}\n");
    text.replacen("{\n  \"_meta\": {\n    ", "{ \"_meta\": { ", 1)
        .replacen("\n  },", " },", 1)
}

/// What Elasticsearch makes of a field.
fn mapping(kind: Kind) -> Value {
    match kind {
        Kind::Word => json!({ "type": mapping_type(kind), "ignore_above": 1024 }),
        Kind::Address => json!({ "type": mapping_type(kind), "ignore_malformed": true }),
        Kind::Time | Kind::Text | Kind::Count | Kind::Number => {
            json!({ "type": mapping_type(kind) })
        }
    }
}

/// Its type there.
fn mapping_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "date",
        Kind::Word => "keyword",
        Kind::Text => "text",
        Kind::Count => "long",
        Kind::Number => "double",
        Kind::Address => "ip",
    }
}
