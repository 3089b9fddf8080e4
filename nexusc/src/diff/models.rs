//! The names that clients ask for, and what each model does with a request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::diff::Risk::{Breaking, Risky, Safe};
use crate::diff::words::{code, in_order, list, sample, time};
use crate::diff::{Changes, Kind, Risk, pairs, shares};
use crate::ir::table::Table;
use crate::ir::{Capabilities, Modality, Model, Parameter, Topology, Total, Totals};

pub(super) fn compare(before: &Table<Model>, after: &Table<Model>, changes: &mut Changes<'_>) {
    compare_names(before, after, changes);
    for pair in pairs(before, after) {
        if let (Some(before), Some(after)) = pair {
            compare_model(before, after, changes);
        }
    }
}

fn compare_model(before: &Model, after: &Model, changes: &mut Changes<'_>) {
    let Model {
        name,
        path: _,
        aliases: _, // told as names that clients ask for
        route: _,   // told by `routing`
        fallback: _,
        totals,
        defaults,
        limit: _, // told by `limits`
        log_sample,
        capabilities,
    } = after;
    compare_capabilities(name, &before.capabilities, capabilities, changes);
    compare_fallback(before, after, changes);
    let Totals { whole, streamed } = totals;
    let totals = [
        (
            "a request that is not streamed",
            &before.totals.whole,
            whole,
        ),
        ("a streamed request", &before.totals.streamed, streamed),
    ];
    for (what, before, after) in totals {
        compare_total(name, what, before.as_ref(), after.as_ref(), changes);
    }
    compare_defaults(name, &before.defaults, defaults, changes);
    if before.log_sample != *log_sample {
        let all = "as all are";
        let shown = |own: Option<_>| own.map_or(all.to_owned(), |own| sample(Some(own)));
        let what = format!(
            "successful requests that are logged: {} -> {}",
            shown(before.log_sample),
            shown(*log_sample)
        );
        changes.of(Safe, Kind::Model, name, what);
    }
}

fn compare_capabilities(
    name: &str,
    before: &Capabilities,
    after: &Capabilities,
    changes: &mut Changes<'_>,
) {
    let Capabilities {
        path: _,
        context,
        tools,
        modalities,
    } = after;
    let not_stated = || "not stated".to_owned();
    let number = |most: Option<u64>| most.map_or_else(not_stated, |most| most.to_string());
    let yes = |can: Option<bool>| {
        can.map_or_else(not_stated, |can| if can { "yes" } else { "no" }.to_owned())
    };
    let kinds = |kinds: &Option<BTreeSet<Modality>>| {
        let names = kinds
            .as_ref()
            .map(|kinds| list(kinds.iter().map(|kind| kind.name())));
        names.unwrap_or_else(not_stated)
    };
    let stated = [
        (
            "tokens of its context",
            number(before.context),
            number(*context),
        ),
        ("calls tools", yes(before.tools), yes(*tools)),
        (
            "what prompts may hold",
            kinds(&before.modalities),
            kinds(modalities),
        ),
    ];
    for (what, before, after) in stated {
        if before != after {
            changes.of(
                Risky,
                Kind::Model,
                name,
                format!("{what}, as stated: {before} -> {after}"),
            );
        }
    }
}

/// Each name that a client may send, with the model that it means.
fn names(models: &Table<Model>) -> BTreeMap<&str, &Model> {
    let of_model = |model| {
        let Model { name, aliases, .. }: &Model = model;
        let all = std::iter::once(name).chain(aliases);
        all.map(move |name| (name.as_str(), model))
    };
    models.iter().flat_map(of_model).collect()
}

