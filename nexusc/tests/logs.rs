//! What is emitted for logs fits together: fields that the gateway writes, parts that exist, objects that Kibana takes.
//! No Kibana and no Elasticsearch runs here, so the rules of their formats that matter stand in these tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;

use nexusc::{Source, compile};
use serde_json::Value;

/// The file of this name of each of the shipped specs.
fn emitted(file: &str) -> Vec<String> {
    let texts = ["chat-2x3090", "fleet", "quickstart"].map(|spec| {
        let path = format!("../specs/{spec}.toml");
        let compilation = compile(&Source::new(&path, fs::read_to_string(&path).unwrap()));
        let files = compilation.output.unwrap().files;
        let text = files.get(&format!("deploy/{spec}/logs/{file}"));
        text.unwrap().to_owned()
    });
    texts.into()
}

/// The fields that lines have in Elasticsearch.
fn fields() -> BTreeSet<&'static str> {
    let written = decide::log::FIELDS.into_iter().map(|field| field.name);
    written
        .chain(["gateway", "instance", "principal"])
        .collect()
}

fn objects(ndjson: &str) -> Vec<Value> {
    let lines = ndjson.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The words of a query (KQL) that name a field.
fn fields_of(query: &str) -> Vec<&str> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let pairs = words.windows(2);
    let before_operator = pairs.filter(|pair| [":", ">", ">=", "<", "<="].contains(&pair[1]));
    before_operator
        .map(|pair| pair[0].trim_start_matches('('))
        .collect()
}

#[test]
fn a_search_asks_for_no_field_that_no_line_has() {
    for ndjson in emitted("kibana.ndjson") {
        let mut searches = 0;
        for object in objects(&ndjson) {
            let attributes = &object["attributes"];
            if object["type"] != "search" {
                continue;
            }
            searches += 1;
            let source = &attributes["kibanaSavedObjectMeta"]["searchSourceJSON"];
            let source: Value = serde_json::from_str(source.as_str().unwrap()).unwrap();
            let query = source["query"]["query"].as_str().unwrap();
            let asked = fields_of(query);
            assert!(asked.len() >= 2, "{query}");
            let columns = attributes["columns"].as_array().unwrap();
            let shown = columns.iter().map(|column| column.as_str().unwrap());
            for field in asked.into_iter().chain(shown) {
                assert!(fields().contains(field), "{field} of {query}");
            }
        }
        assert_eq!(searches, 4);
    }
}

#[test]
fn no_search_counts_a_request_twice() {
    for ndjson in emitted("kibana.ndjson") {
        let objects = objects(&ndjson);
        for search in objects.iter().filter(|object| object["type"] == "search") {
            let text = search.to_string();
            let statuses = text.matches("status").count();
            let about_requests = text.matches("nexus.access").count();
            // A request has a line in the log, and with an audit log a record as well.
            assert!(statuses == 0 || about_requests > 0, "{text}");
        }
    }
}

#[test]
fn no_saved_object_names_one_that_is_not_there() {
    for ndjson in emitted("kibana.ndjson") {
        let mut objects = objects(&ndjson);
        let details = objects.pop().unwrap();
        assert_eq!(details["exportedCount"], objects.len());
        let named = |object: &Value| (object["type"].clone(), object["id"].clone());
        let there: Vec<_> = objects.iter().map(named).collect();
        for object in &objects {
            for version in ["coreMigrationVersion", "typeMigrationVersion"] {
                assert!(object[version].is_string(), "{object}");
            }
            for reference in object["references"].as_array().unwrap() {
                assert!(there.contains(&named(reference)), "{reference}");
            }
            // Kibana has JSON inside of strings.
            for (name, value) in object["attributes"].as_object().unwrap() {
                if name.ends_with("JSON") {
                    let inner: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
                    assert!(inner.is_array() || inner.is_object());
                }
            }
        }
    }
}

#[test]
fn a_dashboard_shows_every_search_once_and_none_over_another() {
    for ndjson in emitted("kibana.ndjson") {
        let dashboard = objects(&ndjson).swap_remove(0);
        assert_eq!(dashboard["type"], "dashboard");
        let panels = dashboard["attributes"]["panelsJSON"].as_str().unwrap();
        let panels: Vec<Value> = serde_json::from_str(panels).unwrap();
        let references = dashboard["references"].as_array().unwrap();
        let mut cells = BTreeSet::new();
        for panel in &panels {
            let is_named = |it: &&Value| it["name"] == panel["panelRefName"];
            assert_eq!(references.iter().filter(is_named).count(), 1);
            let [x, y, w, h] =
                ["x", "y", "w", "h"].map(|it| panel["gridData"][it].as_u64().unwrap());
            assert!(x + w <= 48, "{panel}");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(cells.insert(cell), "{panel}");
            }
        }
        assert_eq!(panels.len(), 4);
    }
}

#[test]
fn elasticsearch_is_told_of_every_field() {
    for template in emitted("index-template.json") {
        let template: Value = serde_json::from_str(&template).unwrap();
        assert_eq!(template["index_patterns"][0], "gateway-logs-*");
        let properties = &template["template"]["mappings"]["properties"];
        let mapped: BTreeSet<_> = properties.as_object().unwrap().keys().collect();
        let mapped: BTreeSet<_> = mapped.into_iter().map(String::as_str).collect();
        assert_eq!(mapped, fields());
    }
}

#[test]
fn vectors_parts_are_fed_by_parts_that_are_there() {
    for text in emitted("shipper.yaml")
        .into_iter()
        .chain(emitted("indexer.yaml"))
    {
        let vector: Value = serde_saphyr::from_str(&text).unwrap();
        let of = |kind: &str| {
            let parts = vector[kind].as_object().unwrap().clone();
            assert!(!parts.is_empty(), "{kind}");
            parts
        };
        let (sources, transforms, sinks) = (of("sources"), of("transforms"), of("sinks"));
        let feeds = |name: &Value| {
            let name = name.as_str().unwrap();
            sources.contains_key(name) || transforms.contains_key(name)
        };
        for part in transforms.values().chain(sinks.values()) {
            assert!(part["inputs"].as_array().unwrap().iter().all(feeds));
        }
        for test in vector["tests"].as_array().unwrap() {
            for end in [
                &test["inputs"][0]["insert_at"],
                &test["outputs"][0]["extract_from"],
            ] {
                assert!(transforms.contains_key(end.as_str().unwrap()), "{end}");
            }
        }
    }
}

#[test]
fn a_line_is_read_when_elasticsearch_has_it_and_no_other_takes_its_place() {
    for text in emitted("indexer.yaml") {
        let vector: Value = serde_saphyr::from_str(&text).unwrap();
        let sink = &vector["sinks"]["elasticsearch"];
        assert_eq!(sink["acknowledgements"]["enabled"], true, "{sink}");
        let program = vector["transforms"]["documents"]["source"]
            .as_str()
            .unwrap();
        let mut lines = program.lines();
        let name = lines.find(|line| line.starts_with("._id = ")).unwrap();
        // A topic that was made anew begins with the same offsets again.
        assert!(
            name.contains("place + \"-\" + md5(encode_json(.))"),
            "{name}"
        );
        // What is hashed is the line: nothing that another look at it would change, such as the time of looking.
        assert!(lines.any(|line| line.contains("now()")), "{program}");
    }
}
