//! `nexusc fix`

use std::io::{self, Write};
use std::path::PathBuf;

use nexusc::diagnostic::fix::Safety;
use nexusc::diagnostic::has_errors;
use nexusc::fix::{diff, fix};

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::{Failed, Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// Make the changes too that are only probably meant, such as the nearest name for an unknown one
    #[arg(long)]
    r#unsafe: bool,
    /// Write nothing; print what would change as a diff
    #[arg(long)]
    dry_run: bool,
    /// How the findings that are left are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output_format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let most = if arguments.r#unsafe {
        Safety::Unsafe
    } else {
        Safety::Safe
    };
    let mut outcome = Outcome::Clean;
    let mut failed = Failed::default();
    let mut reports = Reports::new(arguments.output_format);
    for path in &arguments.specs {
        let Some(spec) = failed.keep(fs::read_spec(path)) else {
            continue;
        };
        let source = spec.source;
        let fixed = fix(&source, most);
        if fixed.source.text != source.text {
            if arguments.dry_run {
                write!(io::stdout(), "{}", diff(&source, &fixed.source))?;
            } else {
                fs::replace(path, &fixed.source.text)?;
            }
        }
        reports.add(&fixed.source, &fixed.left)?;
        let verb = if arguments.dry_run {
            "would be fixed"
        } else {
            "fixed"
        };
        say(format_args!(
            "{}: {} {verb}, left: {}",
            path.display(),
            fixed.mended.len(),
            count(&fixed.left.diagnostics)
        ))?;
        if has_errors(&fixed.left.diagnostics) {
            outcome = Outcome::Findings;
        }
    }
    reports.finish()?;
    failed.or(outcome)
}
