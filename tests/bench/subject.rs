//! What is measured: a process that stands before the model server, on a core of its own.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core that subjects run on; the load and the model server run on the others.
const CORE: &str = "0";

/// How a dataplane runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers {
    /// How many there are.
    pub(crate) count: usize,
    /// The cores that they run on, as `taskset` takes them.
    pub(crate) cores: &'static str,
}

/// One worker, as nginx has it.
pub(crate) const ONE: Workers = Workers {
    count: 1,
    cores: CORE,
};

/// The time of a core that a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    all: Duration,
    user_ticks: f64,
    system_ticks: f64,
}

impl Cpu {
    /// What was used since `before`, in microseconds: of all, and of that in the kernel.
    pub(crate) fn since(self, before: Self) -> [f64; 2] {
        let all = (self.all - before.all).as_secs_f64() * 1e6;
        let user = self.user_ticks - before.user_ticks;
        let system = self.system_ticks - before.system_ticks;
        // Ticks are too coarse for a time, and fine for a part of seconds.
        [all, all * system / (user + system).max(1.0)]
    }
}

/// A running subject. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Its name in the table.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first connection that it took.
    pub(crate) start: Duration,
    process: Child,
}

impl Subject {
    /// A dataplane.
    pub(crate) fn dataplane(
        name: &str,
        program: &Path,
        environment: &[(String, String)],
        workers: Workers,
    ) -> io::Result<Self> {
        let address = free_address()?;
        let mut command = pinned(program, workers.cores);
        command
            .env("NEXUS_LISTEN", address.to_string())
            .env("NEXUS_WORKERS", workers.count.to_string())
            .envs(environment.iter().cloned());
        Self::start(name, command, address)
    }

    /// Starts `command`, which listens at `address`.
    pub(crate) fn start(name: &str, mut command: Command, address: SocketAddr) -> io::Result<Self> {
        let begin = Instant::now();
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        // What it logs is read and dropped, as a collector would read it.
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).count()
            });
        }
        let mut subject = Self {
            name: name.to_owned(),
            address,
            start: Duration::ZERO,
            process,
        };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = subject.process.try_wait()? {
                return Err(io::Error::other(format!("{name} ended: {status}")));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        subject.start = begin.elapsed();
        Ok(subject)
    }

    /// The time of a core that it has used.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        let mut all = Duration::ZERO;
        for thread in fs::read_dir(self.proc("task"))? {
            // On the run queue, in nanoseconds: finer than the ticks of `stat`.
            let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = statistics
                .split(' ')
                .next()
                .and_then(|word| word.parse().ok());
            all += Duration::from_nanos(nanoseconds.unwrap_or(0));
        }
        // Behind the name, which may hold anything: `proc_pid_stat(5)`, fields 3 and on.
        let statistics = fs::read_to_string(self.proc("stat"))?;
        let fields = statistics.rsplit(')').next().unwrap_or_default();
        let ticks = |field: usize| {
            let word = fields.split_whitespace().nth(field - 3);
            word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
        };
        Ok(Cpu {
            all,
            user_ticks: ticks(14),
            system_ticks: ticks(15),
        })
    }

    /// The memory that is its alone, in KiB.
    pub(crate) fn memory(&self) -> io::Result<f64> {
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        let private = rollup.lines().filter(|line| line.starts_with("Private_"));
        let sizes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        Ok(sizes.sum())
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let status = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("{} ended: {status}", self.name)))
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.process.id().to_string())
            .join(file)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `program` on these cores alone, as `taskset` takes them.
pub(crate) fn pinned(program: &Path, cores: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

/// An address that nobody listens at.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
