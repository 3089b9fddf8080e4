//! A real Prometheus that scrapes dataplanes.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::client::{Connection, Request};
use crate::patience::patiently;
use crate::program::target_directory;

/// How long to wait before a server that is starting is asked again whether it answers.
const PAUSE: Duration = Duration::from_millis(20);

/// A Prometheus of its own on a free port. It is killed, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    folder: PathBuf,
    process: Child,
}

impl Prometheus {
    /// Starts one that scrapes `target` as `job` several times a second, and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn scraping(target: SocketAddr, job: &str) -> Self {
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").await;
            let address = listener.and_then(|listener| listener.local_addr());
            let address = address.expect("there is a free port");
            let name = format!("nexus-prometheus-{}-{}", std::process::id(), address.port());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).expect("a folder can be made");
            let config = format!(
                "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms }}\n\
                 scrape_configs: [{{ job_name: {job}, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
            );
            fs::write(folder.join("prometheus.yml"), config).expect("a file can be written");
            let mut prometheus = Self {
                process: spawn(address, &folder),
                address,
                folder,
            };
            if prometheus.comes_up().await {
                return prometheus;
            }
        }
    }

    /// What a query gives now: labels with values, none of them for a number that is none.
    ///
    /// # Panics
    /// When Prometheus does not understand it.
    pub async fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let mut connection = Connection::open(self.address).await;
        let answer = connection.send(&Request::get(&path)).await.json();
        let result = answer.pointer("/data/result").and_then(Value::as_array);
        let result = result.unwrap_or_else(|| panic!("{query}: {answer}"));
        let sample = |sample: &Value| {
            let value = sample.pointer("/value/1").and_then(Value::as_str);
            let value = value.and_then(|value| value.parse().ok());
            Some((
                sample.get("metric")?.clone(),
                value.filter(|it: &f64| !it.is_nan())?,
            ))
        };
        result.iter().filter_map(sample).collect()
    }

    /// Waits until it is ready; `false` if it ends before, as when somebody else was quick to take its port.
    async fn comes_up(&mut self) -> bool {
        let (address, process) = (self.address, &mut self.process);
        let is_ready = async {
            loop {
                if process.try_wait().is_ok_and(|ended| ended.is_some()) {
                    return false;
                }
                if TcpStream::connect(address).await.is_ok() {
                    let mut connection = Connection::open(address).await;
                    let ready = connection.send(&Request::get("/-/ready")).await;
                    if ready.status == 200 {
                        return true;
                    }
                }
                sleep(PAUSE).await;
            }
        };
        patiently("Prometheus to answer", is_ready).await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It is killed as soon as its handle is gone; what it holds open goes with it.
        let _ = self.process.start_kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(address: SocketAddr, folder: &std::path::Path) -> Child {
    let program = target_directory().join("tools/debian/usr/bin/prometheus");
    assert!(
        program.exists(),
        "Prometheus is missing: run `cargo xtask test end-to-end`, which fetches it"
    );
    let mut command = Command::new(program);
    command
        .arg(format!("--web.listen-address={address}"))
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .args(["--log.level=error", "--web.page-title=test"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().expect("the server of the tools can be run")
}

/// A text as a part of a URL.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
