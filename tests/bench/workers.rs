//! What workers pay for what they share: `cargo xtask bench workers`.
//!
//! One process of two workers beside two processes of one worker each, which share nothing, and beside a worker alone;
//! all on the same two cores, under the same load by the same key for the same model, so that every counter that
//! workers share is written by both. The load and the model server are on these cores too: they cost all alike, and are why the
//! figure is CPU per request and not requests a second.

use std::io;
use std::net::SocketAddr;

use end_to_end::program;

use crate::client::{self, Load};
use crate::server::Answer;
use crate::subject::{Cpu, Subject, Workers};
use crate::table::{Figure, print};
use crate::{Bench, CALLER, DATAPLANE, environment, median};

/// Connections of each half of the load.
const CONNECTIONS: usize = 32;

/// The cores of all processes.
const CORES: &str = "0,1";

/// Compares workers with processes.
pub(crate) fn run(bench: &Bench) -> io::Result<()> {
    let start = |count| {
        let environment = environment(&bench.server);
        let workers = Workers {
            count,
            cores: CORES,
        };
        Subject::dataplane("nexus", &program(DATAPLANE), &environment, workers)
    };
    let alone = [start(1)?];
    let apart = [start(1)?, start(1)?];
    let together = [start(2)?];
    bench.server.answers(Answer::Whole);
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..=bench.rounds {
        for (processes, rounds) in [&alone[..], &apart[..], &together[..]]
            .into_iter()
            .zip(&mut rounds)
        {
            let cost = cost(bench, processes)?;
            // The first round warms up.
            if round > 0 {
                rounds.push(cost);
            }
        }
    }
    let values = rounds.into_iter().map(median).collect();
    let figure = Figure::new("CPU per request (1 KiB, 64 connections)", "us", values);
    print(
        &[
            "1 worker",
            "2 processes of 1 worker",
            "1 process of 2 workers",
        ],
        &[figure],
    );
    Ok(())
}

/// CPU time per request of all `processes`, in microseconds; each half of the load goes to one of them.
fn cost(bench: &Bench, processes: &[Subject]) -> io::Result<f64> {
    let used = || -> io::Result<Vec<Cpu>> { processes.iter().map(Subject::cpu).collect() };
    let load = Load {
        connections: CONNECTIONS,
        rate: None,
        time: bench.time,
        streamed: false,
    };
    let half = |address: SocketAddr| client::run(address, &[CALLER], load);
    let before = used()?;
    let (first, last) = (&processes[0], &processes[processes.len() - 1]);
    let both = async { tokio::join!(half(first.address), half(last.address)) };
    let (first, second) = bench.server.beside(both);
    let requests = first?.requests + second?.requests;
    let used = used()?.into_iter().zip(before);
    let all: f64 = used.map(|(after, before)| after.since(before)[0]).sum();
    Ok(all / requests as f64)
}
