//! The compiled dataplanes: where they are, and building them.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Builds the binary of the package `name` and returns its path. Each is built once in a run of tests.
///
/// It is built by itself, as what ships is: in a build of the whole workspace the runtime would have the
/// features of all dataplanes together. Tests of what is built already go on meanwhile.
///
/// # Panics
/// When it cannot be built.
pub fn program(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
    let path = {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(built.entry(name.to_owned()).or_default())
    };
    path.get_or_init(|| build(name)).clone()
}

/// Where cargo puts what it builds: the folder that the running test is in.
///
/// # Panics
/// When the test does not lie where cargo puts tests.
pub fn target_directory() -> PathBuf {
    let profile = profile_directory();
    profile
        .parent()
        .expect("a profile's folder lies in the target folder")
        .to_owned()
}

/// `target/debug` or `target/release`.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().expect("the running test has a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a test lies in <target>/<profile>/deps");
    profile.to_owned()
}

fn build(name: &str) -> PathBuf {
    let profile = profile_directory();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--package", name, "--target-dir"])
        .arg(target_directory());
    // Build scripts that look there (`ring`) would run again, and all that links their crates be built again, when they
    // are told of the package of these tests.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let built = cargo.output().expect("cargo runs");
    assert!(
        built.status.success(),
        "`cargo build --package {name}` failed: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    profile.join(name)
}
