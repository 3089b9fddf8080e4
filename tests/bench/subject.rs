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
    /// nginx as a plain reverse proxy: connections kept alive on both sides, no buffering, no log.
    pub(crate) fn nginx(program: &Path, server: SocketAddr, folder: &Path) -> io::Result<Self> {
        let port = free_port()?;
        let here = folder.display();
        let configuration = format!(
            "worker_processes 1; daemon off; master_process off; pid {here}/nginx.pid; error_log {here}/error.log crit;
             worker_rlimit_nofile 65536;
             events {{ worker_connections 20000; }}
             http {{
               access_log off; keepalive_requests 100000000;
               client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
               fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
               upstream server {{ server {server}; keepalive 512; keepalive_requests 100000000; }}
               server {{
                 listen 127.0.0.1:{port} backlog=8192;
                 location / {{
                   proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection \"\";
                   proxy_buffering off; client_body_buffer_size 64k; proxy_read_timeout 600s;
                 }}
               }}
             }}"
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, configuration)?;
        let mut command = pinned(program, CORE);
        command.arg("-c").arg(&path).arg("-p").arg(folder);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self::start("nginx", command, address)
    }

    /// A dataplane.
    pub(crate) fn dataplane(
        name: &str,
        program: &Path,
        environment: &[(String, String)],
        workers: Workers,
    ) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = pinned(program, workers.cores);
        command
            .env("NEXUS_LISTEN", address.to_string())
            .env("NEXUS_WORKERS", workers.count.to_string())
            .envs(environment.iter().cloned());
        Self::start(name, command, address)
    }

    fn start(name: &str, mut command: Command, address: SocketAddr) -> io::Result<Self> {
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

    /// The time of a core that it has used, user and system.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(self.proc("task"))? {
            // On the run queue, in nanoseconds: finer than the ticks of `stat`.
            let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanoseconds = statistics
                .split(' ')
                .next()
                .and_then(|word| word.parse().ok());
            total += Duration::from_nanos(nanoseconds.unwrap_or(0));
        }
        Ok(total)
    }

    /// The memory that is its alone, in KiB.
    pub(crate) fn memory(&self) -> io::Result<f64> {
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        let private = rollup.lines().filter(|line| line.starts_with("Private_"));
        let sizes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        Ok(sizes.sum())
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

fn pinned(program: &Path, cores: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
