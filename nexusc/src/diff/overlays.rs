//! The environments.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::Risk::{Risky, Safe};
use crate::diff::shares::shown_address;
use crate::diff::words::code;
use crate::diff::{Changes, Kind, kubernetes, pairs};
use crate::ir::table::Table;
use crate::ir::{Address, Endpoint, Overlay, Topology};

pub(super) fn compare(before: &Table<Overlay>, after: &Table<Overlay>, changes: &mut Changes<'_>) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_overlay(before, after, changes),
            (None, Some(new)) => changes.of(Safe, Kind::Overlay, &new.name, "new"),
            (Some(old), None) => {
                let what = "removed: nothing is emitted for it any more";
                changes.of(Risky, Kind::Overlay, &old.name, what);
            }
            (None, None) => {}
        }
    }
}

fn compare_overlay(before: &Overlay, after: &Overlay, changes: &mut Changes<'_>) {
    let Overlay {
        name,
        path: _,
        production,
        servers,
        profile,
        addresses,
        kubernetes,
    } = after;
    if before.servers != *servers {
        let (old, new) = (before.servers.name(), servers.name());
        let what = format!("servers: {} -> {}", code(old), code(new));
        changes.of(Risky, Kind::Overlay, name, what);
    }
    if before.profile != *profile {
        let shown = |profile: &Option<String>| profile.as_deref().map_or("none".to_owned(), code);
        let (old, new) = (shown(&before.profile), shown(profile));
        let what = format!("profile whose engines run: {old} -> {new}");
        changes.of(Risky, Kind::Overlay, name, what);
    }
    match (before.production, *production) {
        (false, true) => {
            let what =
                "real users depend on it (production): development mode and mocks are refused";
            changes.of(Safe, Kind::Overlay, name, what);
        }
        (true, false) => {
            let what = "no longer counts as production: development mode and mocks are not refused";
            changes.of(Risky, Kind::Overlay, name, what);
        }
        _ => {}
    }
    kubernetes::compare_environment(&before.kubernetes, kubernetes, name, changes);
    let (old, new) = (
        by_upstream(&before.addresses, changes.before),
        by_upstream(addresses, changes.after),
    );
    let upstreams: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for upstream in upstreams {
        let (from, to) = (old.get(upstream), new.get(upstream));
        if from != to {
            let shown = |endpoint: Option<&&Endpoint>| {
                endpoint.map_or("as everywhere".to_owned(), |endpoint| {
                    shown_address(endpoint)
                })
            };
            let what = format!(
                "the address of upstream {}: {} -> {}",
                code(upstream),
                shown(from),
                shown(to)
            );
            changes.of(Risky, Kind::Overlay, name, what);
        }
    }
}

fn by_upstream<'t>(
    addresses: &'t [Address],
    topology: &'t Topology,
) -> BTreeMap<&'t str, &'t Endpoint> {
    let pair = |address: &'t Address| {
        let Address {
            upstream,
            endpoint,
            path: _,
        } = address;
        (topology.upstreams.get(*upstream).name.as_str(), endpoint)
    };
    addresses.iter().map(pair).collect()
}
