//! Where health checks come from, and what is said about those that cannot help.

use nexusc::ir::Probe;
use nexusc::{Compilation, Source, compile};

/// A gateway with these tables, which have the upstreams `a` and `b`.
fn compiled(tables: &str) -> Compilation {
    let text = format!(
        "edition = 1\ngateway.development = true\nmodels.chat = {{}}\n{tables}\n\
         [routes.chat]\nmodels = [\"chat\"]\nweighted.targets = {{ a = 1, b = 1 }}\n"
    );
    compile(&Source::new("health.toml", text))
}

/// The findings about a gateway with these tables, as codes.
fn findings(tables: &str) -> Vec<&'static str> {
    let diagnostics = compiled(tables).diagnostics;
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code.name());
    codes.collect()
}

/// The health checks of `a` and `b`, as path, milliseconds and numbers.
fn checks(tables: &str) -> Vec<Option<String>> {
    let topology = compiled(tables).output.expect("the spec is sound").topology;
    let checks = topology.upstreams.iter().map(|upstream| {
        let health = upstream.health.as_ref()?;
        Some(format!(
            "{} {:?} {:?} {} {}",
            match &health.probe {
                Probe::Path(path) => path.clone(),
                probe => format!("{probe:?}"),
            },
            health.interval,
            health.timeout,
            health.unhealthy_after,
            health.healthy_after
        ))
    });
    checks.collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const A: &str = "[upstreams.a]\nurl = \"http://a:80\"\n";
const B: &str = "[upstreams.b]\nurl = \"http://b:80\"\n";
const MOCKS: &str = "upstreams.a.url = \"mock://local\"\nupstreams.b.url = \"mock://fail\"\n";

#[test]
fn none_is_there_that_nobody_asked_for() {
    assert_eq!(checks(&format!("{A}{B}")), [None, None]);
    let own = format!("{A}health = {{}}\n{B}");
    assert_eq!(checks(&own), [some("/v1/models 5s 1s 2 1"), None]);
}

#[test]
fn an_upstreams_own_fields_come_before_the_general_ones() {
    let general = "[health]\npath = \"/health\"\ninterval = \"9s\"\n";
    let own = "health = { timeout = \"500ms\", healthy_after = 3 }\n";
    assert_eq!(
        checks(&format!("{general}{A}{own}{B}")),
        [some("/health 9s 500ms 2 3"), some("/health 9s 1s 2 1")]
    );
}

#[test]
fn general_checks_beside_mocks_alone_are_reported_once() {
    assert_eq!(findings(&format!("{MOCKS}[health]\n")), ["NX0503"]);
    let mixed = "upstreams.a.url = \"mock://local\"\nupstreams.b.url = \"http://b:80\"\n";
    assert!(findings(&format!("{mixed}[health]\n")).is_empty());
}

#[test]
fn general_checks_that_take_too_long_are_reported_once() {
    let general = "[health]\ninterval = \"1s\"\ntimeout = \"2s\"\n";
    assert_eq!(findings(&format!("{general}{A}{B}")), ["NX0504"]);
}

#[test]
fn an_interval_that_is_too_short_for_the_general_timeout_is_reported() {
    let own = "health = { interval = \"500ms\" }\n";
    assert_eq!(findings(&format!("[health]\n{A}{own}{B}")), ["NX0504"]);
}

#[test]
fn paths_that_cannot_be_asked_for_are_refused() {
    for path in [
        "",
        "/",
        "health",
        "/a b",
        "/a?b=c",
        "/../a",
        "//a",
        "/a/",
        "http://a/b",
    ] {
        let general = format!("[health]\npath = \"{path}\"\n");
        assert_eq!(findings(&format!("{general}{A}{B}")), ["NX0505"], "{path}");
    }
}

#[test]
fn numbers_have_a_range() {
    for field in ["unhealthy_after", "healthy_after"] {
        let general = format!("[health]\n{field} = 0\n");
        assert_eq!(findings(&format!("{general}{A}{B}")), ["NX0206"]);
    }
}

#[test]
fn a_probe_has_times_of_its_own() {
    let general = "[health]\npath = \"/health\"\ninterval = \"9s\"\nunhealthy_after = 4\n";
    let own = "model = \"served\"\nhealth = { probe = \"chat\" }\n";
    assert_eq!(
        checks(&format!("{general}{A}{own}{B}")),
        [some("Chat 30s 10s 4 1"), some("/health 9s 1s 4 1")]
    );
    let general = "[health]\nprobe = \"completion\"\ninterval = \"1m\"\n";
    let path = "health = { path = \"/health\" }\n";
    let named = "model = \"served\"\nhealth = { timeout = \"20s\" }\n";
    assert_eq!(
        checks(&format!("{general}{A}{path}{B}{named}")),
        [some("/health 5s 1s 2 1"), some("Completion 60s 20s 2 1")]
    );
}

#[test]
fn a_path_and_a_probe_are_one_too_many() {
    let both = "model = \"served\"\nhealth = { path = \"/health\", probe = \"chat\" }\n";
    assert_eq!(findings(&format!("{A}{both}{B}")), ["NX0006"]);
}

#[test]
fn a_general_probe_needs_the_names_of_all_models() {
    let general = "[health]\nprobe = \"chat\"\n";
    let named = "model = \"served\"\n";
    assert_eq!(findings(&format!("{general}{A}{named}{B}")), ["NX0544"]);
    let mock = "upstreams.b.url = \"mock://local\"\n";
    assert!(findings(&format!("{mock}{general}{A}{named}")).is_empty());
}
