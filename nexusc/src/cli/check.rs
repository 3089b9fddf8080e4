//! `nexusc check`

use std::path::PathBuf;

use nexusc::compile;
use nexusc::diagnostic::has_errors;

use crate::cli::report::{OutputFormat, Reports, summary};
use crate::cli::{Failed, Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output_format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Clean;
    let mut failed = Failed::default();
    let mut reports = Reports::new(arguments.output_format);
    for path in &arguments.specs {
        let Some(spec) = failed.keep(fs::read_spec(path)) else {
            continue;
        };
        let compilation = compile(&spec.source);
        reports.add(&spec.source, &compilation)?;
        let diagnostics = &compilation.diagnostics;
        if matches!(arguments.output_format, OutputFormat::Text) {
            say(format_args!(
                "{}: {}",
                path.display(),
                summary(&compilation)
            ))?;
        }
        if has_errors(diagnostics) {
            outcome = Outcome::Findings;
        }
    }
    reports.finish()?;
    failed.or(outcome)
}
