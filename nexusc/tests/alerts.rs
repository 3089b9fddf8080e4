//! Alerts are about what can happen.

use std::time::Duration;

use nexusc::diagnostic::code::Code;
use nexusc::ir::Topology;
use nexusc::ir::alert::{Rule, Threshold};
use nexusc::{Source, compile};

const SPEC: &str = r#"
edition = 1
gateway.development = true
upstreams.a = { url = "http://a:8000", timeouts = { connect = "1s", first_byte = "2s" } }
models.chat = { limit = "few" }
routes.chat = { models = ["chat"], direct = { upstream = "a" } }
limits.few = { concurrent = 4, queue = { length = 8, wait = "5s" } }
"#;

fn topology() -> Topology {
    let compilation = compile(&Source::new("specs/alerts.toml", SPEC));
    let output = compilation.output;
    output
        .unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics))
        .topology
}

fn threshold(rule: Rule) -> Threshold {
    let topology = topology();
    let mut alerts = topology.alerts.iter();
    let alert = alerts.find(|alert| alert.rule == rule);
    alert.expect("the topology has it").threshold
}

#[test]
fn a_usual_time_that_nothing_can_take_is_half_of_the_longest() {
    let half_of = |seconds: u64| Threshold::Time(Duration::from_secs(seconds) / 2);
    assert_eq!(threshold(Rule::QueueWait), half_of(5));
    assert_eq!(threshold(Rule::SlowFirstToken), half_of(3));
    assert_eq!(threshold(Rule::P95Latency), half_of(10));
}

#[test]
fn what_lies_beyond_everything_is_an_error() {
    for (alert, threshold, code) in [
        ("failure-rate", "100%", Code::NX0708),
        ("queue-wait", "5s", Code::NX0708),
        ("consecutive-failures", "18446744073709551615", Code::NX0702),
        ("consecutive-failures", "-1", Code::NX0702),
    ] {
        let spec = format!("{SPEC}\n[alerts.{alert}]\nthreshold = \"{threshold}\"\n");
        let compilation = compile(&Source::new("specs/alerts.toml", spec));
        assert!(compilation.output.is_none(), "{alert} {threshold}");
        let codes: Vec<Code> = compilation.diagnostics.iter().map(|it| it.code).collect();
        assert_eq!(codes, [code], "{alert} {threshold}");
    }
}

#[test]
fn one_replica_that_is_down_hides_no_alert_of_the_others() {
    let output = compile(&Source::new("specs/alerts.toml", SPEC)).output;
    let files = output.expect("the spec is sound").files;
    let text = files.get("deploy/alerts/alertmanager/alertmanager.yml");
    let text = text.expect("alerts are emitted");
    let (_, rules) = text.split_once("inhibit_rules:").expect("some are hidden");
    let (hiding, _) = rules.split_once("target_matchers:").expect("by others");
    assert!(hiding.contains("GatewayMetricsAbsent"), "{rules}");
    // It fires for each replica, and most alerts are about all of them together.
    assert!(!hiding.contains("GatewayDown"), "{rules}");
}
