//! `nexusc import`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nexusc::diagnostic::has_errors;
use nexusc::import::{Format, import};
use nexusc::{Source, compile};

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::{Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// An `.env` file with variables GATEWAY_*, or a LiteLLM `config.yaml`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the spec is written; without it, it is printed
    #[arg(short, long, value_name = "SPEC")]
    output: Option<PathBuf>,
    /// What the file is; without it, its name tells: .yaml and .yml are LiteLLM's
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<From>,
    /// Replace a spec that is there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// Variables GATEWAY_*
    Env,
    /// LiteLLM's configuration
    Litellm,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let shown = arguments.file.display();
    let text = fs::read_text(&arguments.file)?;
    let format = match arguments.from {
        Some(From::Env) => Format::Env,
        Some(From::Litellm) => Format::LiteLlm,
        None => Format::of(&arguments.file.to_string_lossy()),
    };
    let spec = match import(&text, format) {
        Ok(spec) => spec,
        Err(error) => {
            say(format_args!("error: cannot import `{shown}`: {error}"))?;
            return Ok(Outcome::Findings);
        }
    };
    let path = arguments
        .output
        .as_deref()
        .unwrap_or(Path::new("imported.toml"));
    let source = Source::new(path.to_string_lossy(), spec);
    let compilation = compile(&source);
    if arguments.output.is_some() {
        for written in fs::write_spec(path, &source.text, arguments.force)? {
            say(format_args!("  + {}", written.display()))?;
        }
    } else {
        write!(io::stdout(), "{}", source.text)?;
    }
    let mut reports = Reports::new(OutputFormat::Text);
    reports.add(&source, &compilation)?;
    reports.finish()?;
    let left = source
        .text
        .lines()
        .filter(|line| line.starts_with("# not carried over"))
        .count();
    say(format_args!(
        "{shown}: imported; {left} settings not carried over, named in comments; {}",
        count(&compilation.diagnostics)
    ))?;
    Ok(if has_errors(&compilation.diagnostics) {
        Outcome::Findings
    } else {
        Outcome::Clean
    })
}
