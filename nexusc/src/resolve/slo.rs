//! `[slos.NAME]`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Percent;
use crate::ir::slo::{Indicator, Slo};
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

const DEFAULT_PERIOD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) fn resolve_all(
    slos: &BTreeMap<String, spec::slo::Slo>,
    scope: &mut Scope<'_>,
) -> Vec<Slo> {
    let table = KeyPath::root().key("slos");
    let resolve = |(name, written): (&String, &spec::slo::Slo)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let objective = scope.percent(&written.objective, &path.key("objective"));
        Slo {
            name: name.clone(),
            objective: objective.unwrap_or(Percent(9_900)),
            period: scope
                .period(written.period.as_ref(), &path.key("period"))
                .unwrap_or(DEFAULT_PERIOD),
            indicator: indicator(written, &path, scope),
            path,
        }
    };
    slos.iter().map(resolve).collect()
}

/// What going well means, if it is one thing.
fn indicator(slo: &spec::slo::Slo, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Indicator> {
    let spec::slo::Slo {
        objective: _,
        period: _,
        availability,
        latency,
        first_token,
    } = slo;
    match (availability, latency, first_token) {
        (Some(spec::slo::Availability {}), None, None) => Some(Indicator::Availability),
        (None, Some(latency), None) => {
            let within = within(&latency.within, &path.key("latency"), scope)?;
            Some(Indicator::Latency { within })
        }
        (None, None, Some(first_token)) => {
            let path = path.key("first_token");
            let mut models = first_token
                .models
                .as_ref()
                .map(|names| scope.models(names, &path.key("models")))
                .unwrap_or_default();
            models.sort();
            let within = within(&first_token.within, &path, scope)?;
            Some(Indicator::FirstToken { within, models })
        }
        (None, None, None) if scope.lacks(path) => None,
        (None, None, None) => {
            let message = format!("`{path}` does not say what it is about");
            let place = Place::Key(path.clone());
            let help = "add `availability = {}`, `latency = { within = \"30s\" }` or \
                        `first_token = { within = \"2s\" }`";
            scope.report(Diagnostic::new(Code::NX0006, message, place, "").help(help));
            None
        }
        _ => {
            let set = [
                ("availability", availability.is_some()),
                ("latency", latency.is_some()),
                ("first_token", first_token.is_some()),
            ];
            let mut set = set
                .iter()
                .filter(|(_, is_set)| *is_set)
                .map(|(name, _)| path.key(name));
            let (first, second) = (set.next()?, set.next()?);
            let message = format!("`{path}` is about several things");
            let diagnostic = Diagnostic::new(Code::NX0006, message, Place::Key(second), "")
                .conflict(Place::Key(first), "")
                .help("write an objective for each");
            scope.report(diagnostic);
            None
        }
    }
}

fn within(text: &String, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Duration> {
    scope.time(text, &path.key("within"))
}
