//! `cargo xtask bench scale`: specs from small to large, built as a user builds them, in a workspace of their own.
//!
//! What is timed is what an edit costs: one line of a spec that was built before is changed, checked, emitted,
//! compiled and linked. The runtime is warm, as it is for whoever edits; then the crate of tables is compiled once more
//! with nothing of it kept, as on a machine that has only the runtime.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{Error, cargo, output, root, run, target};

/// How many models, upstreams, routes and keys the specs have; the first and the last are put under load.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// A part of a line that each of these specs has, and what it becomes: a bound that no test of a spec asks for.
const EDIT: (&str, &str) = ("max_messages = 512", "max_messages = 511");

/// A spec that is edited.
struct Spec {
    name: String,
    text: String,
}

/// Builds the specs, prints what that costs, and returns what tells the benchmark where the smallest and the
/// largest are.
pub(crate) fn build() -> Result<Vec<String>, Error> {
    run(&mut cargo("build --quiet --release --package nexusc"))?;
    let workspace = workspace()?;
    let example = "chat-2x3090";
    let path = root().join(format!("specs/{example}.toml"));
    let text = fs::read_to_string(&path).map_err(|cause| Error::Read {
        path: path.display().to_string(),
        cause,
    })?;
    let mut specs = vec![Spec {
        name: example.to_owned(),
        text,
    }];
    specs.extend(SIZES.map(|size| Spec {
        name: format!("scale-{size}"),
        text: text_of(size),
    }));
    println!(
        "| one line of this spec edited | check and emit | compile and link | with nothing kept | binary |"
    );
    println!("|---|---:|---:|---:|---:|");
    let mut binaries = Vec::new();
    for spec in specs {
        binaries.push(edit(&workspace, &spec)?);
    }
    println!();
    let [_, smallest, .., largest] = &binaries[..] else {
        return Ok(Vec::new());
    };
    let [first, .., last] = SIZES;
    let subject = |size: usize, binary: &Path| format!("--scale={size}:{}", binary.display());
    Ok(vec![subject(first, smallest), subject(last, largest)])
}

/// Builds a spec, edits it, builds it again, and prints what the second time took. Returns the binary.
fn edit(workspace: &Path, spec: &Spec) -> Result<PathBuf, Error> {
    let path = workspace.join(format!("specs/{}.toml", spec.name));
    write(&path, &spec.text)?;
    compile(&path)?;
    run(&mut link(workspace, &spec.name))?;
    let edited = spec.text.replacen(EDIT.0, EDIT.1, 1);
    if edited == spec.text {
        return Err(Error::Absent {
            what: format!("`{}` in the spec `{}`", EDIT.0, spec.name),
            help: "each spec of this benchmark needs a line to edit".to_owned(),
        });
    }
    write(&path, &edited)?;
    let emitted = timed(|| compile(&path))?;
    let linked = timed(|| run(&mut link(workspace, &spec.name)))?;
    let anew = timed(|| run(link(workspace, &spec.name).env("CARGO_INCREMENTAL", "0")))?;
    let binary = target().join("release").join(&spec.name);
    let size = fs::metadata(&binary).map_err(|cause| Error::Read {
        path: binary.display().to_string(),
        cause,
    })?;
    println!(
        "| {} | {:.2} s | {:.2} s | {:.2} s | {:.1} MB |",
        spec.name,
        emitted.as_secs_f64(),
        linked.as_secs_f64(),
        anew.as_secs_f64(),
        size.len() as f64 / 1e6
    );
    Ok(binary)
}

fn compile(spec: &Path) -> Result<(), Error> {
    let nexusc = target().join("release/nexusc");
    output(crate::command::program(nexusc, "build").arg(spec)).map(drop)
}

fn link(workspace: &Path, name: &str) -> Command {
    let mut build = cargo(&format!(
        "build --quiet --release --package {name} --target-dir"
    ));
    build.arg(target()).current_dir(workspace);
    // What is kept is for the profile to say, whatever is set where this runs.
    build.env_remove("CARGO_INCREMENTAL");
    build
}

fn timed(step: impl FnOnce() -> Result<(), Error>) -> Result<Duration, Error> {
    let begin = Instant::now();
    step()?;
    Ok(begin.elapsed())
}

/// A workspace with this one's runtime, versions and profiles, and nothing else.
fn workspace() -> Result<PathBuf, Error> {
    let workspace = target().join("scale");
    let read = |name: &str| {
        fs::read_to_string(root().join(name)).map_err(|cause| Error::Read {
            path: name.to_owned(),
            cause,
        })
    };
    let manifest = read("Cargo.toml")?;
    let profiles = manifest
        .find("\n[profile.")
        .map_or("", |start| &manifest[start..]);
    let runtime = root().join("runtime");
    let manifest = format!(
        "[workspace]\nmembers = [\"generated/*\"]\nresolver = \"3\"\n\n[workspace.dependencies]\n\
         runtime = {{ path = {:?} }}\n{profiles}",
        runtime.display().to_string()
    );
    write(&workspace.join("Cargo.toml"), &manifest)?;
    write(&workspace.join("Cargo.lock"), &read("Cargo.lock")?)?;
    Ok(workspace)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|cause| Error::Write {
        path: path.display().to_string(),
        cause,
    })
}

/// A spec with `size` models, each with an upstream, a second one to fall back on, a route and a key; with
/// limits and breakers, and every request logged. `tests/bench/scale.rs` knows its names.
fn text_of(size: usize) -> String {
    let mut text = "edition = 1

[gateway]
listen = \"127.0.0.1:8080\"
max_connections = 20_000

[gateway.input]
max_messages = 512

[breaker]
failures = 5
reset = \"15s\"

[limits.standard]
requests = \"1_000_000_000/min\"
tokens = \"1_000_000_000/s\"
concurrent = 20_000
"
    .to_owned();
    for index in 0..size {
        let next = (index + 1) % size;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "
[models.m{index}]
aliases = [\"alias-{index}\"]

[upstreams.u{index}]
url = \"http://u{index}:8000\"
model = \"served\"

[routes.r{index}]
models = [\"m{index}\"]
priority.targets = {{ u{index} = 1, u{next} = 2 }}

[keys.k{index}]
secret = {{ env = \"KEY_{index}\" }}
models = [\"m{index}\"]
limit = \"standard\"
"
        );
    }
    text
}
