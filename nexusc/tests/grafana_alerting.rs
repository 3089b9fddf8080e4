//! What holds for alerts that Grafana tells of: they are those of Prometheus, each severity reaches whom it is for and
//! nobody else, and nobody is told twice.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;

use nexusc::emit::FileSet;
use nexusc::verify::OWN;
use nexusc::{Source, compile};
use serde_json::Value;

/// What is emitted for a spec of this name, with Grafana telling of alerts; paths are those below `deploy/<spec>/`.
fn deployed(name: &str, text: &str) -> FileSet {
    let text = if text.contains("alerting = true") {
        text.to_owned()
    } else {
        format!("{text}\n[deploy.grafana]\nalerting = true\n")
    };
    let compilation = compile(&Source::new(format!("specs/{name}.toml"), text));
    let output = compilation.output;
    let output = output.unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics));
    let folder = format!("deploy/{name}/");
    let mut files = FileSet::default();
    for (path, text) in output.files.iter() {
        if let Some(path) = path.strip_prefix(&folder) {
            files.add(path.to_owned(), text.to_owned());
        }
    }
    files
}

fn specs() -> Vec<FileSet> {
    let read = |path: &str| fs::read_to_string(path).unwrap();
    // Its uids have no room for the whole name.
    let long = "a-spec-whose-name-is-as-long-as-names-may-be-in-this-language-1";
    vec![
        deployed("fleet", &read("../specs/fleet.toml")),
        deployed(long, &read("../tests/specs/awkward.toml")),
    ]
}

fn yaml(files: &FileSet, path: &str) -> Value {
    serde_saphyr::from_str(files.get(path).unwrap()).unwrap()
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

#[test]
fn grafana_would_start() {
    for files in specs() {
        let own = OWN.iter().find(|own| own.name == "Grafana alerting");
        let own = own.unwrap();
        assert_eq!((own.files)(&files).len(), 2);
        assert_eq!(own.findings(&files), []);
    }
}

/// Query, time, severity, summary and link, by name.
type Told = BTreeMap<String, [String; 5]>;

fn of_grafana(files: &FileSet) -> Told {
    let rules = yaml(files, "grafana/provisioning/alerting/rules.yaml");
    let rules = list(&rules, "groups").flat_map(|group| list(group, "rules"));
    let told = rules.map(|rule| {
        let (labels, annotations) = (&rule["labels"], &rule["annotations"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let annotation = |name: &str| {
            let text = text(&annotations[name]);
            assert!(!text.contains('$'), "a variable of the environment: {text}");
            text.replace(".Labels.", "$labels.")
                .replace("{{ \"\\x24\" }}", "$")
        };
        let name = text(&rule["title"]).replace([',', '(', ')'], "");
        let told = [
            text(&rule["data"][0]["model"]["expr"]),
            text(&rule["for"]),
            text(&labels["severity"]),
            annotation("summary"),
            annotation("runbook_url"),
        ];
        (name, told)
    });
    told.collect()
}

fn of_prometheus(files: &FileSet) -> Told {
    let paths = ["prometheus/rules/alerts.yml", "prometheus/rules/slos.yml"];
    let mut told = Told::new();
    for rules in paths.map(|path| yaml(files, path)) {
        let rules = list(&rules, "groups").flat_map(|group| list(group, "rules"));
        for rule in rules.filter(|rule| rule["alert"].is_string()) {
            let (labels, annotations) = (&rule["labels"], &rule["annotations"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = match labels["slo"].as_str() {
                Some(slo) => format!(
                    "{} {slo} {}",
                    text(&rule["alert"]),
                    text(&labels["severity"])
                ),
                None => text(&rule["alert"]),
            };
            let is = [
                text(&rule["expr"]),
                text(&rule["for"]),
                text(&labels["severity"]),
                text(&annotations["summary"]),
                text(&annotations["runbook_url"]),
            ];
            told.insert(name, is);
        }
    }
    told
}

#[test]
fn grafana_evaluates_the_very_alerts_of_prometheus() {
    for files in specs() {
        let told = of_grafana(&files);
        assert!(told.len() > 12, "{told:?}");
        assert_eq!(told, of_prometheus(&files));
    }
}

#[test]
fn a_severity_that_nobody_is_told_of_reaches_nobody() {
    let files = deployed(
        "chat",
        r#"
edition = 1
gateway.development = true
models.chat = {}
upstreams.a.url = "http://a:8000"
routes.chat = { models = ["chat"], direct = { upstream = "a" } }
receivers.pager = { severities = ["critical"], webhook = { url = "http://relay:9000/$HOME" } }
receivers.team = { severities = ["critical", "high"], slack = { channel = "team", url = { file = "/run/secrets/slack" } } }
"#,
    );
    let notifications = yaml(&files, "grafana/provisioning/alerting/notifications.yaml");
    let policy = &notifications["policies"][0];
    let routes: Vec<(&str, bool, bool)> = list(policy, "routes")
        .map(|route| {
            let severities = route["object_matchers"][0][2].as_str().unwrap();
            let is_muted = route["mute_time_intervals"].is_array();
            (severities, is_muted, route["continue"] == true)
        })
        .collect();
    let expected = [
        ("medium|low", true, false),
        ("critical", false, true),
        ("critical|high", false, true),
    ];
    assert_eq!(routes, expected);
    let settings =
        |point: usize| &notifications["contactPoints"][point]["receivers"][0]["settings"];
    assert_eq!(settings(0)["url"], "http://relay:9000/$$HOME");
    assert_eq!(settings(1)["url"], "$__file{/run/secrets/slack}");
}

#[test]
fn nobody_is_told_twice() {
    for files in specs() {
        let mut paths = files.iter().map(|(path, _)| path);
        assert!(paths.all(|path| !path.starts_with("alertmanager/")));
        let prometheus = yaml(&files, "prometheus/prometheus.yml");
        assert!(prometheus.get("alerting").is_none(), "{prometheus:#}");
        let compose = yaml(&files, "compose.yaml");
        assert!(compose["services"].get("alertmanager").is_none());
    }
}
