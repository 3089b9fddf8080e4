//! A dataplane as a process.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use fake_model::server::FakeModel;
use rlimit::Resource;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::client::{Connection, Request, Response};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::patience::patiently;
use crate::port::Port;
use crate::program::program;
use crate::usage;

/// Between two looks at whether a process that says nothing listens.
const POLL: Duration = Duration::from_millis(2);

/// A dataplane that is to be started.
#[derive(Debug)]
pub struct Start {
    name: String,
    environment: Vec<(String, String)>,
    directory: Option<PathBuf>,
    socket: Option<OwnedFd>,
    open_files: Option<usize>,
}

impl Start {
    /// The dataplane of this name, on a free port, with two workers and nothing else in its environment.
    pub fn of(name: &str) -> Self {
        let start = Self {
            name: name.to_owned(),
            environment: Vec::new(),
            directory: None,
            socket: None,
            open_files: None,
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

    /// Sets how many files it may have open at most.
    pub fn open_files(self, most: usize) -> Self {
        Self {
            open_files: Some(most),
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
        let mut process = self.spawn(Stdio::piped());
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

    /// Starts it with its log going to `output`, where nobody reads it, and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_unheard(self, output: impl Into<Stdio>) -> Dataplane {
        let port = Port::reserve();
        let address = port.address();
        let start = self.env("NEXUS_LISTEN", address.to_string());
        let mut process = start.spawn(output.into());
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                let ended = process.try_wait().expect("a child can be waited for");
                assert!(ended.is_none(), "the process ended: {ended:?}");
                sleep(POLL).await;
            }
        };
        patiently("the process to listen", listens).await;
        Dataplane {
            address,
            process,
            log: Log::unread(),
        }
    }

    fn spawn(self, output: Stdio) -> Child {
        let mut command = self.command(&[]);
        command
            .stdout(output)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary was just built")
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
        let mut command = match (self.socket, self.open_files) {
            (None, None) => {
                let mut command = Command::new(program);
                command.stdin(Stdio::null());
                command
            }
            // A shell, as nothing else sets a limit between the fork and the program.
            (None, Some(most)) => {
                let mut command = Command::new("/bin/sh");
                let limited = "ulimit -n \"$1\" && shift && exec \"$@\"";
                command.args(["-c", limited, "sh", &most.to_string()]);
                command.arg(program).stdin(Stdio::null());
                command
            }
            // The shell has it as its input, moves it to descriptor 3, and becomes the program.
            (Some(socket), _) => {
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
        usage::memory(self.id()).expect("the system says what a process uses")
    }

    /// The time of cores that it has used so far.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn cpu(&self) -> Duration {
        usage::cpu(self.id()).expect("the system says what a process uses")
    }

    /// How many files it has open, sockets among them.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn open_files(&self) -> usize {
        usage::open_files(self.id()).expect("the system says what a process uses")
    }

    /// Sets how many files it may open, and returns how many it might until then; fewer than it has open leave it
    /// those.
    ///
    /// # Panics
    /// When the system does not let it.
    pub fn may_open(&self, files: u64) -> u64 {
        let pid = self.id().cast_signed();
        let (mut before, mut most) = (0, 0);
        let old = Some((&mut before, &mut most));
        rlimit::prlimit(pid, Resource::NOFILE, None, old).expect("the limit is known");
        let new = Some((files, most));
        rlimit::prlimit(pid, Resource::NOFILE, new, None).expect("a limit may be changed");
        before
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

    /// Makes it silent: it keeps its connections and does nothing, whatever else it is asked.
    ///
    /// # Panics
    /// When it has already ended.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Ends its silence.
    ///
    /// # Panics
    /// When it has already ended.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    /// Asks it to read its files again.
    ///
    /// # Panics
    /// When it has already ended.
    pub async fn reload(&self) {
        self.signal("-HUP").await;
    }

    fn id(&self) -> u32 {
        self.process.id().expect("the process runs")
    }

    async fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        let killed = Command::new("kill").args([signal, &pid]).status().await;
        assert!(
            killed.expect("kill runs").success(),
            "the process has ended"
        );
    }

    /// Waits until it has ended, and all that it wrote is in its log.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let exit = patiently("the process to end", self.process.wait()).await;
        self.log.end().await;
        exit.expect("a child can be waited for")
    }
}
