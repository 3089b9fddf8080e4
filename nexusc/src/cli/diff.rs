//! `nexusc diff`

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use nexusc::Source;
use nexusc::diff::render::{Format, render};
use nexusc::diff::{Risk, diff};
use nexusc::ir::Topology;

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::revision::Revision;
use crate::cli::{Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec as it was: a file, or `REVISION:PATH` as git takes it, such as `main:specs/chat.toml`
    #[arg(value_name = "OLD")]
    old: String,
    /// The spec as it is to be: a file, or `REVISION:PATH`. Without it, the file that OLD names, as it is on disk
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// How the changes are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: DiffFormat,
}

/// How changes are printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DiffFormat {
    /// For people
    #[default]
    Text,
    /// For a comment on a pull request
    Markdown,
    /// One JSON object
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let old = Spec::find(&arguments.old);
    let new = match (&arguments.new, &old) {
        (Some(new), _) => Spec::find(new),
        (None, Spec::Revision(revision)) => Spec::File(revision.on_disk()?),
        (None, Spec::File(_)) => return Err(Failure::OneSpec),
    };
    let (Some(before), Some(after)) = (topology(&old)?, topology(&new)?) else {
        return Ok(Outcome::Findings);
    };
    let diff = diff(&before, &after);
    let format = match arguments.format {
        DiffFormat::Text => Format::Text,
        DiffFormat::Markdown => Format::Markdown,
        DiffFormat::Json => Format::Json,
    };
    let names = [old.shown(), new.shown()];
    let text = render(&diff, [&names[0], &names[1]], format);
    write!(io::stdout(), "{text}")?;
    let breaks = diff
        .changes
        .iter()
        .any(|change| change.risk == Risk::Breaking);
    Ok(if breaks {
        Outcome::Breaking
    } else {
        Outcome::Clean
    })
}

/// Where a spec is.
enum Spec {
    File(String),
    Revision(Revision),
}

impl Spec {
    /// What `name` means: a file where there is one of this name.
    fn find(name: &str) -> Self {
        match Revision::parse(name) {
            Some(revision) if !Path::new(name).exists() => Self::Revision(revision),
            _ => Self::File(name.to_owned()),
        }
    }

    fn read(&self) -> Result<Source, Failure> {
        match self {
            Self::File(path) => Ok(fs::read_spec(Path::new(path))?.source),
            Self::Revision(revision) => revision.read(),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Revision(revision) => revision.to_string(),
        }
    }
}

/// What a spec means, also where its own tests fail: they are for `test`. Where it is not sound, says why, and
/// `None`. Warnings are for `check`.
fn topology(spec: &Spec) -> Result<Option<Topology>, Failure> {
    let source = spec.read()?;
    let compilation = match nexusc::topology(&source) {
        Ok(topology) => return Ok(Some(topology)),
        Err(compilation) => compilation,
    };
    let mut reports = Reports::new(OutputFormat::Text);
    reports.add(&source, &compilation)?;
    reports.finish()?;
    let count = count(&compilation.diagnostics);
    say(format_args!("{}: {count}", spec.shown()))?;
    Ok(None)
}
