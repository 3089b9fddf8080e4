//! `cargo xtask bench`: what the gateway costs.

use std::process::Command;
use std::thread::available_parallelism;

use crate::command::{Error, cargo, program, run};
use crate::{scale, tools};

/// What the gateway is compared with.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(crate) enum Against {
    /// nginx and HAProxy as plain reverse proxies
    #[default]
    Proxies,
    /// Itself, with a hundred times the models, keys, routes and upstreams; and what such a spec costs to build
    Scale,
    /// Itself, with its workers in processes of their own, which share nothing
    Workers,
}

/// Measures; quickly or well. What is measured has the first core to itself, everything else the others.
pub(crate) fn run_bench(against: Against, quick: bool) -> Result<(), Error> {
    let subjects = match against {
        Against::Proxies => {
            let nginx = tools::debian("nginx")?;
            let haproxy = tools::debian("haproxy");
            run(&mut cargo("build --release --package speed"))?;
            let mut subjects = vec![format!("--nginx={}", nginx.display())];
            match haproxy {
                Ok(haproxy) => subjects.push(format!("--haproxy={}", haproxy.display())),
                Err(error) => eprintln!("without HAProxy: {error}"),
            }
            subjects
        }
        Against::Scale => scale::build()?,
        Against::Workers => {
            run(&mut cargo("build --release --package speed"))?;
            vec!["--workers".to_owned()]
        }
    };
    run(&mut cargo(
        "bench --package end-to-end --bench gateway --no-run",
    ))?;
    let bench = cargo("bench --package end-to-end --bench gateway --");
    let mut bench = match against {
        Against::Proxies | Against::Scale => beside_the_first_core(&bench),
        Against::Workers => bench,
    };
    bench.args(subjects);
    if quick {
        bench.arg("--quick");
    }
    run(&mut bench)
}

/// `command` on all cores but the first, where there are more.
fn beside_the_first_core(command: &Command) -> Command {
    let cores = available_parallelism().map_or(1, usize::from);
    let others = format!("{}-{}", 1.min(cores - 1), cores - 1);
    let mut pinned = program("taskset", "-c");
    pinned
        .arg(others)
        .arg(command.get_program())
        .args(command.get_args());
    pinned
}
