//! What holds for every emitted dashboard: it fits its grid, and shows all that is exported and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;

use nexusc::emit::FileSet;
use nexusc::ir::Topology;
use nexusc::plan::exports::exports;
use nexusc::{Source, compile};
use serde_json::Value;

/// The specs that users read, and some of those of the end-to-end tests.
fn specs() -> Vec<(Topology, FileSet)> {
    let paths = [
        "../specs/chat-2x3090.toml",
        "../specs/fleet.toml",
        "../specs/quickstart.toml",
        "../tests/specs/limits.toml",
        "../tests/specs/resilience.toml",
        "../tests/specs/shadow.toml",
    ];
    let compiled = paths.map(|path| {
        let source = Source::new(path, fs::read_to_string(path).unwrap());
        let compilation = compile(&source);
        let output = compilation.output;
        let output = output.unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics));
        (output.topology, output.files)
    });
    compiled.into()
}

fn dashboards(files: &FileSet) -> Vec<(&str, Value)> {
    let is_dashboard = |path: &str| path.contains("/grafana/dashboards/");
    let files = files.iter().filter(|(path, _)| is_dashboard(path));
    files
        .map(|(path, text)| (path, serde_json::from_str(text).unwrap()))
        .collect()
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap()
}

/// Asserts that rectangles lie on a grid of 24 columns, beside each other and without a hole.
fn assert_tiled(what: &str, rectangles: &[(u64, u64, u64, u64)]) {
    let mut taken = BTreeSet::new();
    for &(x, y, w, h) in rectangles {
        assert!(w > 0 && h > 0 && x + w <= 24, "{what}: {x} {y} {w} {h}");
        for place in (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y))) {
            assert!(taken.insert(place), "{what}: two at {place:?}");
        }
    }
    let height = taken.iter().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(taken.len() as u64, 24 * height, "{what}: a hole");
}

#[test]
fn panels_neither_overlap_nor_leave_holes_and_have_ids_of_their_own() {
    for (_, files) in specs() {
        for (path, dashboard) in dashboards(&files) {
            let panels = dashboard["panels"].as_array().unwrap();
            let ids: BTreeSet<u64> = panels.iter().map(|panel| number(panel, "id")).collect();
            assert_eq!(ids.len(), panels.len(), "{path}");
            let places = panels.iter().map(|panel| {
                let place = &panel["gridPos"];
                let [x, y, w, h] = ["x", "y", "w", "h"].map(|field| number(place, field));
                (x, y, w, h)
            });
            assert_tiled(path, &places.collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_exported_has_a_panel_and_no_panel_shows_anything_else() {
    for (topology, files) in specs() {
        let mut shown = BTreeSet::new();
        for (_, dashboard) in dashboards(&files) {
            let panels = dashboard["panels"].as_array().unwrap();
            let targets = panels
                .iter()
                .filter_map(|panel| panel["targets"].as_array());
            for target in targets.flatten() {
                let query = target["expr"].as_str().unwrap();
                let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let metrics = words.filter(|word| word.starts_with("gateway_"));
                shown.extend(metrics.map(|name| {
                    let suffixes = ["_bucket", "_sum", "_count"];
                    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
                    base.unwrap_or(name).to_owned()
                }));
            }
        }
        let exported = exports(&topology).into_iter();
        let exported: BTreeSet<String> = exported.map(|metric| metric.name.to_owned()).collect();
        assert_eq!(shown, exported, "{}", topology.name);
    }
}

#[test]
fn a_long_name_has_uids_that_grafana_takes() {
    let uids: BTreeSet<String> = ["a", "b"]
        .map(|end| format!("{}{end}", "long-name-".repeat(6)))
        .iter()
        .flat_map(|name| {
            ["Gateway", "LLM"].map(|title| nexusc::conventions::grafana_uid(name, title))
        })
        .collect();
    assert_eq!(uids.len(), 4, "{uids:?}");
    assert!(uids.iter().all(|uid| uid.len() <= 40), "{uids:?}");
}

/// The structure of a dashboard's body as CloudWatch takes it, since nothing that could be asked is to be had here:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>.
#[test]
fn the_dashboard_of_cloudwatch_has_the_structure_that_it_takes() {
    for (topology, files) in specs() {
        let exported = exports(&topology);
        let path = format!("deploy/{}/cloudwatch/dashboard.json", topology.name);
        let body: Value = serde_json::from_str(files.get(&path).unwrap()).unwrap();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["widgets"]);
        let widgets = body["widgets"].as_array().unwrap();
        let mut places = Vec::new();
        let mut graphs = 0;
        for widget in widgets {
            let [x, y, w, h] = ["x", "y", "width", "height"].map(|field| number(widget, field));
            places.push((x, y, w, h));
            assert!((1..=1000).contains(&h), "{widget:#}");
            let properties = &widget["properties"];
            if widget["type"] == "text" {
                assert!(properties["markdown"].is_string(), "{widget:#}");
                continue;
            }
            assert_eq!(widget["type"], "metric");
            assert_eq!(properties["view"], "timeSeries");
            assert!(properties["region"].is_string(), "{widget:#}");
            assert_eq!(number(properties, "period") % 60, 0);
            graphs += 1;
            let metrics = properties["metrics"].as_array().unwrap();
            let mut ids = BTreeSet::new();
            for metric in metrics {
                let parts = metric.as_array().unwrap();
                let (shown, words) = parts.split_last().unwrap();
                if let Some(id) = shown["id"].as_str() {
                    assert!(id.starts_with(|c: char| c.is_ascii_lowercase()), "{id}");
                    assert!(ids.insert(id), "{id} twice");
                }
                match shown["expression"].as_str() {
                    Some(expression) => {
                        assert!(words.is_empty(), "{metric}");
                        let names = expression.split(|c: char| !c.is_ascii_alphanumeric());
                        let mut names =
                            names.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
                        assert!(names.all(|name| ids.contains(name)), "{expression}");
                    }
                    None => {
                        // A namespace, a metric, and pairs of dimensions.
                        assert!(words.len() >= 2 && words.len() % 2 == 0, "{metric}");
                        let name = words.get(1).and_then(Value::as_str).unwrap();
                        assert!(exported.iter().any(|it| it.name == name), "{name}");
                    }
                }
            }
        }
        assert_eq!(graphs, 4);
        assert_tiled(&path, &places);
    }
}
