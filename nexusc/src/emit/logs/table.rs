//! `README.md`: how lines get to where they are searched, the searches, and the fields as a table.

use decide::log::{FIELDS, Kind, PRINCIPAL};
use serde::Serialize;

use crate::conventions;
use crate::emit::logs::kibana::dashboard_title;
use crate::emit::logs::mapping_type;
use crate::emit::logs::search::searches;
use crate::emit::template::fill;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/logs/README.md");

pub(super) fn readme(topology: &Topology) -> String {
    let of_records = topology.audit.as_ref().map(|_| PRINCIPAL);
    let of_the_gateway = FIELDS.into_iter().chain(of_records).map(|field| Row {
        name: field.name,
        kind: in_json(field.kind),
        mapping: mapping_type(field.kind),
        about: field.about,
    });
    let of_the_way = [
        (
            conventions::LOG_GATEWAY,
            "which gateway: the name of its spec; added on the way",
        ),
        (
            conventions::LOG_INSTANCE,
            "which replica: the name of its container; added on the way",
        ),
    ]
    .map(|(name, about)| Row {
        name,
        kind: in_json(Kind::Word),
        mapping: mapping_type(Kind::Word),
        about,
    });
    let searches = searches(topology).map(|search| Found {
        title: search.title,
        query: search.query,
    });
    let page = Page {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        topic: conventions::LOG_TOPIC,
        has_compose: topology.deploy.artifacts.contains(&Artifact::Compose),
        index: conventions::LOG_INDEX,
        dashboard: dashboard_title(topology),
        searches: searches.into(),
        fields: of_the_gateway.chain(of_the_way).collect(),
    };
    fill(TEMPLATE, &page)
}

/// What the template is filled with. Nothing in it needs an escape in Markdown.
#[derive(Serialize)]
struct Page<'t> {
    header: String,
    spec: &'t str,
    topic: &'static str,
    has_compose: bool,
    index: &'static str,
    dashboard: String,
    searches: Vec<Found>,
    fields: Vec<Row>,
}

#[derive(Serialize)]
struct Found {
    title: &'static str,
    query: String,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    kind: &'static str,
    mapping: &'static str,
    about: &'static str,
}

/// What a value is in a line.
fn in_json(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "time (RFC 3339)",
        Kind::Word | Kind::Text => "string",
        Kind::Count => "integer",
        Kind::Number => "number",
        Kind::Address => "IP address",
    }
}
