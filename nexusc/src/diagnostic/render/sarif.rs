//! SARIF 2.1.0: the findings of a run over several specs as one log, for code scanning and editors.
//!
//! What a spec allows is there as well, as results that are suppressed in the source, with the author's reason.

use serde_json::{Value, json};
use toml::de::DeTable;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::render::{Found, Region, located};
use crate::lints::Allowed;
use crate::redact::scrubbed;
use crate::source::Source;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The results of a run over specs.
#[derive(Debug, Default)]
pub struct Log {
    results: Vec<Value>,
    /// The codes of the results, sorted.
    rules: Vec<Code>,
}

impl Log {
    /// Adds what there is to say about a spec, and what it allows.
    pub fn add(&mut self, source: &Source, diagnostics: &[Diagnostic], allowed: &[Allowed]) {
        let (document, _) = DeTable::parse_recoverable(&source.text);
        for found in located(source, &document, diagnostics) {
            self.push(source, &found, None);
        }
        for Allowed { diagnostic, reason } in allowed {
            for found in located(source, &document, std::slice::from_ref(diagnostic)) {
                self.push(source, &found, Some(reason));
            }
        }
    }

    /// The log as JSON.
    pub fn finish(&self) -> String {
        let rules: Vec<Value> = self.rules.iter().map(|&code| rule(code)).collect();
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "nexusc",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                } },
                "columnKind": "unicodeCodePoints",
                "results": self.results,
            }],
        });
        format!("{log:#}\n")
    }

    fn push(&mut self, source: &Source, found: &Found, reason: Option<&String>) {
        let code = found.diagnostic.code;
        if let Err(at) = self.rules.binary_search(&code) {
            self.rules.insert(at, code);
        }
        self.results.push(result(source, found, reason));
    }
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "shortDescription": { "text": code.title() },
        "help": { "text": code.page(), "markdown": code.page() },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

fn result(source: &Source, found: &Found, reason: Option<&String>) -> Value {
    let diagnostic = &found.diagnostic;
    let text = match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let labels = diagnostic.labels.iter().zip(&found.spans);
    let mut places: Vec<Value> = labels
        .map(|(label, span)| location(source, Region::of(source, span), &label.message))
        .collect();
    if places.is_empty() {
        places.push(json!({ "physicalLocation": { "artifactLocation": artifact(source) } }));
    }
    let conflicts = places.split_off(1);
    let result = json!({
        "ruleId": diagnostic.code.name(),
        "level": diagnostic.severity().name(),
        "message": { "text": text },
        "locations": places,
        "relatedLocations": conflicts,
    });
    let suppressions =
        reason.map(|reason| json!([{ "kind": "inSource", "justification": scrubbed(reason) }]));
    let result = with(result, "suppressions", suppressions);
    with(result, "fixes", fixes(source, found))
}

fn fixes(source: &Source, found: &Found) -> Option<Value> {
    let (fix, patch) = (found.diagnostic.fix.as_ref()?, found.patch.as_ref()?);
    let description = format!("{}: {}", fix.safety.name(), fix.change);
    let replacement = json!({
        "deletedRegion": region(Region::of(source, &patch.span)),
        "insertedContent": { "text": patch.text },
    });
    Some(json!([{
        "description": { "text": scrubbed(&description) },
        "artifactChanges": [{
            "artifactLocation": artifact(source),
            "replacements": [replacement],
        }],
    }]))
}

/// The object with one more property, if there is a value for it.
fn with(mut object: Value, property: &str, value: Option<Value>) -> Value {
    if let (Some(fields), Some(value)) = (object.as_object_mut(), value) {
        fields.insert(property.to_owned(), value);
    }
    object
}

fn location(source: &Source, place: Region, label: &str) -> Value {
    let location = json!({
        "physicalLocation": { "artifactLocation": artifact(source), "region": region(place) },
    });
    let message = (!label.is_empty()).then(|| json!({ "text": label }));
    with(location, "message", message)
}

fn region(place: Region) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

/// The path of a spec as a URI reference (RFC 3986): what cannot stand in one is escaped.
fn artifact(source: &Source) -> Value {
    let mut uri = String::new();
    for byte in source.path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    // Without a scheme, a path that is absolute would belong to no file system.
    let scheme = if uri.starts_with('/') { "file://" } else { "" };
    json!({ "uri": format!("{scheme}{uri}") })
}
