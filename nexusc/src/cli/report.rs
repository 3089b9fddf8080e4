//! How the findings of a run are printed: text to standard error, what machines read to standard output.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use nexusc::diagnostic::fix::Safety;
use nexusc::diagnostic::render::{Format, render, sarif};
use nexusc::diagnostic::{Diagnostic, Severity};
use nexusc::{Compilation, Source};

/// How diagnostics are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For people: with the lines of the spec
    #[default]
    Text,
    /// One line each: path:line:column: severity[code]: message
    Short,
    /// One JSON object a line
    Json,
    /// One annotation of GitHub Actions a line
    Github,
    /// SARIF 2.1.0: one log for all specs, with what they allow
    Sarif,
}

/// The findings of a run over specs, printed as they come or, as one log, at the end.
pub(super) struct Reports {
    format: OutputFormat,
    log: sarif::Log,
}

impl Reports {
    pub(super) fn new(format: OutputFormat) -> Self {
        Self {
            format,
            log: sarif::Log::default(),
        }
    }

    /// Takes the findings about a spec.
    pub(super) fn add(&mut self, source: &Source, compilation: &Compilation) -> io::Result<()> {
        let diagnostics = &compilation.diagnostics;
        let format = match self.format {
            OutputFormat::Text => {
                let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                let text = render(source, diagnostics, Format::Text { colour });
                return write!(io::stderr(), "{text}");
            }
            OutputFormat::Short => Format::Short,
            OutputFormat::Json => Format::Json,
            OutputFormat::Github => Format::Github,
            OutputFormat::Sarif => {
                self.log.add(source, diagnostics, &compilation.allowed);
                return Ok(());
            }
        };
        write!(io::stdout(), "{}", render(source, diagnostics, format))
    }

    /// Prints what has to be printed as one.
    pub(super) fn finish(self) -> io::Result<()> {
        if self.format == OutputFormat::Sarif {
            write!(io::stdout(), "{}", self.log.finish())?;
        }
        Ok(())
    }
}

/// "2 errors, 1 warning"
pub(super) fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity: Severity| {
        let number = diagnostics
            .iter()
            .filter(|found| found.severity() == severity)
            .count();
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {}{plural}", severity.name()))
    };
    let parts: Vec<String> = [of(Severity::Error), of(Severity::Warning)]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        "no findings".to_owned()
    } else {
        parts.join(", ")
    }
}

/// "2 errors, 1 warning, 1 allowed; `nexusc fix` mends 2"
pub(super) fn summary(compilation: &Compilation) -> String {
    let diagnostics = &compilation.diagnostics;
    let allowed = match compilation.allowed.len() {
        0 => String::new(),
        number => format!(", {number} allowed"),
    };
    format!("{}{allowed}{}", count(diagnostics), fixable(diagnostics))
}

/// "; `nexusc fix` mends 2", where it does.
fn fixable(diagnostics: &[Diagnostic]) -> String {
    let of = |safety: Safety| {
        let fixes = diagnostics.iter().filter_map(|found| found.fix.as_ref());
        fixes.filter(|fix| fix.safety == safety).count()
    };
    match (of(Safety::Safe), of(Safety::Unsafe)) {
        (0, 0) => String::new(),
        (safe, 0) => format!("; `nexusc fix` mends {safe}"),
        (0, probable) => format!("; `nexusc fix --unsafe` mends {probable}"),
        (safe, probable) => {
            format!("; `nexusc fix` mends {safe}, with `--unsafe` {probable} more")
        }
    }
}
