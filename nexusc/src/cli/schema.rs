//! `nexusc schema`

use std::io::{self, Write};

use nexusc::schema;

use crate::cli::{Failure, Outcome};

pub(super) fn run() -> Result<Outcome, Failure> {
    let json = serde_json::to_string_pretty(&schema::json()).map_err(io::Error::from)?;
    writeln!(io::stdout(), "{json}")?;
    Ok(Outcome::Clean)
}
