//! Builds dataplanes, each with the parts of the runtime that its spec uses and no others.

use std::collections::BTreeMap;
use std::fs;

use crate::command::{Error, cargo, root, run};

/// The folders with generated crates.
const FOLDERS: [&str; 2] = ["generated", "tests/generated"];

/// Builds `names`: those in one go that use the same parts. In a build with others, the features of all would be one.
pub(crate) fn build(names: &[&str]) -> Result<(), Error> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        alike.entry(dependencies(name)?).or_default().push(name);
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
fn dependencies(name: &str) -> Result<String, Error> {
    let [shipped, tested] = FOLDERS.map(|folder| root().join(folder).join(name).join("Cargo.toml"));
    let path = if shipped.exists() { shipped } else { tested };
    let manifest = fs::read_to_string(&path).map_err(|cause| Error::Read {
        path: path.display().to_string(),
        cause,
    })?;
    let dependencies = manifest.split_once("[dependencies]");
    Ok(dependencies.map_or_else(String::new, |(_, after)| after.to_owned()))
}
