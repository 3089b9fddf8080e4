//! A dataplane as a process.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};

use fake_model::server::FakeModel;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::client::{Connection, Request, Response};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::patience::patiently;
use crate::program::program;

/// A dataplane that is to be started.
#[derive(Debug)]
pub struct Start {
    name: String,
    environment: Vec<(String, String)>,
    directory: Option<PathBuf>,
    socket: Option<OwnedFd>,
}

impl Start {
    /// The dataplane of this name, on a free port, with two workers and nothing else in its environment.
    pub fn of(name: &str) -> Self {
        let start = Self {
            name: name.to_owned(),
            environment: Vec::new(),
            directory: None,
            socket: None,
        };
        start
            .env("NEXUS_LISTEN", "127.0.0.1:0")
            .env("NEXUS_WORKERS", "2")
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sets its working directory.
    pub fn directory(self, directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: Some(directory.into()),
            ..self
        }
    }

    /// Hands a listening socket over, as systemd does (`sd_listen_fds(3)`).
    ///
    /// # Panics
    /// When there is no descriptor left for it.
    pub fn socket(self, socket: &TcpListener) -> Self {
        let handle = socket.try_clone().expect("a descriptor is left");
        Self {
            socket: Some(handle.into()),
            ..self
        }
    }

    /// Says where an upstream is.
    pub fn upstream(self, name: &str, model: &FakeModel) -> Self {
        self.upstream_url(name, model.url())
    }

    /// Says where an upstream is, by its URL.
    pub fn upstream_url(self, name: &str, url: impl Into<String>) -> Self {
        let variable = format!("UPSTREAM_{}_URL", name.to_uppercase().replace('-', "_"));
        self.env(&variable, url)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Dataplane {
        let mut command = self.command(&[]);
        let mut process = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary was just built");
        let log = Log::follow(process.stdout.take().expect("stdout is piped"));
        let line = log.wait_for(|line| line["message"] == "listening").await;
        let address = line
            .get("address")
            .and_then(Value::as_str)
            .and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line}"));
        Dataplane {
            address,
            process,
            log,
        }
    }

    /// Runs it with these arguments until it ends by itself: for starts that fail.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run(self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let output = command.kill_on_drop(true).output();
        patiently("the process to end", output)
            .await
            .expect("the binary was just built")
    }

    fn command(self, arguments: &[&str]) -> Command {
        let program = program(&self.name);
        let mut command = match self.socket {
            None => {
                let mut command = Command::new(program);
                command.stdin(Stdio::null());
                command
            }
            // The shell has it as its input, moves it to descriptor 3, and becomes the program.
            Some(socket) => {
                let mut command = Command::new("/bin/sh");
                let handed =
                    "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" \"$@\" 3<&0 0</dev/null";
                command.args(["-c", handed]).arg(program).stdin(socket);
                command
            }
        };
        command.args(arguments).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

/// A running dataplane. It is killed when this is dropped.
#[derive(Debug)]
pub struct Dataplane {
    address: SocketAddr,
    process: Child,
    log: Log,
}

impl Dataplane {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A new connection to it.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Sends a request on a new connection and reads the whole response.
    pub async fn send(&self, request: &Request) -> Response {
        self.connect().await.send(request).await
    }

    /// Its metrics now.
    ///
    /// # Panics
    /// When it does not give them.
    pub async fn metrics(&self) -> Metrics {
        let response = self.send(&Request::get("/metrics")).await;
        assert_eq!(response.status, 200);
        Metrics::parse(&response.text())
    }

    /// How much memory it holds now, in bytes.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn memory(&self) -> u64 {
        let pid = self.process.id().expect("the process runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
        let status = status.expect("the process has a status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes =
            resident.and_then(|size| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.expect("the status has a size in memory") * 1024
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The log line of the request with this id, once it is written.
    pub async fn access_line(&self, request_id: &str) -> Value {
        let is_it =
            |line: &Value| line["logger"] == "nexus.access" && line["request_id"] == request_id;
        self.log.wait_for(is_it).await
    }

    /// Asks it to stop.
    ///
    /// # Panics
    /// When it has already ended.
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Asks it to read its files again.
    ///
    /// # Panics
    /// When it has already ended.
    pub async fn reload(&self) {
        self.signal("-HUP").await;
    }

    async fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("the process runs").to_string();
        let killed = Command::new("kill").args([signal, &pid]).status().await;
        assert!(
            killed.expect("kill runs").success(),
            "the process has ended"
        );
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let exit = patiently("the process to end", self.process.wait()).await;
        exit.expect("a child can be waited for")
    }
}
