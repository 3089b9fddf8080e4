//! Source -> Spec: syntax and shape.
//!
//! The text is parsed into a document with spans, the document is compared with the language's schema, and
//! what fits is read into [`Spec`]. Every misfit is reported; the entry that it stands in is left out and
//! remembered, so that the later phases see all the rest and never complain about what is left out here.
//!
//! Never here: names, units or any other meaning.

mod fixes;
mod shape;

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::{KeyPath, Segment};
use crate::source::{Place, Source};
use crate::spec::Spec;

/// The edition of the language that this compiler reads.
const EDITION: u64 = 1;

/// A spec as far as it could be read.
#[derive(Debug)]
pub struct Parsed {
    /// What was read; `None` if the file is no TOML or no spec at all.
    pub spec: Option<Spec>,
    /// The key paths that were left out because of what is reported in `diagnostics`.
    pub left_out: BTreeSet<KeyPath>,
    /// Everything that is wrong with syntax and shape.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a spec.
pub fn parse(source: &Source) -> Parsed {
    if let Some(at) = source.not_utf8_from {
        return Parsed {
            spec: None,
            left_out: BTreeSet::new(),
            diagnostics: vec![not_utf8(at)],
        };
    }
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        let diagnostics = errors.iter().map(syntax_error).collect();
        return Parsed {
            spec: None,
            left_out: BTreeSet::new(),
            diagnostics,
        };
    }
    if let Some(diagnostic) = wrong_edition(document.get_ref()) {
        let diagnostics = vec![diagnostic];
        return Parsed {
            spec: None,
            left_out: BTreeSet::new(),
            diagnostics,
        };
    }
    let shape::Misfits {
        unsure,
        mut left_out,
        mut diagnostics,
    } = shape::compare(document.get_ref());
    let mut fitting = document.clone();
    for path in &left_out {
        remove(fitting.get_mut(), path.segments());
    }
    // Without an edition the rest is read as of this one, so that all of it is judged in one run.
    let is_a_spec = !fitting.get_ref().is_empty();
    if is_a_spec && !fitting.get_ref().contains_key("edition") {
        let edition = DeTable::parse("edition = 1").map(Spanned::into_inner);
        fitting.get_mut().extend(edition.unwrap_or_default());
    }
    let spec = match Spec::deserialize(toml::Deserializer::from(fitting)) {
        Ok(spec) => Some(spec),
        Err(error) if diagnostics.is_empty() => {
            let place = Place::Span(error.span().unwrap_or(0..0));
            diagnostics.push(Diagnostic::new(Code::NX0004, error.message(), place, ""));
            None
        }
        Err(_) => None,
    };
    left_out.extend(unsure);
    Parsed {
        spec,
        left_out,
        diagnostics,
    }
}

/// Bytes that are no text, in whose place the text has a replacement character.
fn not_utf8(at: usize) -> Diagnostic {
    let place = Place::Span(at..at + char::REPLACEMENT_CHARACTER.len_utf8());
    let message = format!("byte {at} is not UTF-8 text");
    Diagnostic::new(Code::NX0001, message, place, "").help("save the file in the encoding UTF-8")
}

fn syntax_error(error: &toml::de::Error) -> Diagnostic {
    let place = Place::Span(error.span().unwrap_or(0..0));
    let message = error
        .message()
        .lines()
        .next()
        .unwrap_or("not valid TOML")
        .to_owned();
    let help = if message.contains("duplicate key") {
        Some("it stands here for a second time: merge the two, or rename one")
    } else if message.contains("escape") {
        Some("a backslash begins an escape: write `\\\\`, or the text in `'...'`")
    } else if message.contains("visible") {
        Some("a control character is written as an escape, such as `\\u001b`")
    } else if message.contains("keys cannot be") {
        None
    } else if message.contains("multi-line") {
        Some("a string of several lines ends with `\"\"\"`, or `\'\'\'` as it began")
    } else if message.contains("must be quoted") {
        Some("put it in quotes: `\"...\"`")
    } else if message.contains("literal string") {
        Some("a string begins and ends on one line with `'`")
    } else if message.contains("string") || message.contains("quote") {
        Some("a string begins and ends on one line with `\"`")
    } else if message.contains("inline table") {
        Some("a table in braces is complete: write the field inside them")
    } else {
        None
    };
    let diagnostic = Diagnostic::new(Code::NX0001, message, place, "");
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// An edition from the future may mean anything, so nothing else is said about such a spec.
fn wrong_edition(document: &DeTable<'_>) -> Option<Diagnostic> {
    let edition = document.get("edition")?.get_ref().as_integer()?;
    if edition.as_str().parse() == Ok(EDITION) {
        return None;
    }
    let place = Place::Value(KeyPath::root().key("edition"));
    let message = format!("unknown edition {edition}");
    let help = format!("this compiler reads `edition = {EDITION}`");
    Some(Diagnostic::new(Code::NX0005, message, place, "").help(help))
}

/// Removes the entry at this path, if it is there.
fn remove(table: &mut DeTable<'_>, path: &[Segment]) {
    match path {
        [Segment::Key(last)] => {
            table.remove(last.as_str());
        }
        [Segment::Key(key), rest @ ..] => {
            if let Some(value) = table.get_mut(key.as_str()) {
                remove_in_value(value, rest);
            }
        }
        _ => {}
    }
}

fn remove_in_value(value: &mut Spanned<DeValue<'_>>, path: &[Segment]) {
    match (value.get_mut(), path) {
        (DeValue::Table(table), path) => remove(table, path),
        (DeValue::Array(array), [Segment::Index(index), rest @ ..]) if !rest.is_empty() => {
            if let Some(element) = array.get_mut(*index) {
                remove_in_value(element, rest);
            }
        }
        _ => {}
    }
}
