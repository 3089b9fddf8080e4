//! What the gateway costs, beside nginx and HAProxy as plain reverse proxies: `cargo xtask bench`; or beside itself
//! with a larger topology (`cargo xtask bench scale`) or with more workers (`cargo xtask bench workers`).
//!
//! All stand before the same model server, each on the same core and never at once, in turns; the load and
//! the server have the other cores, on one thread. Figures are CPU time of the subject, so that neither the load nor the
//! wait for a model counts, and each is the median of its rounds; a machine's noise touches all alike, so
//! read the ratios.

#![allow(clippy::indexing_slicing, reason = "tables of a fixed shape")]

mod client;
mod proxies;
mod scale;
mod server;
mod subject;
mod table;
mod train;
mod workers;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use end_to_end::program;

use crate::client::{Caller, Load};
use crate::server::{Answer, Server};
use crate::subject::{ONE, Subject};
use crate::table::{Figure, names, print};

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

/// Streams that are held open to see what they take.
const HELD: [(usize, &str); 2] = [
    (1_000, "memory per open stream (1,000)"),
    (5_000, "memory per open stream (5,000)"),
];

/// How often each subject is started to see how long that takes.
const STARTS: usize = 11;

fn main() -> io::Result<()> {
    // `cargo bench` passes `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let quick = arguments.iter().any(|word| word == "--quick");
    let path = |option: &str| {
        let mut values = arguments
            .iter()
            .filter_map(|word| word.strip_prefix(option));
        values.next().map(PathBuf::from)
    };
    let server = Server::start()?;
    let bench = Bench {
        rounds: if quick { 1 } else { 5 },
        time: Duration::from_secs(if quick { 2 } else { 5 }),
        server,
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
    if let Some(program) = path("--train=") {
        return train::run(&bench, &program);
    }
    let dataplane = path("--dataplane=").unwrap_or_else(|| program(DATAPLANE));
    let folder = std::env::temp_dir().join(format!("nexus-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (folder, address) = (folder.as_path(), bench.server.address);
    let mut starts: Vec<Start<'_>> = Vec::new();
    if let Some(nginx) = path("--nginx=") {
        starts.push(Box::new(move || proxies::nginx(&nginx, address, folder)));
    }
    if let Some(haproxy) = path("--haproxy=") {
        starts.push(Box::new(move || {
            proxies::haproxy(&haproxy, address, folder)
        }));
    }
    let environment = environment(&bench.server);
    starts.push(Box::new(move || {
        Subject::dataplane("gateway", &dataplane, &environment, ONE)
    }));
    let times = start_times(&starts)?;
    let subjects: io::Result<Vec<Subject>> = starts.iter().map(|start| start()).collect();
    let subjects = subjects?;
    let mut figures = bench.figures(&subjects)?;
    figures.extend(bench.memory(&starts)?);
    figures.push(Figure::new("start to the first connection", "ms", times));
    print(&names(&subjects), &figures);
    drop(subjects);
    std::fs::remove_dir_all(folder)
}

/// Starts a subject.
type Start<'a> = Box<dyn Fn() -> io::Result<Subject> + 'a>;

/// How long each of the subjects takes to start, in milliseconds: the median of several starts, in turns.
fn start_times(starts: &[Start<'_>]) -> io::Result<Vec<f64>> {
    let mut times = vec![Vec::new(); starts.len()];
    for _ in 0..STARTS {
        for (start, times) in starts.iter().zip(&mut times) {
            times.push(start()?.start.as_secs_f64() * 1e3);
        }
    }
    Ok(times.into_iter().map(median).collect())
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

struct Bench {
    rounds: usize,
    time: Duration,
    server: Server,
}

impl Bench {
    /// The loads under which CPU time is counted: whole answers, events back to back, and paced ones.
    fn loads(&self) -> [(Answer, Load); 3] {
        let events = |count, gap| Answer::Events { count, gap };
        let whole = Load {
            connections: 64,
            rate: None,
            time: self.time,
            streamed: false,
        };
        let burst = Load {
            streamed: true,
            ..whole
        };
        let paced = Load {
            connections: 500,
            ..burst
        };
        [
            (Answer::Whole, whole),
            (events(BACK_TO_BACK, Duration::ZERO), burst),
            (events(PACED, Duration::from_millis(10)), paced),
        ]
    }

    fn figures(&self, subjects: &[Subject]) -> io::Result<Vec<Figure>> {
        let idle = collect(subjects, Subject::memory)?;
        let callers = vec![&[CALLER][..]; subjects.len()];
        let [whole, burst, paced] = self.loads();
        let cpu = |(answer, load)| {
            self.server.answers(answer);
            self.cpu(subjects, &callers, load)
        };
        let [request, in_kernel] = cpu(whole)?;
        let [burst, _] = cpu(burst)?;
        let [paced, _] = cpu(paced)?;
        let per_event = |streams: &[f64], count: u32| -> Vec<f64> {
            let pairs = streams.iter().zip(&request);
            pairs
                .map(|(stream, request)| (stream - request) / f64::from(count))
                .collect()
        };
        let per_burst_event = per_event(&burst, BACK_TO_BACK);
        let per_paced_event = per_event(&paced, PACED);
        let cpu_of_request = "CPU per request (1 KiB, 64 connections)";
        let cpu_of_paced = "CPU per event (200, 10 ms apart, 500 streams)";
        let mut figures = vec![
            Figure::new(cpu_of_request, "us", request),
            Figure::new("of that in the kernel", "us", in_kernel),
            Figure::new("CPU per event (64 back to back)", "us", per_burst_event),
            Figure::new(cpu_of_paced, "us", per_paced_event),
        ];

        let (answer, whole) = whole;
        self.server.answers(answer);
        let steady = Load {
            connections: 16,
            rate: Some(500),
            ..whole
        };
        let lines = [
            (0.5, "added latency, median (500 requests a second)"),
            (0.9, "added latency, 90th percentile"),
            (0.99, "added latency, 99th percentile"),
            (0.999, "added latency, 99.9th percentile"),
        ];
        figures.extend(self.added(subjects, steady, &lines, |outcome| &outcome.last)?);
        self.server.answers(Answer::Events {
            count: BACK_TO_BACK,
            gap: Duration::from_millis(1),
        });
        let steady = Load {
            rate: Some(100),
            streamed: true,
            ..steady
        };
        let lines = [
            (0.5, "added time to the first event, median"),
            (0.99, "added time to the first event, 99th percentile"),
        ];
        figures.extend(self.added(subjects, steady, &lines, |outcome| &outcome.first)?);
        let idle = idle.iter().map(|kib| kib / 1024.0).collect();
        figures.push(Figure::new("idle memory", "MiB", idle));

        Ok(figures)
    }

    /// What each open stream takes of the memory of who has just started.
    fn memory(&self, starts: &[Start<'_>]) -> io::Result<Vec<Figure>> {
        let events = Answer::Events {
            count: PACED,
            gap: Duration::from_secs(1),
        };
        self.server.answers(events);
        let mut figures = Vec::new();
        for (streams, what) in HELD {
            let mut values = Vec::new();
            for start in starts {
                let open = self.server.open();
                let subject = start()?;
                let hold = |streams| {
                    let held = client::hold(subject.address, CALLER, streams, || subject.memory());
                    self.server.beside(held)?
                };
                // Who has had a stream is there in full: a connection may be taken sooner.
                let before = hold(1)?;
                let held = hold(streams)?;
                values.push((held - before) / streams as f64);
                drop(subject);
                self.server.settle(open);
            }
            figures.push(Figure::new(what, "KiB", values));
        }
        Ok(figures)
    }

    /// CPU time per request of each subject, by callers of its own, and what the kernel had of that, in
    /// microseconds: the medians of the rounds.
    fn cpu(
        &self,
        subjects: &[Subject],
        callers: &[&[Caller<'_>]],
        load: Load,
    ) -> io::Result<[Vec<f64>; 2]> {
        let mut rounds = [
            vec![Vec::new(); subjects.len()],
            vec![Vec::new(); subjects.len()],
        ];
        for round in 0..=self.rounds {
            for (index, (subject, callers)) in subjects.iter().zip(callers).enumerate() {
                let before = subject.cpu()?;
                let outcome = self
                    .server
                    .beside(client::run(subject.address, callers, load))?;
                let used = subject.cpu()?.since(before);
                // The first round warms up.
                if round > 0 {
                    for (rounds, used) in rounds.iter_mut().zip(used) {
                        rounds[index].push(used / outcome.requests as f64);
                    }
                }
            }
        }
        Ok(rounds.map(|figure| figure.into_iter().map(median).collect()))
    }

    /// What each subject adds to a time, in microseconds: a line for each of these percentiles.
    fn added(
        &self,
        subjects: &[Subject],
        load: Load,
        lines: &[(f64, &'static str)],
        times: fn(&client::Outcome) -> &Vec<Duration>,
    ) -> io::Result<Vec<Figure>> {
        let measure = |address| -> io::Result<Vec<f64>> {
            let outcome = self.server.beside(client::run(address, &[CALLER], load))?;
            let parts = lines.iter().map(|(part, _)| *part);
            Ok(parts
                .map(|part| percentile(times(&outcome), part))
                .collect())
        };
        let mut rounds = vec![vec![Vec::new(); subjects.len()]; lines.len()];
        for _ in 0..self.rounds {
            let direct = measure(self.server.address)?;
            for (index, subject) in subjects.iter().enumerate() {
                let through = measure(subject.address)?;
                for ((rounds, through), direct) in rounds.iter_mut().zip(through).zip(&direct) {
                    rounds[index].push(through - direct);
                }
            }
        }
        let figures = lines.iter().zip(rounds).map(|((_, what), rounds)| {
            Figure::new(what, "us", rounds.into_iter().map(median).collect())
        });
        Ok(figures.collect())
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
