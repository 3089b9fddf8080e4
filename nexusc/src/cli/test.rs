//! `nexusc test`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nexusc::compile;
use nexusc::diagnostic::has_errors;
use nexusc::ir::Percent;
use nexusc::trial::Report;
use nexusc::trial::coverage::{Coverage, Covered};
use serde_json::json;

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::{Failed, Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// Say which routes and keys no test has asked for
    #[arg(long)]
    coverage: bool,
    /// Exit with 1 where less than this of the routes, or of the keys, is covered: `80%`
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<Percent>,
    /// How findings and results are printed; as JSON, each spec's findings are followed by one object with its tests
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
        let diagnostics = &compilation.diagnostics;
        reports.add(&spec.source, &compilation)?;
        if has_errors(diagnostics) {
            outcome = Outcome::Findings;
        }
        let Some(tests) = &compilation.tests else {
            say(format_args!(
                "{}: {}; its tests cannot be tried",
                path.display(),
                count(diagnostics)
            ))?;
            continue;
        };
        match arguments.output_format {
            OutputFormat::Text => print_text(path, tests)?,
            OutputFormat::Short | OutputFormat::Github | OutputFormat::Sarif => {}
            OutputFormat::Json => print_json(path, tests)?,
        }
        let is_text = matches!(arguments.output_format, OutputFormat::Text);
        if is_text && (arguments.coverage || arguments.min_coverage.is_some()) {
            print_coverage(&tests.coverage)?;
        }
        let (found, least) = (tests.coverage.least(), arguments.min_coverage);
        if let Some(least) = least.filter(|least| found.0 < least.0) {
            say(format_args!(
                "{}: coverage is {found}, less than {least}",
                path.display()
            ))?;
            outcome = Outcome::Findings;
        }
    }
    reports.finish()?;
    failed.or(outcome)
}

fn print_text(path: &Path, report: &Report) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for test in &report.tests {
        let result = if test.unmet.is_empty() {
            "ok    "
        } else {
            "FAILED"
        };
        writeln!(output, "{result} {}", test.name)?;
    }
    let all = report.tests.len();
    let failed = report
        .tests
        .iter()
        .filter(|test| !test.unmet.is_empty())
        .count();
    let path = path.display();
    writeln!(output, "{path}: {} passed, {failed} failed", all - failed)
}

fn print_coverage(coverage: &Coverage) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for (what, covered) in [("routes", &coverage.routes), ("keys", &coverage.keys)] {
        let part = covered.part();
        write!(
            output,
            "{what:7} {} of {}, {part}",
            covered.count(),
            covered.all()
        )?;
        let missing: Vec<&str> = covered.missing().collect();
        match missing.as_slice() {
            [] => writeln!(output)?,
            names => writeln!(output, "; not in a test: {}", names.join(", "))?,
        }
    }
    Ok(())
}

fn print_json(path: &Path, report: &Report) -> io::Result<()> {
    let covered = |covered: &Covered| {
        json!({
            "covered": covered.count(),
            "all": covered.all(),
            "missing": covered.missing().collect::<Vec<_>>(),
        })
    };
    let tests: Vec<_> = report
        .tests
        .iter()
        .map(|test| {
            let unmet: Vec<_> = test
                .unmet
                .iter()
                .map(|unmet| {
                    json!({
                        "path": unmet.path.to_string(),
                        "expected": unmet.expected,
                        "instead": unmet.instead,
                        "because": unmet.because,
                    })
                })
                .collect();
            json!({
                "name": test.name,
                "path": test.path.to_string(),
                "passed": test.unmet.is_empty(),
                "unmet": unmet,
            })
        })
        .collect();
    let object = json!({
        "spec": path.to_string_lossy(),
        "tests": tests,
        "coverage": {
            "routes": covered(&report.coverage.routes),
            "keys": covered(&report.coverage.keys),
        },
    });
    writeln!(io::stdout(), "{object}")
}
