//! `nexusc plan`

use std::io::{self, Write};
use std::path::PathBuf;

use nexusc::plan::points;
use serde_json::json;

use crate::cli::{Failure, Outcome, points as comparison};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Compare the plan with measured starts: a CSV file with the columns of nexusc/tests/gpu/train.csv
    #[arg(long, value_name = "FILE.csv")]
    points: PathBuf,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let text = fs::read_text(&arguments.points)?;
    let points = points::read(&text).map_err(|cause| Failure::Points {
        path: arguments.points.display().to_string(),
        cause,
    })?;
    match arguments.format {
        Format::Text => comparison::print(&points)?,
        Format::Json => {
            let report = json!({ "summary": points::summary(&points), "points": points });
            writeln!(io::stdout(), "{report:#}")?;
        }
    }
    Ok(Outcome::Clean)
}
