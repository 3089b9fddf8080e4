//! `kibana.ndjson`: the data view, the searches and a dashboard of them, as Kibana 8.8 exports its saved objects; later
//! ones read them too.

use decide::log::TIMESTAMP;
use serde::Serialize;
use serde_json::{Value, json};

use crate::conventions;
use crate::emit::logs::search::{Search, searches};
use crate::ir::Topology;

/// A saved object, on a line of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SavedObject {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    attributes: Value,
    references: Vec<Reference>,
    managed: bool,
    /// The form of all objects.
    core_migration_version: &'static str,
    /// The form of those of its type.
    type_migration_version: &'static str,
}

/// An object that another one names.
#[derive(Serialize)]
struct Reference {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
}

const DATA_VIEW: &str = "index-pattern";
const SEARCH: &str = "search";

/// Where an object says which data view it is of.
const INDEX: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

/// The dashboard first, since it says where the file comes from.
pub(super) fn saved_objects(topology: &Topology) -> String {
    let searches = searches(topology);
    let mut objects = vec![dashboard(topology, &searches), data_view()];
    objects.extend(searches.iter().map(|it| search(topology, it)));
    let mut lines: Vec<String> = objects.iter().map(line).collect();
    lines.push(line(&json!({
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": objects.len(),
        "missingRefCount": 0,
        "missingReferences": [],
    })));
    lines.concat()
}

/// The name of the dashboard.
pub(super) fn dashboard_title(topology: &Topology) -> String {
    format!("{} / Logs", topology.name)
}

fn line(object: &impl Serialize) -> String {
    format!("{}\n", text(object))
}

/// JSON as a string, which Kibana has inside of its objects.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("text and numbers can be written as JSON")
}

fn object(
    kind: &'static str,
    id: String,
    attributes: Value,
    references: Vec<Reference>,
) -> SavedObject {
    SavedObject {
        kind,
        id,
        attributes,
        references,
        managed: false,
        core_migration_version: "8.8.0",
        type_migration_version: match kind {
            DATA_VIEW => "8.0.0",
            SEARCH => "7.9.3",
            _ => "8.7.0",
        },
    }
}

/// Of the lines of all gateways: other gateways have the same.
fn data_view() -> SavedObject {
    let attributes = json!({
        "title": format!("{}*", conventions::LOG_INDEX),
        "name": "Gateway logs",
        "timeFieldName": TIMESTAMP.name,
    });
    object(
        DATA_VIEW,
        conventions::KIBANA_DATA_VIEW.to_owned(),
        attributes,
        Vec::new(),
    )
}

fn id(topology: &Topology, name: &str) -> String {
    format!("{}-{name}", topology.name)
}

fn search(topology: &Topology, search: &Search) -> SavedObject {
    let source = json!({
        "query": { "query": search.query, "language": "kuery" },
        "filter": [],
        "indexRefName": INDEX,
    });
    let attributes = json!({
        "title": format!("{} / {}", topology.name, search.title),
        "description": search.about,
        "columns": search.columns,
        "sort": [[TIMESTAMP.name, "desc"]],
        "grid": {},
        "hideChart": false,
        "kibanaSavedObjectMeta": { "searchSourceJSON": text(&source) },
    });
    let of = Reference {
        name: INDEX.to_owned(),
        kind: DATA_VIEW,
        id: conventions::KIBANA_DATA_VIEW.to_owned(),
    };
    object(SEARCH, id(topology, search.name), attributes, vec![of])
}

/// The searches, two beside each other.
fn dashboard(topology: &Topology, searches: &[Search]) -> SavedObject {
    const WIDTH: usize = 24;
    const HEIGHT: usize = 15;
    let panel = |(index, search): (usize, &Search)| {
        json!({
            "type": SEARCH,
            "panelIndex": index.to_string(),
            "panelRefName": reference(index),
            "title": search.title,
            "embeddableConfig": {},
            "gridData": {
                "x": index % 2 * WIDTH,
                "y": index / 2 * HEIGHT,
                "w": WIDTH,
                "h": HEIGHT,
                "i": index.to_string(),
            },
        })
    };
    let panels: Vec<Value> = searches.iter().enumerate().map(panel).collect();
    let source = json!({ "query": { "query": "", "language": "kuery" }, "filter": [] });
    let attributes = json!({
        "title": dashboard_title(topology),
        "description": conventions::header(&topology.name),
        "panelsJSON": text(&panels),
        "optionsJSON": text(&json!({ "useMargins": true, "hidePanelTitles": false })),
        "timeRestore": true,
        "timeFrom": "now-1h",
        "timeTo": "now",
        "kibanaSavedObjectMeta": { "searchSourceJSON": text(&source) },
    });
    let shown = searches
        .iter()
        .enumerate()
        .map(|(index, search)| Reference {
            name: reference(index),
            kind: SEARCH,
            id: id(topology, search.name),
        });
    object(
        "dashboard",
        id(topology, "logs"),
        attributes,
        shown.collect(),
    )
}

/// What a panel calls its search.
fn reference(index: usize) -> String {
    format!("panel_{index}")
}
