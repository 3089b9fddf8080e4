//! A real Prometheus that scrapes dataplanes, and a real Alertmanager that it tells of alerts.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::client::{Connection, Request};
use crate::patience::patiently;
use crate::port::Port;
use crate::program::target_directory;

/// How long to wait before a server that is starting is asked again whether it answers.
const PAUSE: Duration = Duration::from_millis(20);

/// A Prometheus of its own on a free port. It is killed, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Prometheus(Server);

/// An Alertmanager of its own, in the same way.
#[derive(Debug)]
pub struct Alertmanager(Server);

/// One of the two.
#[derive(Debug)]
struct Server {
    port: Port,
    folder: PathBuf,
    process: Child,
}

impl Prometheus {
    /// Starts one that scrapes `target` as `job` and applies these rules, several times a second, and waits until it
    /// answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn scraping(target: SocketAddr, job: &str, rules: Option<String>) -> Self {
        let config = format!(
            "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms }}\n\
             rule_files: [rules/*.yml]\n\
             scrape_configs: [{{ job_name: {job}, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        let rules = rules.map(|rules| ("rules/rules.yml", rules));
        let files: Vec<_> = rules
            .into_iter()
            .chain([("prometheus.yml", config)])
            .collect();
        Self::with(&files).await
    }

    /// Starts one in a folder with these files, `prometheus.yml` among them, and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn with(files: &[(&str, String)]) -> Self {
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--log.level=error",
        ];
        Self(Server::start("prometheus", &arguments, files).await)
    }

    /// What a query gives now: labels with values, none of them for a number that is none.
    ///
    /// # Panics
    /// When Prometheus does not understand it.
    pub async fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let mut connection = Connection::open(self.0.port.address()).await;
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
}

impl Alertmanager {
    /// Starts one with this configuration and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn with(configuration: String) -> Self {
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            "--log.level=error",
            "--cluster.listen-address=",
        ];
        // The gate has it read its templates from here.
        let templates = tools().join("usr/share/prometheus/alertmanager");
        let template = |name: &str| {
            let text = fs::read_to_string(templates.join(name));
            text.expect("the templates of Alertmanager are there")
        };
        let files = [
            ("alertmanager.yml", configuration),
            ("default.tmpl", template("default.tmpl")),
            ("email.tmpl", template("email.tmpl")),
        ];
        Self(Server::start("prometheus-alertmanager", &arguments, &files).await)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.port.address()
    }
}

impl Server {
    async fn start(program: &str, arguments: &[&str], files: &[(&str, String)]) -> Self {
        let port = Port::reserve();
        let address = port.address();
        let name = format!("nexus-{program}-{}-{}", std::process::id(), address.port());
        let folder = std::env::temp_dir().join(name);
        for (name, text) in files {
            let path = folder.join(name);
            let parent = path.parent().expect("a file is in a folder");
            fs::create_dir_all(parent).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
        let process = spawn(program, arguments, address, &folder);
        let mut server = Self {
            port,
            folder,
            process,
        };
        server.comes_up().await;
        server
    }

    /// Waits until it is ready.
    async fn comes_up(&mut self) {
        let (address, process) = (self.port.address(), &mut self.process);
        let is_ready = async {
            loop {
                let ended = process.try_wait().expect("a child can be waited for");
                assert!(ended.is_none(), "the server has ended: {ended:?}");
                if TcpStream::connect(address).await.is_ok() {
                    let mut connection = Connection::open(address).await;
                    let ready = connection.send(&Request::get("/-/ready")).await;
                    if ready.status == 200 {
                        return;
                    }
                }
                sleep(PAUSE).await;
            }
        };
        patiently("the server to answer", is_ready).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is killed as soon as its handle is gone; what it holds open goes with it.
        let _ = self.process.start_kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(program: &str, arguments: &[&str], address: SocketAddr, folder: &Path) -> Child {
    let program = tools().join("usr/bin").join(program);
    assert!(
        program.exists(),
        "{program:?} is missing: run `cargo xtask test end-to-end`, which fetches it"
    );
    let mut command = Command::new(program);
    command
        .arg(format!("--web.listen-address={address}"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().expect("the server of the tools can be run")
}

/// Where the gate unpacks Debian's packages.
fn tools() -> PathBuf {
    target_directory().join("tools/trixie")
}

/// A text as a part of a URL.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
