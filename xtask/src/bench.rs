//! `cargo xtask bench`: what the gateway costs.

use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::command::{Error, cargo, program, run};
use crate::{profile, scale, tools};

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
pub(crate) fn run_bench(against: Against, profiled: bool, quick: bool) -> Result<(), Error> {
    let subjects = match against {
        Against::Proxies => {
            let nginx = tools::debian("nginx")?;
            let haproxy = tools::debian("haproxy");
            let mut subjects = vec![format!("--nginx={}", nginx.display())];
            match haproxy {
                Ok(haproxy) => subjects.push(format!("--haproxy={}", haproxy.display())),
                Err(error) => eprintln!("without HAProxy: {error}"),
            }
            if profiled {
                let dataplane = profile::build(DATAPLANE, train)?;
                subjects.push(format!("--dataplane={}", dataplane.display()));
            } else {
                dataplane()?;
            }
            subjects
        }
        Against::Scale => scale::build()?,
        Against::Workers => {
            dataplane()?;
            vec!["--workers".to_owned()]
        }
    };
    run(&mut cargo(&format!("{BENCH} --no-run")))?;
    let bench = cargo(&format!("{BENCH} --"));
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

/// The package of the dataplane that is measured.
const DATAPLANE: &str = "speed";

const BENCH: &str = "bench --package end-to-end --bench gateway";

fn dataplane() -> Result<(), Error> {
    run(&mut cargo(&format!(
        "build --release --package {DATAPLANE}"
    )))
}

/// Puts the loads of the benchmark on a dataplane that writes a profile.
fn train(dataplane: &Path) -> Result<(), Error> {
    let mut bench = beside_the_first_core(&cargo(&format!("{BENCH} --")));
    run(bench.arg(format!("--train={}", dataplane.display())))
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
