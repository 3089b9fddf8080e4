//! What the gateway costs, beside nginx as a plain reverse proxy: `cargo xtask bench`; or beside itself with a
//! larger topology (`cargo xtask bench scale`) or with more workers (`cargo xtask bench workers`).
//!
//! Both stand before the same model server, each on the same core and never at once, in turns; the load and
//! the server have the other cores. Figures are CPU time of the subject, so that neither the load nor the
//! wait for a model counts, and each is the median of its rounds; a machine's noise touches both alike, so
//! read the ratios.

#![allow(clippy::indexing_slicing, reason = "tables of a fixed shape")]

mod client;
mod scale;
mod server;
mod subject;
mod workers;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use end_to_end::program;

use crate::client::{Caller, Load};
use crate::server::{Answer, Server};
use crate::subject::{ONE, Subject};

/// The dataplane that is measured: see `tests/specs/speed.toml`.
const DATAPLANE: &str = "speed";

/// Who asks.
const CALLER: Caller<'static> = Caller {
    key: "a-secret-of-the-load-1234567890",
    model: "chat",
};

/// Events of a stream whose events come back to back, and of one whose events are paced.
const BACK_TO_BACK: u32 = 64;
const PACED: u32 = 200;

fn main() -> io::Result<()> {
    // `cargo bench` passes `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let quick = arguments.iter().any(|word| word == "--quick");
    let nginx = arguments
        .iter()
        .find_map(|word| word.strip_prefix("--nginx="))
        .map_or_else(|| PathBuf::from("nginx"), PathBuf::from);
    let server = Server::start()?;
    let bench = Bench {
        rounds: if quick { 1 } else { 5 },
        time: Duration::from_secs(if quick { 2 } else { 5 }),
        server: server.clone(),
    };
    let scales = arguments
        .iter()
        .filter_map(|word| word.strip_prefix("--scale="));
    let scales: Vec<&str> = scales.collect();
    if !scales.is_empty() {
        return scale::run(&bench, &scales);
    }
    if arguments.iter().any(|word| word == "--workers") {
        return workers::run(&bench);
    }
    let folder = std::env::temp_dir().join(format!("nexus-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let environment: Vec<(String, String)> = environment(&server);
    let subjects = [
        Subject::nginx(&nginx, server.address, &folder)?,
        Subject::dataplane("nexus", &program(DATAPLANE), &environment, ONE)?,
    ];
    let figures = bench.figures(&subjects)?;
    print(&names(&subjects), &figures);
    drop(subjects);
    std::fs::remove_dir_all(&folder)
}

fn environment(server: &Server) -> Vec<(String, String)> {
    let url = format!("http://{}", server.address);
    let upstreams =
        ["CHAT_A", "CHAT_B", "SMALL"].map(|name| (format!("UPSTREAM_{name}_URL"), url.clone()));
    let secrets = [
        ("KEY_WEB", CALLER.key),
        ("KEY_OPS", "another-secret-1234567890"),
        ("FORBIDDEN_WORDS", "unmentionable\nunspeakable"),
    ];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
    upstreams.into_iter().chain(secrets).collect()
}

/// One line of the table: a figure of each subject.
struct Figure {
    what: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

struct Bench {
    rounds: usize,
    time: Duration,
    server: Server,
}

impl Bench {
    fn figures(&self, subjects: &[Subject]) -> io::Result<Vec<Figure>> {
        let idle = collect(subjects, Subject::memory)?;
        let callers = vec![&[CALLER][..]; subjects.len()];
        let whole = Load {
            connections: 64,
            rate: None,
            time: self.time,
            streamed: false,
        };
        self.server.answers(Answer::Whole);
        let request = self.cpu(subjects, &callers, whole)?;
        let events = |count, gap| Answer::Events { count, gap };
        self.server.answers(events(BACK_TO_BACK, Duration::ZERO));
        let burst = self.cpu(
            subjects,
            &callers,
            Load {
                streamed: true,
                ..whole
            },
        )?;
        self.server
            .answers(events(PACED, Duration::from_millis(10)));
        let paced = Load {
            connections: 500,
            streamed: true,
            ..whole
        };
        let paced = self.cpu(subjects, &callers, paced)?;
        let per_event = |streams: &[f64], count: u32| -> Vec<f64> {
            let pairs = streams.iter().zip(&request);
            pairs
                .map(|(stream, request)| (stream - request) / f64::from(count))
                .collect()
        };
        let per_burst_event = per_event(&burst, BACK_TO_BACK);
        let per_paced_event = per_event(&paced, PACED);

        self.server.answers(Answer::Whole);
        let steady = Load {
            connections: 16,
            rate: Some(500),
            ..whole
        };
        let latencies = self.latencies(subjects, steady, |outcome| &outcome.last)?;
        self.server
            .answers(events(BACK_TO_BACK, Duration::from_millis(1)));
        let first = self.latencies(
            subjects,
            Load {
                rate: Some(100),
                streamed: true,
                ..steady
            },
            |outcome| &outcome.first,
        )?;

        let mut figures = vec![
            Figure::new("CPU per request (1 KiB, 64 connections)", "us", request),
            Figure::new("CPU per event (64 back to back)", "us", per_burst_event),
            Figure::new(
                "CPU per event (200, 10 ms apart, 500 streams)",
                "us",
                per_paced_event,
            ),
            Figure::new(
                "added latency, median (500 requests a second)",
                "us",
                latencies[0].clone(),
            ),
            Figure::new("added latency, 99th percentile", "us", latencies[1].clone()),
            Figure::new(
                "added time to the first event, median",
                "us",
                first[0].clone(),
            ),
            Figure::new(
                "added time to the first event, 99th percentile",
                "us",
                first[1].clone(),
            ),
        ];
        for streams in [1_000, 5_000] {
            let what = if streams == 1_000 {
                "memory per open stream (1,000)"
            } else {
                "memory per open stream (5,000)"
            };
            self.server.answers(events(PACED, Duration::from_secs(1)));
            let mut values = Vec::new();
            for subject in subjects {
                let before = subject.memory()?;
                let held = client::hold(subject.address, CALLER, streams, || subject.memory())??;
                values.push((held - before.min(held)) / streams as f64);
            }
            figures.push(Figure::new(what, "KiB", values));
        }
        figures.push(Figure::new(
            "idle memory",
            "MiB",
            idle.iter().map(|kib| kib / 1024.0).collect(),
        ));
        let starts = subjects
            .iter()
            .map(|subject| subject.start.as_secs_f64() * 1e3);
        figures.push(Figure::new(
            "start to the first connection",
            "ms",
            starts.collect(),
        ));
        Ok(figures)
    }

    /// CPU time per request of each subject, by callers of its own, in microseconds: the median of the rounds.
    fn cpu(
        &self,
        subjects: &[Subject],
        callers: &[&[Caller<'_>]],
        load: Load,
    ) -> io::Result<Vec<f64>> {
        let mut rounds = vec![Vec::new(); subjects.len()];
        for round in 0..=self.rounds {
            for ((subject, callers), rounds) in subjects.iter().zip(callers).zip(&mut rounds) {
                let before = subject.cpu()?;
                let outcome = client::run(subject.address, callers, load)?;
                let used = subject.cpu()? - before;
                // The first round warms up.
                if round > 0 {
                    rounds.push(used.as_secs_f64() * 1e6 / outcome.requests as f64);
                }
            }
        }
        Ok(rounds.into_iter().map(median).collect())
    }

    /// What each subject adds to the median and the 99th percentile of a time, in microseconds.
    fn latencies(
        &self,
        subjects: &[Subject],
        load: Load,
        times: fn(&client::Outcome) -> &Vec<Duration>,
    ) -> io::Result<[Vec<f64>; 2]> {
        let measure = |address| -> io::Result<[f64; 2]> {
            let outcome = client::run(address, &[CALLER], load)?;
            Ok([0.5, 0.99].map(|part| percentile(times(&outcome), part)))
        };
        let mut medians = vec![Vec::new(); subjects.len()];
        let mut tails = vec![Vec::new(); subjects.len()];
        for _ in 0..self.rounds {
            let direct = measure(self.server.address)?;
            for (index, subject) in subjects.iter().enumerate() {
                let [median, tail] = measure(subject.address)?;
                medians[index].push(median - direct[0]);
                tails[index].push(tail - direct[1]);
            }
        }
        Ok([medians, tails].map(|figure| figure.into_iter().map(median).collect()))
    }
}

impl Figure {
    fn new(what: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        Self { what, unit, values }
    }
}

fn collect(subjects: &[Subject], of: fn(&Subject) -> io::Result<f64>) -> io::Result<Vec<f64>> {
    subjects.iter().map(of).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn percentile(sorted: &[Duration], part: f64) -> f64 {
    let index = (sorted.len() as f64 * part) as usize;
    sorted[index.min(sorted.len() - 1)].as_secs_f64() * 1e6
}

fn names(subjects: &[Subject]) -> Vec<&str> {
    subjects.iter().map(|subject| &*subject.name).collect()
}

fn print(names: &[&str], figures: &[Figure]) {
    println!("| | {} | ratio |", names.join(" | "));
    println!("|---|{}---:|", "---:|".repeat(names.len()));
    for Figure { what, unit, values } in figures {
        let cells: Vec<String> = values
            .iter()
            .map(|value| format!("{value:.1} {unit}"))
            .collect();
        let ratio = values[1] / values[0];
        println!("| {what} | {} | {ratio:.2} |", cells.join(" | "));
    }
}