fn compare_names(before: &Table<Model>, after: &Table<Model>, changes: &mut Changes<'_>) {
    let (before, after) = (names(before), names(after));
    let all: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    for name in all {
        match (before.get(name), after.get(name)) {
            (Some(&model), None) => {
                let alias = of_alias(name, model);
                let what = match default_model(changes.after) {
                    None => format!("removed{alias}: requests for it are answered 404"),
                    Some(default) => format!(
                        "removed{alias}: requests for it go to the default model {}, or are answered 404 where the \
                         caller may not use that",
                        code(default)
                    ),
                };
                changes.of(Breaking, Kind::Model, name, what);
            }
            (None, Some(&model)) if model.name == name => {
                let what = format!("new; requests go {}", goes(model, changes.after));
                changes.of(Safe, Kind::Model, name, what);
            }
            (None, Some(&model)) => {
                let what = format!("new, an alias of model {}", code(&model.name));
                changes.of(Safe, Kind::Model, name, what);
            }
            (Some(&old), Some(&new)) if old.name != new.name => {
                // A model that is renamed and keeps its old name as an alias goes where it went.
                let elsewhere = shares::is_elsewhere(
                    (changes.before, route_rule(old, changes.before)),
                    (changes.after, route_rule(new, changes.after)),
                );
                let risk = if elsewhere { Breaking } else { Risky };
                let what = format!(
                    "now means model {} instead of model {}",
                    code(&new.name),
                    code(&old.name)
                );
                changes.of(risk, Kind::Model, name, what);
            }
            _ => {}
        }
    }
}

fn of_alias(name: &str, model: &Model) -> String {
    if model.name == name {
        String::new()
    } else {
        format!(" (an alias of model {})", code(&model.name))
    }
}

fn default_model(topology: &Topology) -> Option<&str> {
    let id = topology.gateway.default_model?;
    Some(&topology.models.get(id).name)
}

fn route_rule<'t>(model: &Model, topology: &'t Topology) -> Option<&'t crate::ir::Rule> {
    topology.routes.get(model.route?).rule.as_ref()
}

fn goes(model: &Model, topology: &Topology) -> String {
    route_rule(model, topology).map_or("nowhere".to_owned(), |rule| {
        shares::describe(rule, topology)
    })
}

fn compare_fallback(before: &Model, after: &Model, changes: &mut Changes<'_>) {
    fn chain<'t>(model: &Model, topology: &'t Topology) -> Vec<&'t str> {
        let name = |id| topology.models.get(id).name.as_str();
        model.fallback.iter().copied().map(name).collect()
    }
    let old = chain(before, changes.before);
    let new = chain(after, changes.after);
    if old == new {
        return;
    }
    let risk = if new.starts_with(&old) { Safe } else { Risky };
    let what = match (old.as_slice(), new.as_slice()) {
        ([], new) => format!("falls back to {}", in_order(new.iter().copied())),
        (old, []) => format!(
            "no longer falls back to {}: requests fail when its upstreams do",
            in_order(old.iter().copied())
        ),
        (old, new) => format!(
            "falls back to {} instead of {}",
            in_order(new.iter().copied()),
            in_order(old.iter().copied())
        ),
    };
    changes.of(risk, Kind::Model, &after.name, what);
}

fn compare_total(
    name: &str,
    what: &str,
    before: Option<&Total>,
    after: Option<&Total>,
    changes: &mut Changes<'_>,
) {
    let time_of = |total: Option<&Total>| total.map(|Total { time, path: _ }| *time);
    let (before, after) = (time_of(before), time_of(after));
    if before == after {
        return;
    }
    let longest = |total: Option<Duration>| total.unwrap_or(Duration::MAX);
    let risk = Risk::of_room(&longest(before), &longest(after));
    let shown = |total: Option<Duration>| total.map_or("any time".to_owned(), time);
    let what = format!(
        "time for {what}, all attempts together: {} -> {}",
        shown(before),
        shown(after)
    );
    changes.of(risk, Kind::Model, name, what);
}

fn compare_defaults(
    name: &str,
    before: &[Parameter],
    after: &[Parameter],
    changes: &mut Changes<'_>,
) {
    let of = |parameters: &[Parameter]| -> BTreeMap<&'static str, String> {
        let pair = |Parameter { field, json }: &Parameter| (*field, json.clone());
        parameters.iter().map(pair).collect()
    };
    let (before, after) = (of(before), of(after));
    let fields: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for field in fields {
        let (old, new) = (before.get(field), after.get(field));
        if old != new {
            let shown = |value: Option<&String>| {
                value
                    .map_or("the upstream's own", String::as_str)
                    .to_owned()
            };
            let what = format!(
                "`{field}` of requests that set none: {} -> {}",
                shown(old),
                shown(new)
            );
            changes.of(Risky, Kind::Model, name, what);
        }
    }
}

/// The models of one topology that the other one lacks, for phrases.
pub(super) fn shown_list(models: &BTreeSet<&str>) -> String {
    let plural = if models.len() == 1 { "model" } else { "models" };
    format!("{plural} {}", list(models.iter().copied()))
}
