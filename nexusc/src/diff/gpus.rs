//! The GPUs, what the plan leaves free on each, and what each server can hold.

use std::collections::BTreeMap;

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{bytes, code, gib};
use crate::diff::{Changes, Kind, Risk, pairs};
use crate::ir::table::Table;
use crate::ir::{Gpu, Topology};
use crate::plan;
use crate::plan::report::Report;

pub(super) fn compare(before: &Table<Gpu>, after: &Table<Gpu>, changes: &mut Changes<'_>) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_gpu(before, after, changes),
            (None, Some(new)) => changes.of(Safe, Kind::Gpu, &new.name, "new"),
            (Some(old), None) => changes.of(Safe, Kind::Gpu, &old.name, "removed"),
            (None, None) => {}
        }
    }
    if before.is_empty() && after.is_empty() {
        return;
    }
    let (old, new) = (report(changes.before), report(changes.after));
    compare_free(&old, &new, changes);
    compare_capacity(&old, &new, changes);
}

fn compare_gpu(before: &Gpu, after: &Gpu, changes: &mut Changes<'_>) {
    let Gpu {
        name,
        path: _,
        model,
        memory,
        is_exact: _,   // goes with `memory`
        capability: _, // goes with `model`
        index,
        reserved,
    } = after;
    let text = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), code);
    let number =
        |number: Option<u64>| number.map_or("none".to_owned(), |number| number.to_string());
    let size = |size: Option<u64>| size.map_or("unknown".to_owned(), bytes);
    let parts = [
        ("model of the card", text(&before.model), text(model)),
        ("memory", size(before.memory), size(*memory)),
        (
            "number on its machine",
            number(before.index),
            number(*index),
        ),
        (
            "memory that others use",
            bytes(before.reserved),
            bytes(*reserved),
        ),
    ];
    for (what, before, after) in parts {
        if before != after {
            changes.of(
                Risky,
                Kind::Gpu,
                name,
                format!("{what}: {before} -> {after}"),
            );
        }
    }
}

fn report(topology: &Topology) -> Report {
    plan::report::report(topology, &plan::plan(topology))
}

/// What is left on each GPU, of each profile.
fn compare_free(before: &Report, after: &Report, changes: &mut Changes<'_>) {
    let old = by_name(before, |profile| {
        profile
            .gpus
            .iter()
            .map(|gpu| (gpu.name.clone(), gpu.free))
            .collect()
    });
    let new = by_name(after, |profile| {
        profile
            .gpus
            .iter()
            .map(|gpu| (gpu.name.clone(), gpu.free))
            .collect()
    });
    for ((profile, gpu), free) in &new {
        if let Some(before) = old.get(&(profile.clone(), gpu.clone()))
            && gib(*before) != gib(*free)
        {
            let what = format!(
                "headroom{}: {} -> {}",
                of_profile(profile),
                gib(*before),
                gib(*free)
            );
            changes.of(Risk::of_room(before, free), Kind::Gpu, gpu, what);
        }
    }
}

/// How many tokens of keys and values each server has room for.
fn compare_capacity(before: &Report, after: &Report, changes: &mut Changes<'_>) {
    let tokens = |profile: &plan::report::Profile| {
        let of_server = |server: &plan::report::Server| {
            let capacity = server.capacity.as_ref()?;
            Some((
                server.upstream.clone(),
                i64::try_from(capacity.tokens.likely).ok()?,
            ))
        };
        profile.services.iter().filter_map(of_server).collect()
    };
    let (old, new) = (by_name(before, tokens), by_name(after, tokens));
    for ((profile, upstream), tokens) in &new {
        if let Some(before) = old.get(&(profile.clone(), upstream.clone()))
            && before != tokens
        {
            let what = format!(
                "tokens that its KV cache holds{}: {before} -> {tokens}",
                of_profile(profile)
            );
            changes.of(
                Risk::of_room(before, tokens),
                Kind::Upstream,
                upstream,
                what,
            );
        }
    }
}

fn of_profile(profile: &Option<String>) -> String {
    profile.as_ref().map_or_else(String::new, |profile| {
        format!(" in profile {}", code(profile))
    })
}

type ByName = BTreeMap<(Option<String>, String), i64>;

fn by_name(report: &Report, of: impl Fn(&plan::report::Profile) -> Vec<(String, i64)>) -> ByName {
    let profiles = report.profiles.iter();
    let named = profiles.flat_map(|profile| {
        let own = of(profile).into_iter();
        own.map(|(name, value)| ((profile.name.clone(), name), value))
    });
    named.collect()
}
