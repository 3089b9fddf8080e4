//! `nexusc init`

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use nexusc::diagnostic::has_errors;
use nexusc::emit::shell::word;
use nexusc::starter::starter;
use nexusc::{Source, compile};

use crate::cli::report::{OutputFormat, Reports};
use crate::cli::{Failure, Outcome, say};
use crate::fs;

const UPSTREAM: &str = "mock://local";
const MODEL: &str = "chat";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec to write
    #[arg(value_name = "SPEC", default_value = "specs/gateway.toml")]
    spec: PathBuf,
    /// The address of a model server, such as http://localhost:8000; mock://local answers by itself
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The model that it serves, which is what clients ask for
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Replace a spec that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    // Who gives neither and sits before a terminal is asked.
    let asks =
        arguments.upstream.is_none() && arguments.model.is_none() && io::stdin().is_terminal();
    let answer = |given: &Option<String>, question: &str, default: &str| match given {
        Some(given) => Ok(given.clone()),
        None if asks => ask(question, default),
        None => Ok(default.to_owned()),
    };
    let upstream = answer(
        &arguments.upstream,
        "Address of your model server",
        UPSTREAM,
    )?;
    let model = answer(&arguments.model, "Name of the model that it serves", MODEL)?;
    let text = match starter(&upstream, &model) {
        Ok(text) => text,
        Err(why) => {
            say(format_args!("error: {why}"))?;
            return Ok(Outcome::Findings);
        }
    };
    // The name of the file is that of the spec, and not every one can be.
    let source = Source::new(arguments.spec.to_string_lossy(), text.as_str());
    let compilation = compile(&source);
    if has_errors(&compilation.diagnostics) {
        Reports::new(OutputFormat::Text).add(&source, &compilation)?;
        say("error: nothing is written")?;
        return Ok(Outcome::Findings);
    }
    for written in fs::write_spec(&arguments.spec, &text, arguments.force)? {
        say(format_args!("  + {}", written.display()))?;
    }
    let spec = word(&arguments.spec.to_string_lossy());
    if fs::is_in_workspace(&arguments.spec) {
        say(format_args!("run it: nexusc up {spec}"))?;
    } else {
        // There is nothing to build it with.
        say(format_args!(
            "check it after each change: nexusc check {spec}\nand write what it becomes: nexusc build {spec}"
        ))?;
    }
    Ok(Outcome::Clean)
}

/// One line from the terminal; an empty one is the default.
fn ask(question: &str, default: &str) -> Result<String, Failure> {
    write!(io::stderr(), "{question} [{default}]: ")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let answer = line.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}
