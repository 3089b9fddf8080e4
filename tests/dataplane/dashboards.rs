//! Every query of every emitted dashboard has data, in a real Prometheus that scrapes the gateway after real traffic.

use std::time::Instant;

use end_to_end::{Dataplane, PATIENCE, Prometheus, Spec};
use fake_model::server::{FakeModel, Rule};
use serde_json::Value;

use crate::exports::one_waits;

const DASHBOARDS: [&str; 2] = ["gateway.json", "llm.json"];

/// What a dashboard asks for: the title of its panel, and the query as Grafana sends it.
fn queries(spec: &Spec) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for file in DASHBOARDS {
        let dashboard = spec.deployed(&format!("grafana/dashboards/{file}"));
        let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            // Grafana's own word for the values of a label.
            let values = variable["query"].as_str().unwrap();
            let values = values.strip_prefix("label_values(").unwrap();
            let (series, label) = values.trim_end_matches(')').rsplit_once(", ").unwrap();
            let name = format!("{file}: ${label}");
            queries.push((name, format!("count by ({label}) ({series}) > 0")));
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().unwrap();
                let query = query.replace("$__rate_interval", "30s");
                let query = query.replace("$upstream", ".*").replace("$model", ".*");
                queries.push((format!("{file}: {}", panel["title"]), query));
            }
        }
    }
    assert!(queries.len() > 30, "{queries:?}");
    queries
}

/// Sends traffic of each kind again and again until each query has data, since a rate needs two scrapes with some
/// between them.
async fn every_query_has_data(name: &str) {
    let model = FakeModel::start().await.unwrap();
    let spec = Spec::read(name);
    let dataplane = spec.start(&model).start().await;
    let rules = spec
        .has_objectives()
        .then(|| spec.deployed("prometheus/rules/slos.yml"));
    let prometheus = Prometheus::scraping(dataplane.address(), name, rules).await;
    let mut waiting = queries(&spec);
    let deadline = Instant::now() + PATIENCE * 2;
    while !waiting.is_empty() {
        traffic(name, &spec, &model, &dataplane).await;
        let mut without = Vec::new();
        for (panel, query) in waiting {
            if prometheus.query(&query).await.is_empty() {
                without.push((panel, query));
            }
        }
        assert!(
            without.is_empty() || Instant::now() < deadline,
            "no data: {without:#?}"
        );
        waiting = without;
    }
}

async fn traffic(name: &str, spec: &Spec, model: &FakeModel, dataplane: &Dataplane) {
    model.script([Rule::respond(500, "{}").times(1)]);
    spec.ask_for_everything(dataplane).await;
    if name == "limits" {
        one_waits(model, dataplane).await;
    }
}

#[tokio::test]
async fn of_the_first_example() {
    every_query_has_data("quickstart").await;
}

#[tokio::test]
async fn of_models_on_two_cards() {
    every_query_has_data("chat-2x3090").await;
}

#[tokio::test]
async fn of_limits_and_queues() {
    every_query_has_data("limits").await;
}

#[tokio::test]
async fn of_retries_and_hedges() {
    every_query_has_data("resilience").await;
}

#[tokio::test]
async fn of_copies_and_switches() {
    every_query_has_data("shadow").await;
}
