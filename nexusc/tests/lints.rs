//! `[lints]`: what a spec allows and denies.

use nexusc::diagnostic::Severity;
use nexusc::diagnostic::code::Code;
use nexusc::{Source, compile};

const SPARE: &str = "edition = 1\ngateway.development = true\nmodels.chat = {}\nupstreams.a.url = \"http://a:8000\"\n\
                     upstreams.spare.url = \"http://spare:8000\"\n\
                     routes.chat = { models = [\"chat\"], direct = { upstream = \"a\" } }\n";

fn with(lints: &str) -> Source {
    Source::new("spec.toml", format!("{SPARE}[lints]\n{lints}\n"))
}

#[test]
fn what_is_allowed_is_handed_on_with_its_reason() {
    let compilation = compile(&with(
        "NX0901 = { level = \"allow\", reason = \" a warm spare \" }",
    ));
    assert!(compilation.output.is_some());
    assert!(compilation.diagnostics.is_empty());
    let [allowed] = &compilation.allowed[..] else {
        panic!("one finding is allowed: {:#?}", compilation.allowed)
    };
    assert_eq!(allowed.diagnostic.code, Code::NX0901);
    assert_eq!(allowed.reason, "a warm spare");
}

#[test]
fn what_is_denied_stops_the_compilation_and_names_both_places() {
    let compilation = compile(&with(
        "NX0901 = { level = \"deny\", reason = \"GPUs are dear\" }",
    ));
    assert!(compilation.output.is_none());
    let [denied] = &compilation.diagnostics[..] else {
        panic!("one finding: {:#?}", compilation.diagnostics)
    };
    assert_eq!(denied.severity(), Severity::Error);
    assert_eq!(denied.labels.len(), 2);
    assert_eq!(denied.labels[1].message, "denied here: GPUs are dear");
}

#[test]
fn errors_can_be_allowed_where_they_are_a_matter_of_judgement_alone() {
    let allowed: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| code.severity() == Severity::Error && code.may_be_allowed())
        .collect();
    assert_eq!(allowed, [Code::NX0433, Code::NX0434, Code::NX0435]);
    for code in allowed {
        assert!(
            code.page().contains("[lints]"),
            "the page of {code} says so"
        );
    }
}

#[test]
fn an_idle_entry_is_no_cascade_of_an_error() {
    // Without the route nobody knows which upstreams are used.
    let source = with("NX0901 = { level = \"allow\", reason = \"a warm spare\" }");
    let source = Source::new("spec.toml", source.text.replace("direct", "drect"));
    let codes: Vec<Code> = compile(&source)
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect();
    assert_eq!(codes, [Code::NX0002]);
}

#[test]
fn an_idle_entry_can_be_allowed_itself() {
    let idle = "NX0902 = { level = \"allow\", reason = \"keys come and go\" }\n\
                NX0901 = { level = \"allow\", reason = \"a warm spare\" }\n";
    let codes = |lints: &str| -> Vec<Code> {
        let diagnostics = compile(&with(lints)).diagnostics;
        diagnostics.iter().map(|found| found.code).collect()
    };
    assert_eq!(codes(idle), [Code::NX0908]);
    let allowed = format!("{idle}NX0908 = {{ level = \"allow\", reason = \"of a template\" }}\n");
    assert!(codes(&allowed).is_empty());
}
