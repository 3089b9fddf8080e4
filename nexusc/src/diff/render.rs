//! A diff as text for a terminal, Markdown for a comment on a pull request, and JSON.

use std::fmt::Write;

use serde_json::json;

use crate::diff::{Change, Diff, Risk};
use crate::suggest;

/// The form to render to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// One JSON object, with every name of every change.
    Json,
}

/// Renders a diff of two specs, which are shown by these names.
pub fn render(diff: &Diff, [before, after]: [&str; 2], format: Format) -> String {
    match format {
        Format::Text => {
            let mut text = format!("{before} -> {after}\n");
            for (risk, changes) in by_risk(diff) {
                let _ = writeln!(text, "{}", risk.name());
                for change in changes {
                    let _ = writeln!(text, "  {}", line(change));
                }
            }
            let _ = writeln!(text, "{}", summary(diff));
            text
        }
        Format::Markdown => {
            let mut text = format!("### {}\n\n`{before}` → `{after}`\n", summary(diff));
            for (risk, changes) in by_risk(diff) {
                let _ = write!(text, "\n**{}**\n\n", risk.name());
                for change in changes {
                    let _ = writeln!(text, "- {}", line(change).replace("->", "→"));
                }
            }
            text
        }
        Format::Json => format!("{}\n", to_json(diff, before, after)),
    }
}

/// "3 changes: 1 breaking, 2 risky"
pub fn summary(diff: &Diff) -> String {
    let all = diff.changes.len();
    let counts: Vec<String> = by_risk(diff)
        .map(|(risk, changes)| format!("{} {}", changes.len(), risk.name()))
        .collect();
    match all {
        0 => "no change of meaning".to_owned(),
        1 => format!("1 change: {}", counts.join(", ")),
        _ => format!("{all} changes: {}", counts.join(", ")),
    }
}

/// The risks that there are changes of, with those changes.
fn by_risk(diff: &Diff) -> impl Iterator<Item = (Risk, Vec<&Change>)> {
    let of = |risk| -> Vec<&Change> {
        let changes = diff.changes.iter();
        changes.filter(|change| change.risk == risk).collect()
    };
    let all = Risk::ALL.into_iter().map(move |risk| (risk, of(risk)));
    all.filter(|(_, changes)| !changes.is_empty())
}

/// A change in one line that makes sense without the spec.
fn line(change: &Change) -> String {
    let Change {
        risk: _,
        kind,
        names,
        serves,
        what,
    } = change;
    let several = names.len() > 1;
    let plural = if several { "s" } else { "" };
    let mut line = format!("{}{plural}", kind.name());
    if !names.is_empty() {
        let _ = write!(line, " {}", suggest::list(names.iter().map(String::as_str)));
    }
    if !serves.is_empty() {
        let models = suggest::list(serves.iter().map(String::as_str));
        let verb = if several { "serve" } else { "serves" };
        let _ = write!(line, " ({verb} {models})");
    }
    let _ = write!(line, ": {what}");
    line
}

fn to_json(diff: &Diff, before: &str, after: &str) -> serde_json::Value {
    let change = |change: &Change| {
        json!({
            "risk": change.risk.name(),
            "kind": change.kind.name(),
            "names": change.names,
            "serves": change.serves,
            "what": change.what,
            "text": line(change),
        })
    };
    let count = |risk| {
        diff.changes
            .iter()
            .filter(|change| change.risk == risk)
            .count()
    };
    json!({
        "before": before,
        "after": after,
        "summary": summary(diff),
        "breaking": count(Risk::Breaking),
        "risky": count(Risk::Risky),
        "safe": count(Risk::Safe),
        "changes": diff.changes.iter().map(change).collect::<Vec<_>>(),
    })
}
