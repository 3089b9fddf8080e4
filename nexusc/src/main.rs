//! The command line of the compiler. Thin: every subcommand is a use of [`nexusc::compile`].

mod cli;
mod fs;
mod programs;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
