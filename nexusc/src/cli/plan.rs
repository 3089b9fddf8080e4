//! `nexusc plan`

use std::io::{self, Write};
use std::path::PathBuf;

use nexusc::diagnostic::has_errors;
use nexusc::plan::points;
use nexusc::plan::report::{Answers, Report, Server};
use nexusc::{compile, conventions};
use serde_json::json;

use crate::cli::report::{OutputFormat, Reports};
use crate::cli::{Failure, Outcome, plan_table, points as comparison};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs
    #[arg(required_unless_present = "points", value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// Compare the plan with measured starts: a CSV file with the columns of nexusc/tests/gpu/train.csv
    #[arg(long, value_name = "FILE.csv", conflicts_with = "specs")]
    points: Option<PathBuf>,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: a bar for each GPU, and what its servers can serve
    #[default]
    Text,
    /// For programs
    Json,
    /// A picture of each GPU
    Svg,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if let Some(path) = &arguments.points {
        return compare(path, arguments.format);
    }
    let mut outcome = Outcome::Clean;
    for path in &arguments.specs {
        let spec = fs::read_spec(path)?;
        let compilation = compile(&spec.source);
        if has_errors(&compilation.diagnostics) {
            outcome = Outcome::Findings;
        }
        // Findings go to standard error, so that what is printed stays a table, JSON or a picture.
        Reports::new(OutputFormat::Text).add(&spec.source, &compilation)?;
        let plan = compilation.plan.unwrap_or_default();
        print(&plan, spec.source.name(), arguments.format)?;
    }
    Ok(outcome)
}

fn print(plan: &Report, name: &str, format: Format) -> io::Result<()> {
    match format {
        Format::Text => plan_table::print(plan, name),
        Format::Json => {
            let servers = plan.profiles.iter().flat_map(|profile| &profile.services);
            let answers: Vec<Answers> = servers.filter_map(Server::answers).collect();
            let plan = json!({ "spec": name, "profiles": plan.profiles, "answers": answers });
            writeln!(io::stdout(), "{plan:#}")
        }
        Format::Svg => {
            let header = conventions::header(name);
            write!(io::stdout(), "{}", nexusc::plan::svg::svg(plan, &header))
        }
    }
}

fn compare(path: &std::path::Path, format: Format) -> Result<Outcome, Failure> {
    let text = fs::read_text(path)?;
    let points = points::read(&text).map_err(|cause| Failure::Points {
        path: path.display().to_string(),
        cause,
    })?;
    match format {
        Format::Json => {
            let report = json!({ "summary": points::summary::summary(&points), "points": points });
            writeln!(io::stdout(), "{report:#}")?;
        }
        Format::Text | Format::Svg => comparison::print(&points)?,
    }
    Ok(Outcome::Clean)
}
