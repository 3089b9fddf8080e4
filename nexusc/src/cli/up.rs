//! `nexusc up`: from a spec to a gateway that answers, in one command.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nexusc::ir::{Access, Endpoint, Key, Model, Rule, Secret, Topology};
use nexusc::{compile, conventions};
use serde_json::Value;

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::{Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Build with optimisations, as it would be deployed
    #[arg(long)]
    release: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let shown = arguments.spec.display();
    let spec = fs::read_spec(&arguments.spec)?;
    say(format_args!("1/3 compiling {shown}"))?;
    let compilation = compile(&spec.source);
    Reports::new(OutputFormat::Text).add(&spec.source, &compilation)?;
    let Some(output) = compilation.output else {
        say(format_args!("{shown}: {}", count(&compilation.diagnostics)))?;
        return Ok(Outcome::Findings);
    };
    let name = spec.source.name();
    if !spec.root.join("Cargo.toml").exists() {
        return Err(Failure::NoWorkspace);
    }
    fs::write(&spec.root, &fs::changes(&spec.root, name, &output.files)?)?;
    let manifest = spec
        .root
        .join(conventions::crate_folder(name))
        .join("Cargo.toml");
    say(format_args!(
        "2/3 building the dataplane (about a minute the first time)"
    ))?;
    let binary = build(&manifest, arguments.release)?;
    if !environment_is_complete(&binary)? {
        return Ok(Outcome::Findings);
    }
    say(format_args!(
        "3/3 starting {}; stop it with Ctrl-C\n",
        binary.display()
    ))?;
    let listen = std::env::var("NEXUS_LISTEN");
    let listen = listen.unwrap_or_else(|_| output.topology.gateway.listen.to_string());
    write!(io::stdout(), "{}", invitation(&output.topology, &listen))?;
    // The gateway takes the place of this process, and with it the terminal and every signal.
    let cause = Command::new(&binary).exec();
    Err(Failure::Run {
        command: binary.display().to_string(),
        cause,
    })
}

/// Builds the crate by itself, so that only the features of this topology are linked, and finds out where
/// cargo put the binary.
fn build(manifest: &Path, release: bool) -> Result<PathBuf, Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--message-format",
        "json-render-diagnostics",
        "--manifest-path",
    ]);
    cargo
        .arg(manifest)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if release {
        cargo.arg("--release");
    }
    let command = format!("cargo build --manifest-path {}", manifest.display());
    let output = match cargo.output() {
        Ok(output) => output,
        Err(cause) => return Err(Failure::Run { command, cause }),
    };
    let executable = |line: &str| -> Option<PathBuf> {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    };
    let messages = String::from_utf8_lossy(&output.stdout);
    match messages.lines().filter_map(executable).next_back() {
        Some(binary) if output.status.success() => Ok(binary),
        _ => Err(Failure::Build { command }),
    }
}

/// Asks the dataplane itself; it says what is missing.
fn environment_is_complete(binary: &Path) -> Result<bool, Failure> {
    let mut check = Command::new(binary);
    check.arg("--check").stdout(Stdio::null());
    match check.status() {
        Ok(status) => Ok(status.success()),
        Err(cause) => {
            let command = format!("{} --check", binary.display());
            Err(Failure::Run { command, cause })
        }
    }
}

/// How to talk to the gateway: lines that work as pasted.
fn invitation(topology: &Topology, listen: &str) -> String {
    let base = format!("http://{}/v1", listen.replace("0.0.0.0", "127.0.0.1"));
    let key = topology.keys.iter().next();
    let model = key
        .and_then(|key| model_of(topology, key))
        .or_else(|| {
            topology
                .models
                .iter()
                .find(|model| answers(topology, model))
        })
        .or_else(|| topology.models.iter().next())
        .map_or("MODEL", |model| &model.name);
    let (shell_key, python_key) = match key.and_then(|key| key.secret.as_ref()) {
        None => (String::new(), "\"unused\"".to_owned()),
        Some(Secret::Env(variable)) => (
            format!(" -H \"Authorization: Bearer ${variable}\""),
            format!("os.environ[\"{variable}\"]"),
        ),
        Some(Secret::File(path)) => (
            format!(" -H \"Authorization: Bearer $(cat {path})\""),
            format!("open(\"{path}\").read().strip()"),
        ),
    };
    let import = if python_key.starts_with("os.") {
        "import os\n"
    } else {
        ""
    };
    format!(
        r#"Ask it with curl, streaming:

curl -N {base}/chat/completions{shell_key} -H 'Content-Type: application/json' \
  -d '{{"model": "{model}", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'

or from Python (pip install openai):

{import}from openai import OpenAI

client = OpenAI(base_url="{base}", api_key={python_key})
stream = client.chat.completions.create(
    model="{model}", stream=True, messages=[{{"role": "user", "content": "Hello!"}}]
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)

print()

"#
    )
}

/// A model that this key may ask for.
fn model_of<'t>(topology: &'t Topology, key: &Key) -> Option<&'t Model> {
    match &key.models {
        Access::All => None,
        Access::Only(models) => models.first().map(|&id| topology.models.get(id)),
    }
}

/// Whether a model has an upstream that is not made to fail.
fn answers(topology: &Topology, model: &Model) -> bool {
    let rule = model
        .route
        .and_then(|route| topology.routes.get(route).rule.as_ref());
    let upstreams = rule.map(Rule::upstreams).unwrap_or_default();
    upstreams
        .iter()
        .any(|&id| topology.upstreams.get(id).endpoint != Endpoint::MockFail)
}
