//! `nexusc check`

use std::path::PathBuf;

use nexusc::compile;
use nexusc::diagnostic::has_errors;

use crate::cli::{Failure, Outcome, OutputFormat, count, report, say};
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
    for path in &arguments.specs {
        let spec = fs::read_spec(path)?;
        let diagnostics = compile(&spec.source).diagnostics;
        report(&spec.source, &diagnostics, arguments.output_format)?;
        if matches!(arguments.output_format, OutputFormat::Text) {
            say(format_args!("{}: {}", path.display(), count(&diagnostics)))?;
        }
        if has_errors(&diagnostics) {
            outcome = Outcome::Findings;
        }
    }
    Ok(outcome)
}
