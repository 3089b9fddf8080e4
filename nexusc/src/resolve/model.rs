//! `[models.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::Parameter;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::{Scope, listed_twice};
use crate::resolve::{capabilities, timeouts};
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve_all(
    models: &BTreeMap<String, spec::model::Model>,
    totals: &ir::Totals,
    routes: &[ir::Route],
    scope: &mut Scope<'_>,
) -> Vec<ir::Model> {
    let table = KeyPath::root().key("models");
    let route_of = routes_by_model(routes, models.len());
    check_names(models, &table, scope);
    let resolve = |(index, (name, model)): (usize, (&String, &spec::model::Model))| {
        let path = table.key(name);
        let spec::model::Model {
            aliases,
            fallback,
            defaults,
            timeouts,
            limit,
            log_sample,
            capabilities,
        } = model;
        ir::Model {
            name: name.clone(),
            aliases: aliases.clone(),
            route: route_of.get(index).copied().flatten(),
            fallback: scope.models(fallback, &path.key("fallback")),
            totals: timeouts::resolve_totals(timeouts, totals, &path.key("timeouts"), scope),
            defaults: parameters(defaults, &path.key("defaults"), scope),
            limit: scope.limit(limit.as_ref(), &path.key("limit")),
            log_sample: log_sample
                .as_ref()
                .and_then(|sample| scope.percent(sample, &path.key("log_sample"))),
            capabilities: capabilities::resolve(capabilities, path.key("capabilities"), scope),
            path,
        }
    };
    models.iter().enumerate().map(resolve).collect()
}

/// For each model, the first route that names it.
fn routes_by_model(routes: &[ir::Route], models: usize) -> Vec<Option<ir::table::Id<ir::Route>>> {
    let mut route_of = vec![None; models];
    for (id, route) in ir::table::enumerate(routes) {
        for model in &route.models {
            if let Some(slot) = route_of.get_mut(model.index()) {
                slot.get_or_insert(id);
            }
        }
    }
    route_of
}

/// Clients send names and aliases alike, so all of them are one namespace.
fn check_names(
    models: &BTreeMap<String, spec::model::Model>,
    table: &KeyPath,
    scope: &mut Scope<'_>,
) {
    let mut taken: BTreeMap<&str, Place> = BTreeMap::new();
    for name in models.keys() {
        let place = Place::Key(table.key(name));
        scope.check_model_name(name, place.clone());
        taken.insert(name, place);
    }
    for (name, model) in models {
        let list = table.key(name).key("aliases");
        for (index, alias) in model.aliases.iter().enumerate() {
            let place = Place::Value(list.index(index));
            scope.check_model_name(alias, place.clone());
            match taken.get(alias.as_str()) {
                None => {
                    taken.insert(alias, place);
                }
                Some(before @ Place::Value(path))
                    if path.segments().starts_with(list.segments()) =>
                {
                    scope.report(listed_twice(alias, list.index(index), before.clone()));
                }
                Some(_) if alias == name => {
                    let message = format!("{} is the name of the model itself", shown(alias));
                    let diagnostic = Diagnostic::new(Code::NX0103, message, place, "");
                    let fix = Fix::safe(Change::Remove(list.index(index)));
                    scope.report(diagnostic.help("remove the alias").fix(fix));
                }
                Some(before) => {
                    let message = format!("the name {} is taken", shown(alias));
                    let diagnostic = Diagnostic::new(Code::NX0103, message, place, "")
                        .conflict(before.clone(), "first here")
                        .help(
                            "a client's model name must lead to one model: remove one of the two",
                        );
                    scope.report(diagnostic);
                }
            }
        }
    }
}

fn parameters(
    defaults: &spec::model::Defaults,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<Parameter> {
    let spec::model::Defaults {
        temperature,
        top_p,
        max_tokens,
    } = defaults;
    let mut parameters = Vec::new();
    if let Some(max_tokens) = *max_tokens {
        scope.within(max_tokens, 1..=100_000_000, &path.key("max_tokens"));
        parameters.push(Parameter {
            field: "max_tokens",
            json: max_tokens.to_string(),
        });
    }
    if let Some(temperature) = *temperature {
        scope.within(temperature, 0.0..=2.0, &path.key("temperature"));
        parameters.push(Parameter {
            field: "temperature",
            json: json_number(temperature),
        });
    }
    if let Some(top_p) = *top_p {
        scope.within(top_p, 0.001..=1.0, &path.key("top_p"));
        parameters.push(Parameter {
            field: "top_p",
            json: json_number(top_p),
        });
    }
    parameters
}

/// The shortest JSON number that reads back as this one.
fn json_number(number: f64) -> String {
    serde_json::Number::from_f64(number).map_or_else(|| "null".to_owned(), |json| json.to_string())
}
