//! Shadows and administrators: what is said about them, and what is not.

use nexusc::{Compilation, Source, compile};

const BASE: &str = "edition = 1\nmodels.chat = {}\nupstreams.a.url = \"http://a:80\"\n\
                    upstreams.next.url = \"http://next:80\"\n";

const KEY: &str = "[keys.web]\nsecret = { env = \"KEY_WEB\" }\nmodels = [\"*\"]\n";

fn compiled(text: &str) -> Compilation {
    compile(&Source::new("shadow.toml", text))
}

fn codes(compilation: &Compilation) -> Vec<&'static str> {
    let diagnostics = compilation.diagnostics.iter();
    diagnostics
        .map(|diagnostic| diagnostic.code.name())
        .collect()
}

/// The findings about a route to `a` with this shadow, in a gateway with these tables too.
fn findings(shadow: &str, tables: &str) -> Vec<&'static str> {
    let route = "[routes.chat]\nmodels = [\"chat\"]\ndirect = { upstream = \"a\" }\n";
    codes(&compiled(&format!(
        "{BASE}{tables}{KEY}{route}shadow = {{ {shadow} }}\n"
    )))
}

/// The findings about a gateway with these keys.
fn findings_about_keys(keys: &str) -> Vec<&'static str> {
    let route = "[routes.chat]\nmodels = [\"chat\"]\nweighted.targets = { a = 1, next = 1 }\n";
    codes(&compiled(&format!("{BASE}{keys}{route}")))
}

#[test]
fn an_upstream_that_gets_copies_is_used() {
    assert!(findings("upstream = \"next\", percent = \"1%\"", "").is_empty());
}

#[test]
fn each_fault_is_told_once() {
    for (shadow, code) in [
        ("upstream = \"nxt\", percent = \"1%\"", "NX0101"),
        ("upstream = \"next\", percent = \"101%\"", "NX0203"),
        (
            "upstream = \"next\", percent = \"1%\", concurrent = 0",
            "NX0206",
        ),
        (
            "upstream = \"next\", percent = \"1%\", concurrent = 1001",
            "NX0206",
        ),
        (
            "upstream = \"next\", percent = \"1%\", sticky = \"key\"",
            "NX0002",
        ),
        ("upstream = \"next\"", "NX0003"),
    ] {
        assert_eq!(findings(shadow, ""), [code], "{shadow}");
    }
}

#[test]
fn a_breaker_of_the_others_or_for_clients_is_in_place() {
    let shadow = "upstream = \"next\", percent = \"1%\"";
    assert!(findings(shadow, "breaker.failures = 3\n").is_empty());
    let own = "upstreams.next.breaker.failures = 3\n";
    assert_eq!(findings(shadow, own), ["NX0432"]);
    let clients = "models.next = {}\nroutes.next.models = [\"next\"]\n\
                   routes.next.direct.upstream = \"next\"\n";
    assert!(findings(shadow, &format!("{own}{clients}")).is_empty());
}

#[test]
fn administrators_are_not_the_only_callers() {
    let key = |name: &str, models: &str, admin: &str| {
        format!(
            "[keys.{name}]\nsecret = {{ env = \"KEY_{}\" }}\nmodels = {models}\n{admin}",
            name.to_uppercase()
        )
    };
    let admin = "admin = true\n";
    let ops = key("ops", "[]", admin);
    assert_eq!(
        findings_about_keys(&key("web", "[\"*\"]", admin)),
        ["NX0545"]
    );
    let named = key("web", "[\"chat\"]", admin);
    assert_eq!(findings_about_keys(&format!("{ops}{named}")), ["NX0545"]);
    assert!(findings_about_keys(&format!("{ops}{KEY}")).is_empty());
    assert!(findings_about_keys(&format!("{}{KEY}", key("ops", "[\"*\"]", admin))).is_empty());
    // Nobody else may use it, which is for its author to know.
    assert!(findings_about_keys(&ops).is_empty());
    assert_eq!(findings_about_keys(&key("ops", "[]", "")), ["NX0902"]);
}
