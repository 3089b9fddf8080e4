//! Reports for machines: what GitHub and readers of SARIF make of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use nexusc::diagnostic::code::Code;
use nexusc::diagnostic::render::{Format, render, sarif};
use nexusc::{Source, compile};
use serde_json::Value;
use serde_sarif::sarif::Sarif;

/// The log of some specs, by file name.
fn log(specs: &[(&str, &str)]) -> Value {
    let mut log = sarif::Log::default();
    for (name, text) in specs {
        let source = Source::new(*name, *text);
        let compilation = compile(&source);
        log.add(&source, &compilation.diagnostics, &compilation.allowed);
    }
    serde_json::from_str(&log.finish()).unwrap()
}

#[test]
fn sarif_is_what_its_schema_says() {
    for code in Code::ALL {
        let pages = code.page().split("```toml\n").skip(1);
        let examples: Vec<(&str, &str)> = pages
            .filter_map(|rest| Some(("specs/example.toml", rest.split("```").next()?)))
            .collect();
        let log = log(&examples);
        // These types are made from the schema: they refuse wrong values, and drop what it does not know.
        let read: Sarif = serde_json::from_value(log.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), log, "{code}");
    }
}

#[test]
fn sarif_has_rules_places_conflicts_and_fixes() {
    let log = log(&[
        (
            "specs/small slips.toml",
            include_str!("ui/small-slips.toml"),
        ),
        ("specs/capacities.toml", include_str!("ui/capacities.toml")),
    ]);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rules: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    let results = run["results"].as_array().unwrap();
    for result in results {
        assert!(rules.contains(result["ruleId"].as_str().unwrap()));
    }
    let of = |code: &str| results.iter().find(|result| result["ruleId"] == code);
    let shown = serde_json::to_string_pretty(&[of("NX0104"), of("NX0438")]).unwrap();
    insta::assert_snapshot!("sarif", shown);
}

#[test]
fn sarif_shows_what_is_allowed_with_the_reason() {
    let page = Code::NX0908.page();
    let right = page
        .split("```toml\n")
        .nth(2)
        .and_then(|rest| rest.split("```").next());
    let log = log(&[("specs/spare.toml", right.unwrap())]);
    let results = &log["runs"][0]["results"];
    assert_eq!(results[0]["ruleId"], "NX0901");
    let suppression = &results[0]["suppressions"][0];
    assert_eq!(suppression["kind"], "inSource");
    assert_eq!(suppression["justification"], "a warm spare");
}

#[test]
fn each_annotation_is_one_line() {
    let text = include_str!("ui/capacities.toml");
    let source = Source::new("specs/a,b:c.toml", text);
    let diagnostics = compile(&source).diagnostics;
    let annotations = render(&source, &diagnostics, Format::Github);
    assert_eq!(annotations.lines().count(), diagnostics.len());
    insta::assert_snapshot!("github", annotations);
}
