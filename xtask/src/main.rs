//! `cargo xtask`: what CI and contributors run.
//!
//! It depends on no other crate of the workspace: it runs them. So the workspace loads, and this builds,
//! whatever else is absent or broken.

mod alone;
mod bench;
mod command;
mod dataplanes;
mod endurance;
mod fuzz;
mod image;
mod profile;
mod scale;
mod specs;
mod steps;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What CI and contributors run.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every test, or the steps that are named; fetches what they need into `target/tools`
    Test {
        /// The steps to run, in order; all of them if none is named
        #[arg(value_enum, value_name = "STEP")]
        steps: Vec<steps::Step>,
    },
    /// Measure what the gateway costs
    Bench {
        /// Against what
        #[arg(value_enum, default_value_t)]
        against: bench::Against,
        /// The gateway as it is when it is compiled with a profile of the same traffic; needs `llvm-profdata`
        #[arg(long, conflicts_with = "against")]
        profiled: bool,
        /// One short round: to see that it works
        #[arg(long)]
        quick: bool,
    },
    /// Look for input that breaks the compiler or the gateway
    Fuzz {
        /// What to fuzz; everything if nothing is named
        #[arg(value_enum, value_name = "TARGET")]
        targets: Vec<fuzz::Target>,
        /// For how long each; without it, the short run of `cargo xtask test`
        #[arg(long)]
        minutes: Option<u32>,
    },
    /// Send requests of all kinds for minutes, and fail where the gateway's memory grows
    Endurance {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u32,
    },
    /// Build, push or release the container image of a gateway
    Image {
        #[command(subcommand)]
        task: image::Task,
    },
    /// Compile every spec into its dataplane crate and artifacts
    BuildSpec {
        /// Write nothing; fail with a diff where what is committed is stale
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { steps } => steps::run_steps(&steps),
        Task::Bench {
            against,
            profiled,
            quick,
        } => bench::run_bench(against, profiled, quick),
        Task::Fuzz { targets, minutes } => fuzz::fuzz(
            &targets,
            minutes.map_or(fuzz::Extent::Short, fuzz::Extent::Minutes),
        ),
        Task::Endurance { minutes } => endurance::endure(minutes),
        Task::Image { task } => image::task(&task),
        Task::BuildSpec { check: true } => specs::build(specs::Mode::Check),
        Task::BuildSpec { check: false } => specs::build(specs::Mode::Write),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
