//! Diagnostics as text, in the shape that rustc has taught everybody to read, and in the formats of machines.

mod github;
pub mod sarif;

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use toml::Spanned;
use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Severity};
use crate::fix::{self, Patch};
use crate::redact::{self, looks_secret, may_carry_credentials, scrubbed, visible};
use crate::source::{Source, span_of};

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With the lines of the spec, in colour if the terminal has it.
    Text {
        /// Whether to use terminal colours.
        colour: bool,
    },
    /// One line each: `specs/chat.toml:41:13: error[NX0101]: unknown upstream `chat-c``.
    Short,
    /// One JSON object a line.
    Json,
    /// One annotation of GitHub Actions a line.
    Github,
}

/// Renders the findings about one spec, in the order of the file. Secrets in the spec are masked.
pub fn render(source: &Source, diagnostics: &[Diagnostic], format: Format) -> String {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let masked = redact::masked(&source.text, &document, errors.is_empty());
    let mut output = String::new();
    for found in &located(source, &document, diagnostics) {
        match format {
            Format::Text { colour } => {
                output.push_str(&as_text(source, &masked, found, colour));
                output.push_str("\n\n");
            }
            Format::Short => output.push_str(&as_line(source, found)),
            Format::Json => output.push_str(&as_json(source, found)),
            Format::Github => output.push_str(&github::annotation(source, found)),
        }
    }
    output
}

/// The findings in the order of the file, with their places in it. Nothing in them looks like a secret, or controls a terminal.
fn located(
    source: &Source,
    document: &Spanned<DeTable<'_>>,
    diagnostics: &[Diagnostic],
) -> Vec<Found> {
    let locate = |diagnostic: &Diagnostic| {
        let spans = diagnostic.labels.iter();
        let patch = diagnostic
            .fix
            .as_ref()
            .and_then(|fix| fix::patch(&source.text, document.get_ref(), fix));
        Found {
            diagnostic: fit_to_print(diagnostic),
            spans: spans.map(|label| span_of(document, &label.place)).collect(),
            patch: patch
                .filter(|patch| !looks_secret(&patch.text) && !may_carry_credentials(&patch.text)),
        }
    };
    let mut found: Vec<Found> = diagnostics.iter().map(locate).collect();
    found.sort_by_key(|found| {
        let start = found.spans.first().map_or(0, |span| span.start);
        (start, found.diagnostic.code)
    });
    found
}

/// A name may be a secret too, or control the terminal that it is printed to, and any message may hold a name.
fn fit_to_print(diagnostic: &Diagnostic) -> Diagnostic {
    let fit = |text: &str| visible(&scrubbed(text));
    let mut clean = diagnostic.clone();
    clean.message = fit(&clean.message);
    clean.help = clean.help.map(|help| fit(&help));
    for label in &mut clean.labels {
        label.message = fit(&label.message);
    }
    clean
}

/// A finding with its places in the text.
struct Found {
    diagnostic: Diagnostic,
    /// One for each of its labels.
    spans: Vec<Range<usize>>,
    /// What its fix does to the text.
    patch: Option<Patch>,
}

fn as_text(source: &Source, masked: &str, found: &Found, colour: bool) -> String {
    let diagnostic = &found.diagnostic;
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.name());
    let mut group: Group<'_> = if found.spans.is_empty() {
        title.element(Origin::path(source.path.as_str()))
    } else {
        let mut snippet = Snippet::source(masked).path(source.path.as_str());
        for (index, (span, label)) in found.spans.iter().zip(&diagnostic.labels).enumerate() {
            let kind = if index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let annotation = kind.span(span.clone());
            let message = Some(label.message.as_str()).filter(|message| !message.is_empty());
            snippet = snippet.annotation(annotation.label(message));
        }
        title.element(snippet)
    };
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

fn as_line(source: &Source, found: &Found) -> String {
    let (line, column) = source.line_column(found.spans.first().map_or(0, |span| span.start));
    let Diagnostic { code, message, .. } = &found.diagnostic;
    let severity = found.diagnostic.severity().name();
    let path = visible(&source.path);
    format!("{path}:{line}:{column}: {severity}[{code}]: {message}").replace('\n', " ") + "\n"
}

fn as_json(source: &Source, found: &Found) -> String {
    let diagnostic = &found.diagnostic;
    let labels = found.spans.iter().zip(&diagnostic.labels);
    let fix = diagnostic.fix.as_ref().zip(found.patch.as_ref());
    let object = JsonDiagnostic {
        code: diagnostic.code.name(),
        severity: diagnostic.severity().name(),
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        path: &source.path,
        spans: labels
            .map(|(span, label)| JsonSpan {
                region: Region::of(source, span),
                label: &label.message,
            })
            .collect(),
        fix: fix.map(|(fix, patch)| JsonFix {
            safety: fix.safety.name(),
            region: Region::of(source, &patch.span),
            text: &patch.text,
        }),
    };
    serde_json::to_string(&object).expect("strings and numbers become JSON") + "\n"
}

#[derive(Serialize)]
struct JsonDiagnostic<'d> {
    code: &'d str,
    severity: &'d str,
    message: &'d str,
    help: Option<&'d str>,
    path: &'d str,
    spans: Vec<JsonSpan<'d>>,
    fix: Option<JsonFix<'d>>,
}

#[derive(Serialize)]
struct JsonSpan<'d> {
    #[serde(flatten)]
    region: Region,
    label: &'d str,
}

/// What is to be written in a region instead of what stands there.
#[derive(Serialize)]
struct JsonFix<'d> {
    safety: &'static str,
    #[serde(flatten)]
    region: Region,
    text: &'d str,
}

/// A span as lines and columns (in characters), from 1; the end is the column after the last one.
#[derive(Clone, Copy, Serialize)]
struct Region {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl Region {
    fn of(source: &Source, span: &Range<usize>) -> Self {
        let (line, column) = source.line_column(span.start);
        let (end_line, end_column) = source.line_column(span.end);
        Self {
            line,
            column,
            end_line,
            end_column,
        }
    }
}
