//! `nexusc explain`

use std::io::{self, Write};

use nexusc::diagnostic::code::Code;

use crate::cli::{Failure, Outcome, say};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The code, such as NX0101; without it, every code is listed
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut output = io::stdout().lock();
    let Some(name) = &arguments.code else {
        for code in Code::ALL {
            writeln!(
                output,
                "{code}  {:7}  {}",
                code.severity().name(),
                code.title()
            )?;
        }
        return Ok(Outcome::Clean);
    };
    match Code::find(name) {
        Some(code) => {
            write!(output, "{}", code.page())?;
            Ok(Outcome::Clean)
        }
        None => {
            say(format_args!(
                "error: no such code; `nexusc explain` lists them all"
            ))?;
            Ok(Outcome::Findings)
        }
    }
}
