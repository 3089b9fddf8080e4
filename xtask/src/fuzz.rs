//! `cargo xtask fuzz`: libFuzzer over the fuzz targets of the repository.
//!
//! The targets are laid out as `cargo fuzz` expects them, and can be run with it. It is not needed: flags of the
//! stable compiler make the code count its branches, and libFuzzer comes as a crate. There is no sanitizer,
//! because there is no `unsafe` for one to watch.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io, thread};

use clap::ValueEnum;

use crate::command::{Error, cargo, output, program, root, run, target};

/// What is fuzzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The compiler, with any text as a spec
    Spec,
    /// Requests of a client: heads, lengths and chunks
    Request,
    /// What is found in the body of a request, and its rewriting
    RequestBody,
    /// The headers of a client, on their way to an upstream
    ClientHeaders,
    /// Responses of an upstream: heads, lengths and chunks
    Response,
    /// Streams of events on their way to a client
    EventStream,
    /// JSON Web Tokens
    Token,
    /// The keys that an issuer publishes
    KeySet,
}

/// How long to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// So many inputs that it takes some seconds, the same in every run: for the gate.
    Short,
    /// For so long, going on from what was found before.
    Minutes(u32),
}

/// Counts branches and shows comparisons to libFuzzer, as `cargo fuzz` has it.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input, in bytes, and the longest that one may take, in seconds.
const LIMITS: &str = "-max_len=4096 -timeout=10";

/// Looks for input that breaks one of the targets, all of them if none is named.
pub(crate) fn fuzz(named: &[Target], extent: Extent) -> Result<(), Error> {
    let targets = if named.is_empty() {
        Target::value_variants()
    } else {
        named
    };
    build(targets)?;
    let binaries = binaries()?;
    // Each has a core to itself; the next one takes the first that is free.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let ahead = Mutex::new(targets.iter());
    let next = || ahead.lock().unwrap_or_else(PoisonError::into_inner).next();
    // All of them, whatever comes of one: each says itself what it found.
    let look = || {
        let mut outcome = Ok(());
        while let Some(target) = next() {
            outcome = outcome.and(target.look(&binaries, extent));
        }
        outcome
    };
    thread::scope(|scope| {
        let looking: Vec<_> = (0..cores).map(|_| scope.spawn(look)).collect();
        looking
            .into_iter()
            .try_for_each(|look| look.join().expect("a look does not panic"))
    })
}

/// Builds the targets.
fn build(targets: &[Target]) -> Result<(), Error> {
    // With a target of its own, build scripts and macros are not slowed by the flags. With both packages always, what
    // they share has the same features in every run and is built once.
    let mut build =
        cargo("build --quiet --target host-tuple --package nexusc-fuzz --package runtime-fuzz");
    for target in targets {
        build.args(["--bin", &target.name()]);
    }
    // A panic names its place without it.
    build.env("CARGO_PROFILE_DEV_DEBUG", "0");
    build.env("RUSTFLAGS", FLAGS);
    run(&mut build)
}

/// Where cargo puts what is built for this machine as a target of its own.
fn binaries() -> Result<PathBuf, Error> {
    let host = output(&mut program("rustc", "--print host-tuple"))?;
    Ok(target().join(host.trim()).join("debug"))
}

impl Target {
    fn look(self, binaries: &Path, extent: Extent) -> Result<(), Error> {
        let (name, package) = (self.name(), self.package());
        let folder = target().join("fuzz").join(&name);
        let (found, broken) = (folder.join("found"), folder.join("broken"));
        emptied(&broken)?;
        // What is found goes into the first folder; the corpus itself is only read.
        let (kept, bounds) = match extent {
            Extent::Short => {
                let bounds = format!("-runs={} -seed=1 -verbosity=0 -print_funcs=0", self.runs());
                (false, bounds)
            }
            Extent::Minutes(minutes) => (true, format!("-max_total_time={}", minutes * 60)),
        };
        if !(kept && found.is_dir()) {
            emptied(&found)?;
        }
        println!("fuzzing {name}");
        let mut command = program(binaries.join(&name), LIMITS);
        command
            .args(bounds.split(' '))
            .arg(format!("-artifact_prefix={}/", broken.display()))
            .arg(&found)
            .arg(root().join(package).join("fuzz/corpus").join(&name));
        let outcome = run(&mut command);
        if outcome.is_err() {
            show(&broken)?;
        }
        outcome
    }

    /// The crate that it is about.
    fn package(self) -> &'static str {
        match self {
            Self::Spec => "nexusc",
            _ => "runtime",
        }
    }

    /// How many inputs take some seconds: to compile a spec twice takes far longer than to read a header.
    fn runs(self) -> u32 {
        match self {
            Self::Spec => 300,
            Self::EventStream => 1_000,
            _ => 3_000,
        }
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// Shows the input that broke a target, so that a log of the gate is enough to go by.
fn show(broken: &Path) -> Result<(), Error> {
    let unreadable = |cause| Error::Read {
        path: broken.display().to_string(),
        cause,
    };
    for entry in fs::read_dir(broken).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let input = fs::read(&path).map_err(unreadable)?;
        println!("{}:\n{}", path.display(), input.escape_ascii());
    }
    Ok(())
}

/// Makes `folder` an empty one.
fn emptied(folder: &Path) -> Result<(), Error> {
    let failed = |cause| Error::Write {
        path: folder.display().to_string(),
        cause,
    };
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(failed)
}
