//! Builds dataplanes in a copy of the workspace that has no compiler.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::command::{Error, cargo, root, run, target};

/// What a user needs to build a dataplane that somebody else has compiled from a spec.
const NEEDED: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "generated",
    "runtime",
    "rust-toolchain.toml",
    "tests",
    "xtask",
];

/// Copies what is needed and builds there.
pub(crate) fn build() -> Result<(), Error> {
    let workspace = target().join("alone");
    let failed = |cause| Error::Write {
        path: workspace.display().to_string(),
        cause,
    };
    match fs::remove_dir_all(&workspace) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    for name in NEEDED {
        copy(&root().join(name), &workspace.join(name)).map_err(failed)?;
    }
    // Together, as nobody asks here what each of them links.
    let mut cargo = cargo("build --quiet --package quickstart --package chat-2x3090 --target-dir");
    run(cargo.arg(target()).current_dir(&workspace))
}

fn copy(from: &Path, to: &PathBuf) -> io::Result<()> {
    if !from.is_dir() {
        return fs::create_dir_all(to.parent().unwrap_or(to))
            .and_then(|()| fs::copy(from, to))
            .map(drop);
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
