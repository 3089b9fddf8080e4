//! Builds dataplanes, each with the parts of the runtime that its spec uses and no others.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use crate::command::{Error, cargo, root, run};

/// The folders with generated crates.
const FOLDERS: [&str; 2] = ["generated", "tests/generated"];

/// Builds all of them: those in one go that use the same parts. In a build with others, the features of all would be one.
pub(crate) fn build() -> Result<(), Error> {
    let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in FOLDERS.map(|folder| root().join(folder)) {
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let dependencies = dependencies(&entry.path().join("Cargo.toml"))?;
            alike.entry(dependencies).or_default().push(name);
        }
    }
    for names in alike.values() {
        let mut build = cargo("build --quiet");
        for name in names {
            build.args(["--package", name]);
        }
        run(&mut build)?;
    }
    Ok(())
}

/// What the manifest of a dataplane says of its dependencies.
fn dependencies(manifest: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(manifest).map_err(unreadable(manifest))?;
    let dependencies = text.split_once("[dependencies]");
    Ok(dependencies.map_or_else(String::new, |(_, after)| after.to_owned()))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |cause| Error::Read {
        path: path.clone(),
        cause,
    }
}
