//! Arguments, exit codes, and one file for each subcommand.

mod build;
mod check;
mod diff;
mod explain;
mod fix;
mod import;
mod init;
mod plan;
mod plan_table;
mod points;
mod report;
mod revision;
mod schema;
mod simulate;
mod test;
mod up;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::fs;

/// Compiles a spec of LLM serving into a gateway and everything that must agree with it.
///
/// Start with: nexusc up specs/quickstart.toml
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all is well, 1 something was found (errors in a spec, tests that fail, stale files), \
                          2 wrong arguments, 3 something else failed (a file, a build), \
                          4 a breaking change (diff).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Say everything that is wrong with specs, and write nothing
    Check(check::Arguments),
    /// Try the tests that specs hold
    Test(test::Arguments),
    /// Decide about recorded requests again, by a spec and by the one before it
    Simulate(simulate::Arguments),
    /// Mend in specs what can be mended, comments and layout kept, and check them again
    Fix(fix::Arguments),
    /// Write the dataplane crate and the artifacts of specs
    Build(build::Arguments),
    /// Write a first spec: one model on one server
    Init(init::Arguments),
    /// Make a spec of what you have: an `.env` file, or a LiteLLM configuration
    Import(import::Arguments),
    /// Ask the programs that artifacts are for whether they take them
    Verify(verify::Arguments),
    /// Say what a change of a spec changes for whom, and how dangerous that is
    Diff(diff::Arguments),
    /// Build a spec's dataplane and run it
    Up(up::Arguments),
    /// Say what of a spec's servers fits onto its GPUs, and what they can serve there
    Plan(plan::Arguments),
    /// Explain a diagnostic code
    Explain(explain::Arguments),
    /// Print the JSON schema of the spec language
    Schema,
}

/// How a subcommand ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Clean,
    Findings,
    /// A change after which something that worked does not.
    Breaking,
}

/// Why a subcommand could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    File(#[from] fs::Error),
    #[error("cannot run `{command}`: {cause}")]
    Run { command: String, cause: io::Error },
    #[error("`{command}` failed: see above")]
    Build { command: String },
    #[error(
        "no `Cargo.toml` beside the output: a dataplane is built in a workspace that has `runtime`; put the spec into `specs/` of a checkout of Nexus"
    )]
    NoWorkspace,
    #[error("cannot read the points of `{path}`: {cause}")]
    Points {
        path: String,
        cause: nexusc::plan::points::Error,
    },
    #[error(
        "one spec has nothing to be compared with: name two, or one as a git revision has it, such as \
         `main:specs/chat.toml`"
    )]
    OneSpec,
    #[error(
        "`{first}` and `{second}` have one name, and so one output, of which the second would replace the first: rename \
         one of the files"
    )]
    OneOutput { first: String, second: String },
    #[error("what `{command}` prints is not UTF-8 text")]
    NotText { command: String },
    #[error("not there, so that not everything could be checked: {}", .tools.join(", "))]
    Tools { tools: Vec<&'static str> },
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Specs whose files failed. The others are judged and reported all the same.
#[derive(Default)]
struct Failed(Vec<fs::Error>);

impl Failed {
    /// What was read; `None` where that failed.
    fn keep<T>(&mut self, result: Result<T, fs::Error>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    /// How the run ends, which would have ended in `outcome`.
    fn or(mut self, outcome: Outcome) -> Result<Outcome, Failure> {
        let Some(last) = self.0.pop() else {
            return Ok(outcome);
        };
        for error in self.0 {
            say(format_args!("error: {error}"))?;
        }
        Err(last.into())
    }
}

/// Runs the command line of this process.
pub(crate) fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Up(arguments) => up::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Schema => schema::run(),
    };
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Breaking) => ExitCode::from(4),
        // A reader such as `head` has what it wanted.
        Err(Failure::Print(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(3)
        }
    }
}

/// Prints a line of progress to standard error.
fn say(line: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stderr(), "{line}")
}
