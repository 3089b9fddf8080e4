//! `[keys.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Access;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::resolve::{priority, secret};
use crate::source::Place;
use crate::{ir, spec};

/// In a key's `models`: all of them.
const ALL: &str = "*";

pub(super) fn resolve_all(
    keys: &BTreeMap<String, spec::key::Key>,
    scope: &mut Scope<'_>,
) -> Vec<ir::Key> {
    let table = KeyPath::root().key("keys");
    let resolve = |(name, key): (&String, &spec::key::Key)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        ir::Key {
            name: name.clone(),
            secret: secret::resolve(&key.secret, &path.key("secret"), scope),
            models: access(&key.models, &path.key("models"), scope),
            limit: scope.limit(key.limit.as_ref(), &path.key("limit")),
            priority: priority::resolve(key.priority.as_ref(), &path.key("priority"), scope),
            admin: key.admin.unwrap_or(false),
            log_sample: key
                .log_sample
                .as_ref()
                .and_then(|sample| scope.percent(sample, &path.key("log_sample"))),
            path,
        }
    };
    keys.iter().map(resolve).collect()
}

pub(super) fn access(names: &[String], path: &KeyPath, scope: &mut Scope<'_>) -> Access {
    match names.iter().position(|name| name == ALL) {
        None => {
            let mut models = scope.models(names, path);
            models.sort();
            // Where no name could be resolved, what the author meant is unknown: harmless is all.
            let unknown = models.is_empty() && !names.is_empty();
            if unknown {
                Access::All
            } else {
                Access::Only(models)
            }
        }
        Some(star) => {
            if names.len() > 1 {
                let message = format!("`{path}` names all models and others");
                let place = Place::Value(path.index(star));
                let diagnostic = Diagnostic::new(Code::NX0104, message, place, "all models");
                scope.report(diagnostic.help("write `[\"*\"]` alone, or the names alone"));
            }
            Access::All
        }
    }
}
