//! What a gateway needs where it starts: variables and files.

use std::collections::BTreeMap;

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::list;
use crate::diff::{Changes, Kind};
use crate::emit::environment::secrets;
use crate::ir::Topology;

pub(super) fn compare(changes: &mut Changes<'_>) {
    let (before, after) = (needs(changes.before), needs(changes.after));
    for ((kind, name), origins) in &after {
        if !before.contains_key(&(*kind, name)) {
            let what = format!(
                "newly needed for {}, or the gateway does not start",
                list(origins.iter().map(String::as_str))
            );
            changes.of(Risky, *kind, name, what);
        }
    }
    for (kind, name) in before.into_keys() {
        if !after.contains_key(&(kind, name)) {
            changes.of(Safe, kind, name, "no longer needed");
        }
    }
}

/// Each variable and file, with what needs it.
fn needs(topology: &Topology) -> BTreeMap<(Kind, &str), Vec<String>> {
    let mut needs: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for need in secrets(topology) {
        let variable = need.variable.map(|name| (Kind::Variable, name));
        let file = need.file.map(|path| (Kind::File, path));
        for thing in variable.into_iter().chain(file) {
            needs.entry(thing).or_default().push(need.origin.clone());
        }
    }
    for origins in needs.values_mut() {
        origins.dedup();
    }
    needs
}
