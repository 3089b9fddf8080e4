//! What a request costs as the topology grows: `cargo xtask bench scale`.
//!
//! The specs are those of `xtask/src/scale.rs`: model `m7` is asked for with the key `KEY_7` and answered by the
//! upstream `u7`, and so on. All upstreams are the one model server.

use std::io;
use std::path::Path;

use crate::client::{Caller, Load};
use crate::server::Answer;
use crate::subject::{ONE, Subject};
use crate::table::{Figure, names, print};
use crate::{Bench, collect};

/// Connections of the load; so many models are asked for where it is about a few of them.
const CONNECTIONS: usize = 64;

/// A topology of so many models, and what its callers present.
struct Topology {
    name: String,
    keys: Vec<String>,
    models: Vec<String>,
}

impl Topology {
    fn of(size: usize) -> Self {
        Self {
            name: format!("{size} models"),
            keys: (0..size)
                .map(|index| format!("secret-of-key-{index:010}"))
                .collect(),
            models: (0..size).map(|index| format!("m{index}")).collect(),
        }
    }

    fn callers(&self) -> Vec<Caller<'_>> {
        let pairs = self.keys.iter().zip(&self.models);
        pairs.map(|(key, model)| Caller { key, model }).collect()
    }

    fn start(&self, program: &Path, bench: &Bench) -> io::Result<Subject> {
        let url = format!("http://{}", bench.server.address);
        let upstreams =
            (0..self.keys.len()).map(|index| (format!("UPSTREAM_U{index}_URL"), url.clone()));
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(index, secret)| (format!("KEY_{index}"), secret.clone()));
        let environment: Vec<_> = upstreams.chain(keys).collect();
        Subject::dataplane(&self.name, program, &environment, ONE)
    }
}

/// Compares the dataplanes that are told as `SIZE:PROGRAM`.
pub(crate) fn run(bench: &Bench, told: &[&str]) -> io::Result<()> {
    let mut topologies = Vec::new();
    let mut subjects = Vec::new();
    for told in told {
        let parts = told
            .split_once(':')
            .and_then(|(size, program)| Some((size.parse::<usize>().ok()?, Path::new(program))));
        let (size, program) =
            parts.ok_or_else(|| io::Error::other(format!("`{told}` is not SIZE:PROGRAM")))?;
        let topology = Topology::of(size);
        subjects.push(topology.start(program, bench)?);
        topologies.push(topology);
    }
    let idle = collect(&subjects, Subject::memory)?;
    bench.server.answers(Answer::Whole);
    let load = Load {
        connections: CONNECTIONS,
        rate: None,
        time: bench.time,
        streamed: false,
    };
    let callers: Vec<Vec<Caller<'_>>> = topologies.iter().map(Topology::callers).collect();
    let few: Vec<&[Caller<'_>]> = callers
        .iter()
        .map(|callers| &callers[..CONNECTIONS])
        .collect();
    let [few, _] = bench.cpu(&subjects, &few, load)?;
    let all: Vec<&[Caller<'_>]> = callers.iter().map(|callers| &callers[..]).collect();
    let [all, _] = bench.cpu(&subjects, &all, load)?;
    let used = collect(&subjects, Subject::memory)?;
    let starts = collect(&subjects, |subject| Ok(subject.start.as_secs_f64() * 1e3))?;
    let mebibytes = |kibibytes: Vec<f64>| kibibytes.iter().map(|size| size / 1024.0).collect();
    let figures = [
        Figure::new("CPU per request, 64 models in use", "us", few),
        Figure::new("CPU per request, all models in use", "us", all),
        Figure::new("start to the first connection", "ms", starts),
        Figure::new("idle memory", "MiB", mebibytes(idle)),
        Figure::new("memory after all models were used", "MiB", mebibytes(used)),
    ];
    print(&names(&subjects), &figures);
    Ok(())
}
