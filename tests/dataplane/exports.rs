//! What a gateway exports is what its `metrics.md` lists: no metric and no label more, none less.
//!
//! Rules and dashboards are made from the same list as that table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use end_to_end::{Dataplane, Metrics, PATIENCE, Redis, Request, Spec, patiently};
use fake_model::server::{FakeModel, Rule};

/// Metrics by name, each with its type and labels.
pub(crate) type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// What `metrics.md` of this spec lists.
pub(crate) fn listed(spec: &Spec) -> Families {
    let table = spec.deployed("metrics.md");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let row = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let quoted = |cell: &str| cell.trim_matches('`').to_owned();
        let labels = cells[3].split(", ").filter(|label| !label.is_empty());
        let labels = labels.map(quoted).collect();
        (quoted(cells[1]), (cells[2].to_owned(), labels))
    };
    let families: Families = rows.map(row).collect();
    assert!(families.len() > 10, "{table}");
    families
}

/// What a scrape has.
pub(crate) fn exported(metrics: &Metrics) -> Families {
    let mut families = Families::new();
    for line in metrics.text().lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            families.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') {
            let (name, rest) = line.split_once(['{', ' ']).unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let of_histogram = parts.iter().find_map(|part| name.strip_suffix(part));
            let family = of_histogram.filter(|name| families.contains_key(*name));
            let (_, labels) = families.get_mut(family.unwrap_or(name)).unwrap();
            let pairs = rest.split_once('}').map_or("", |(pairs, _)| pairs);
            let names = pairs.split(',').filter_map(|pair| pair.split_once('='));
            labels.extend(names.map(|(label, _)| label.to_owned()));
            labels.remove("le");
        }
    }
    families
}

/// Waits for all that is listed, since some of it comes behind the answer of a request; then compares both ways.
async fn assert_exports_what_is_listed(spec: &Spec, dataplane: &Dataplane) {
    let listed = listed(spec);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let exported = exported(&dataplane.metrics().await);
        if exported == listed || Instant::now() > deadline {
            assert_eq!(exported, listed);
            return;
        }
    }
}

/// The gateway of this spec after traffic of each kind.
async fn after_traffic(name: &str, redis: Option<&Redis>) {
    let model = FakeModel::start().await.unwrap();
    let spec = Spec::read(name);
    let mut start = spec.start(&model);
    if let Some(redis) = redis {
        start = start.env("REDIS_URL", redis.url());
    }
    let dataplane = start.start().await;
    spec.ask_for_everything(&dataplane).await;
    assert_exports_what_is_listed(&spec, &dataplane).await;
}

#[tokio::test]
async fn breakers_and_fallbacks() {
    after_traffic("faults", None).await;
}

#[tokio::test]
async fn health_checks() {
    after_traffic("health", None).await;
}

#[tokio::test]
async fn what_a_request_holds() {
    after_traffic("input", None).await;
}

#[tokio::test]
async fn mocks_without_keys() {
    after_traffic("quickstart", None).await;
}

#[tokio::test]
async fn retries_and_hedges() {
    after_traffic("resilience", None).await;
}

#[tokio::test]
async fn copies_and_switches() {
    after_traffic("shadow", None).await;
}

#[tokio::test]
async fn a_store_that_replicas_share() {
    after_traffic("store-admit", Some(&Redis::start().await)).await;
}

#[tokio::test]
async fn limits_with_a_queue() {
    let model = FakeModel::start().await.unwrap();
    let spec = Spec::read("limits");
    let dataplane = spec.start(&model).start().await;
    spec.ask_for_everything(&dataplane).await;
    one_waits(&model, &dataplane).await;
    assert_exports_what_is_listed(&spec, &dataplane).await;
}

/// One request runs, and another waits until it has ended, in the gateway of the spec `limits`.
pub(crate) async fn one_waits(model: &FakeModel, dataplane: &Dataplane) {
    // What was released before and not used must not let the first one go.
    model.reset();
    model.script([Rule::chat_stream(2).gated().times(1)]);
    let free = "KEY_FREE-invented-for-tests-1234567890";
    let request = Request::chat_stream("queued").key(free);
    let mut first = dataplane.connect().await;
    first.begin(&request).await;
    let mut second = dataplane.connect().await;
    second.write(&request.head()).await;
    second.write(request.body()).await;
    let waits = async {
        let waiting = "gateway_queue_waiting_requests{limit=\"one-by-one\"}";
        while dataplane.metrics().await.value(waiting) < 1.0 {}
    };
    patiently("the second request to wait", waits).await;
    model.release(10);
    second.read_response().await;
}
