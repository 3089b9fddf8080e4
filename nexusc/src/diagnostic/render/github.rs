//! Annotations of GitHub Actions: lines of a job's output that show up beside the lines of a pull request.
//!
//! The form, and what is escaped in it, is that of the workflow commands of GitHub's runner.

use crate::diagnostic::render::{Found, Region};
use crate::redact::visible;
use crate::source::Source;

/// One finding as a workflow command.
pub(super) fn annotation(source: &Source, found: &Found) -> String {
    let diagnostic = &found.diagnostic;
    let mut text = diagnostic.message.clone();
    let labels = diagnostic.labels.iter().zip(&found.spans);
    for (label, span) in labels.filter(|(label, _)| !label.message.is_empty()) {
        let (line, _) = source.line_column(span.start);
        text.push_str(&format!("\nline {line}: {}", label.message));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    let place = found.spans.first().map(|span| {
        let Region {
            line,
            column,
            end_line,
            end_column,
        } = Region::of(source, span);
        // Columns are for a span within one line.
        let columns = if line == end_line {
            format!(",col={column},endColumn={end_column}")
        } else {
            String::new()
        };
        format!(",line={line},endLine={end_line}{columns}")
    });
    format!(
        "::{} file={}{},title={}::{}\n",
        diagnostic.severity().name(),
        property(&visible(&source.path)),
        place.unwrap_or_default(),
        diagnostic.code,
        data(&text)
    )
}

/// The text of a command: one line, in which `%` begins an escape.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command, which ends with a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(data("5 %\r\nof a, b: c"), "5 %25%0D%0Aof a, b: c");
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }
}
