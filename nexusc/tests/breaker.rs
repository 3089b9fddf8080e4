//! Where circuit breakers come from, and what is said about those that cannot help.

use nexusc::{Compilation, Source, compile};

/// A gateway with these tables, which have the upstreams `a` and `b`.
fn compiled(tables: &str) -> Compilation {
    let text = format!(
        "edition = 1\ngateway.development = true\nmodels.chat = {{}}\n{tables}\n\
         [routes.chat]\nmodels = [\"chat\"]\nweighted.targets = {{ a = 1, b = 1 }}\n"
    );
    compile(&Source::new("breakers.toml", text))
}

/// The findings about a gateway with these tables, as codes.
fn findings(tables: &str) -> Vec<&'static str> {
    let diagnostics = compiled(tables).diagnostics;
    let codes = diagnostics.iter().map(|diagnostic| diagnostic.code.name());
    codes.collect()
}

/// The breakers of `a` and `b`, as failures and seconds.
fn breakers(tables: &str) -> Vec<Option<(u64, u64)>> {
    let topology = compiled(tables).output.expect("the spec is sound").topology;
    let breakers = topology.upstreams.iter().map(|upstream| {
        let breaker = upstream.breaker.as_ref()?;
        Some((breaker.failures, breaker.reset.as_secs()))
    });
    breakers.collect()
}

const A: &str = "[upstreams.a]\nurl = \"http://a:80\"\n";
const B: &str = "[upstreams.b]\nurl = \"http://b:80\"\n";
const MOCKS: &str = "upstreams.a.url = \"mock://local\"\nupstreams.b.url = \"mock://local\"\n";

#[test]
fn none_is_there_that_nobody_asked_for() {
    assert_eq!(breakers(&format!("{A}{B}")), [None, None]);
    assert_eq!(
        breakers(&format!("{A}breaker = {{}}\n{B}")),
        [Some((5, 30)), None]
    );
}

#[test]
fn an_upstreams_own_fields_come_before_the_general_ones() {
    let general = "[breaker]\nfailures = 2\nreset = \"9s\"\n";
    assert_eq!(
        breakers(&format!("{general}{A}breaker = {{ failures = 7 }}\n{B}")),
        [Some((7, 9)), Some((2, 9))]
    );
}

#[test]
fn a_general_breaker_beside_mocks_alone_is_reported_once() {
    assert_eq!(findings(&format!("{MOCKS}[breaker]\n")), ["NX0502"]);
    let mixed = "upstreams.a.url = \"mock://local\"\nupstreams.b.url = \"http://b:80\"\n";
    assert!(findings(&format!("{mixed}[breaker]\n")).is_empty());
}

#[test]
fn a_general_breaker_that_resets_too_soon_is_reported_once() {
    let general = "[breaker]\nreset = \"500ms\"\n";
    assert_eq!(findings(&format!("{general}{A}{B}")), ["NX0501"]);
}

#[test]
fn failures_have_a_range() {
    for failures in [0, 1001] {
        let general = format!("[breaker]\nfailures = {failures}\n");
        assert_eq!(findings(&format!("{general}{A}{B}")), ["NX0206"]);
    }
}
