//! `[health]` and `[upstreams.NAME.health]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_PATH: &str = "/v1/models";
/// Of checks that ask for a path: from the end of one to the next, and how long one may take.
const OF_PATHS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// Of checks that ask a model, which costs it time, and waits in its queue.
const OF_MODELS: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
const DEFAULT_UNHEALTHY_AFTER: u64 = 2;
const DEFAULT_HEALTHY_AFTER: u64 = 1;

/// The checks of every upstream that does not say otherwise, if there are any.
pub(super) fn resolve_default(
    written: Option<&spec::health::Health>,
    scope: &mut Scope<'_>,
) -> Option<ir::Health> {
    let path = KeyPath::root().key("health");
    resolve(written, None, &path, scope)
}

/// The checks written in one table over those that hold otherwise.
pub(super) fn resolve(
    written: Option<&spec::health::Health>,
    otherwise: Option<&ir::Health>,
    at: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Health> {
    let Some(spec::health::Health {
        path,
        probe,
        interval,
        timeout,
        unhealthy_after,
        healthy_after,
    }) = written
    else {
        return otherwise.cloned();
    };
    let probe = match (path, probe) {
        (Some(path), None) => read_path(path, &at.key("path"), scope).map(ir::Probe::Path),
        (None, Some(probe)) => read_probe(probe, &at.key("probe"), scope),
        (Some(_), Some(_)) => {
            let message = format!("`{at}` has both `path` and `probe`");
            let place = Place::Key(at.key("probe"));
            let diagnostic = Diagnostic::new(Code::NX0006, message, place, "")
                .conflict(Place::Key(at.key("path")), "")
                .help("a probe also finds what asking for a path does: keep `probe`");
            scope.report(diagnostic);
            None
        }
        (None, None) => None,
    };
    let probe = probe
        .or_else(|| otherwise.map(|health| health.probe.clone()))
        .unwrap_or_else(|| ir::Probe::Path(DEFAULT_PATH.to_owned()));
    // The times of one kind of check are of no use to the other.
    let alike = otherwise.filter(|health| health.probe.is_of_model() == probe.is_of_model());
    let (default_interval, default_timeout) = match alike {
        Some(health) => (health.interval, health.timeout),
        None if probe.is_of_model() => OF_MODELS,
        None => OF_PATHS,
    };
    let mut times = |number: &Option<u64>, otherwise, field| {
        scope.within(number.unwrap_or(otherwise), 1..=1_000, &at.key(field))
    };
    Some(ir::Health {
        unhealthy_after: times(
            unhealthy_after,
            otherwise.map_or(DEFAULT_UNHEALTHY_AFTER, |health| health.unhealthy_after),
            "unhealthy_after",
        ),
        healthy_after: times(
            healthy_after,
            otherwise.map_or(DEFAULT_HEALTHY_AFTER, |health| health.healthy_after),
            "healthy_after",
        ),
        probe,
        interval: scope.duration(interval.as_ref(), default_interval, &at.key("interval")),
        timeout: scope.duration(timeout.as_ref(), default_timeout, &at.key("timeout")),
        path: at.clone(),
    })
}

/// What a model is asked for, or `None` where that is unknown.
fn read_probe(text: &str, at: &KeyPath, scope: &mut Scope<'_>) -> Option<ir::Probe> {
    match text {
        "chat" => return Some(ir::Probe::Chat),
        "completion" => return Some(ir::Probe::Completion),
        "embedding" => return Some(ir::Probe::Embedding),
        _ => {}
    }
    let message = format!("no model can be asked for {}", shown(text));
    let help = "write what the model is for: `\"chat\"`, `\"completion\"` or `\"embedding\"`";
    let place = Place::Value(at.clone());
    scope.report(Diagnostic::new(Code::NX0543, message, place, "").help(help));
    None
}

/// The path of a check, or `None` where it cannot be asked for.
fn read_path(text: &str, at: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    let is_segment = |segment: &str| {
        let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(clean)
    };
    let segments = text.strip_prefix('/');
    if segments.is_some_and(|segments| segments.split('/').all(is_segment)) {
        return Some(text.to_owned());
    }
    let message = format!("{} is not the path of a health check", shown(text));
    let help = "write what follows the upstream's `url`: `\"/v1/models\"` or `\"/health\"`, without a query";
    let place = Place::Value(at.clone());
    scope.report(Diagnostic::new(Code::NX0505, message, place, "").help(help));
    None
}
