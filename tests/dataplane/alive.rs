//! From a dead upstream to whoever is on call: the emitted rules in a real Prometheus, the emitted routes in a real
//! Alertmanager.

use std::time::Duration;

use end_to_end::{Alertmanager, Dataplane, Prometheus, Request, Spec, patiently};
use fake_model::server::{FakeModel, Rule};
use serde_json::Value;
use tokio::time::sleep;

const NAME: &str = "alive";

/// Between two requests: enough of them for a rate in every second.
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_dead_upstream_is_told_to_whoever_is_on_call() {
    let (model, relay) = (
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    );
    relay.script([Rule::respond(200, "{}")]);
    let spec = Spec::read(NAME);
    let dataplane = spec.start(&model).start().await;
    let alertmanager = alertmanager(&spec, &relay).await;
    let prometheus = prometheus(&spec, &dataplane, &alertmanager).await;
    let healthy = "slo:sli_error:ratio_rate5s == 0";
    let answers = async {
        while prometheus.query(healthy).await.is_empty() {
            ask(&dataplane, 200).await;
        }
    };
    patiently("requests to be known to go well", answers).await;
    assert!(relay.received().is_empty(), "nobody is told of nothing");

    model.stop().await;
    let told = async {
        loop {
            ask(&dataplane, 502).await;
            let burning = |severity| told(&relay, "GatewayErrorBudgetBurn", severity);
            if let (Some(critical), Some(medium)) = (burning("critical"), burning("medium")) {
                return (critical, medium);
            }
        }
    };
    let (critical, (team, _)) = patiently("the alerts to arrive", told).await;
    let (path, alert) = critical;
    assert_eq!(path, "/alerts", "critical alerts go to who is on call");
    assert_eq!(team, "/team", "others go to the team");
    assert_eq!(alert["labels"]["slo"], "availability");
    let link = alert["annotations"]["runbook_url"].as_str().unwrap();
    let (file, section) = link.split_once('#').unwrap();
    let file = file.strip_prefix("deploy/alive/").unwrap();
    let runbooks = spec.deployed(file).to_lowercase();
    assert!(
        runbooks.lines().any(|line| line == format!("## {section}")),
        "{link} leads to a section"
    );
}

/// The emitted Alertmanager, whose receivers are at `relay` and are told at once.
async fn alertmanager(spec: &Spec, relay: &FakeModel) -> Alertmanager {
    let configuration = spec.deployed("alertmanager/alertmanager.yml");
    let configuration = replaced(configuration, "http://relay:9000", &relay.url());
    Alertmanager::with(replaced(configuration, "group_wait: 30s", "group_wait: 1s")).await
}

/// The emitted Prometheus, with `dataplane` and `alertmanager` where it looks for them.
async fn prometheus(spec: &Spec, dataplane: &Dataplane, alertmanager: &Alertmanager) -> Prometheus {
    let configuration = spec.deployed("prometheus/prometheus.yml");
    let gateway = dataplane.address().to_string();
    let configuration = replaced(configuration, "gateway:8080", &gateway);
    let told = alertmanager.address().to_string();
    let configuration = replaced(configuration, "alertmanager:9093", &told);
    let rules = |name: &str| spec.deployed(&format!("prometheus/{name}"));
    let files = ["rules/alerts.yml", "rules/slos.yml"].map(|name| (name, rules(name)));
    let [alerts, slos] = files;
    Prometheus::with(&[("prometheus.yml", configuration), alerts, slos]).await
}

fn replaced(text: String, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` stands in {text}");
    text.replace(from, to)
}

async fn ask(dataplane: &Dataplane, status: u16) {
    let response = dataplane.send(&Request::chat("chat")).await;
    assert_eq!(response.status, status);
    sleep(PAUSE).await;
}

/// The path at which `relay` was told of this alert of this severity, and the alert.
fn told(relay: &FakeModel, name: &str, severity: &str) -> Option<(String, Value)> {
    relay.received().iter().find_map(|request| {
        let message: Value = serde_json::from_slice(request.body.as_bytes()).ok()?;
        let mut alerts = message["alerts"].as_array()?.iter();
        let is_it = |labels: &Value| labels["alertname"] == name && labels["severity"] == severity;
        let alert = alerts.find(|alert| is_it(&alert["labels"]))?;
        Some((request.path.clone(), alert.clone()))
    })
}
