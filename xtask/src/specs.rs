//! `cargo xtask build-spec`: every spec of the repository, and the schema that editors read.

use std::fs;

use crate::command::{Error, cargo, output, root, run};

/// The folders with specs.
const FOLDERS: &[&str] = &["specs", "tests/specs"];

const SCHEMA: &str = "specs/nexus.schema.json";

/// What to do with the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Compare it with what is there.
    Check,
}

/// Compiles every spec.
pub(crate) fn build(mode: Mode) -> Result<(), Error> {
    schema(mode)?;
    let mut build = cargo("run --quiet --package nexusc -- build");
    if mode == Mode::Check {
        build.arg("--check");
    }
    for folder in FOLDERS {
        build.args(specs(folder)?);
    }
    run(&mut build)
}

fn schema(mode: Mode) -> Result<(), Error> {
    let current = output(&mut cargo("run --quiet --package nexusc -- schema"))?;
    let path = root().join(SCHEMA);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    match mode {
        _ if committed == current => Ok(()),
        Mode::Write => fs::write(path, current).map_err(|cause| Error::Write {
            path: SCHEMA.to_owned(),
            cause,
        }),
        Mode::Check => Err(Error::Stale {
            path: SCHEMA.to_owned(),
            program: "nexusc schema".to_owned(),
        }),
    }
}

/// The specs of a folder, by name, relative to the root.
pub(crate) fn specs(folder: &str) -> Result<Vec<String>, Error> {
    let unreadable = |cause| Error::Read {
        path: folder.to_owned(),
        cause,
    };
    let mut specs = Vec::new();
    for entry in fs::read_dir(root().join(folder)).map_err(unreadable)? {
        let name = entry
            .map_err(unreadable)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".toml") {
            specs.push(format!("{folder}/{name}"));
        }
    }
    specs.sort();
    Ok(specs)
}
