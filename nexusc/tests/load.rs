//! Load tests hold the gateway to every objective of its spec, and scenarios expect what its routes say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexusc::{Source, compile};

const SPEC: &str = r#"
edition = 1

[gateway]
development = true

[models.large]
fallback = ["beside", "small"]

[models.beside]

[models.small]

[upstreams.a]
url = "http://a:8000"

[upstreams.b]
url = "http://b:8000"

[upstreams.c]
url = "http://c:8000"

[routes.large]
models = ["large"]
priority.targets = { b = 1, a = 2 }

[routes.beside]
models = ["beside"]
direct = { upstream = "b" }

[routes.small]
models = ["small"]
least_in_flight.upstreams = ["b", "c"]

[slos.most]
objective = "95%"
latency = { within = "1500ms" }

[slos.nearly-all]
objective = "99.95%"
latency = { within = "5s" }
"#;

fn emitted(file: &str) -> String {
    let compilation = compile(&Source::new("specs/load.toml", SPEC));
    let files = compilation.output.unwrap().files;
    files
        .get(&format!("deploy/load/load/{file}"))
        .unwrap()
        .to_owned()
}

#[test]
fn no_objective_takes_the_place_of_another() {
    let script = emitted("gateway.js");
    let both = r#""http_req_duration": ["p(95)<=1500", "p(99.95)<=5000"],"#;
    assert!(script.contains(both), "{script}");
}

#[test]
fn a_scenario_knows_the_upstreams_of_a_model_and_who_answers_instead() {
    let script = emitted("chaos/upstream-away.sh");
    // `beside` went away with them.
    let large = "large)\n\tupstreams='a b'\n\tfallback='small'\n";
    assert!(script.contains(large), "{script}");
    let small = "small)\n\tupstreams='b c'\n\tfallback=''\n";
    assert!(script.contains(small), "{script}");
}

#[test]
fn no_scenario_is_about_a_store_that_is_not_there() {
    let compilation = compile(&Source::new("specs/load.toml", SPEC));
    let files = compilation.output.unwrap().files;
    assert!(files.get("deploy/load/load/chaos/redis-away.sh").is_none());
}
