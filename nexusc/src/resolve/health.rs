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
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
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
        interval,
        timeout,
        unhealthy_after,
        healthy_after,
    }) = written
    else {
        return otherwise.cloned();
    };
    let defaults = otherwise.cloned().unwrap_or_else(|| ir::Health {
        asks_for: DEFAULT_PATH.to_owned(),
        interval: DEFAULT_INTERVAL,
        timeout: DEFAULT_TIMEOUT,
        unhealthy_after: DEFAULT_UNHEALTHY_AFTER,
        healthy_after: DEFAULT_HEALTHY_AFTER,
        path: at.clone(),
    });
    let mut times = |number: &Option<u64>, otherwise, field| {
        scope.within(number.unwrap_or(otherwise), 1..=1_000, &at.key(field))
    };
    Some(ir::Health {
        unhealthy_after: times(unhealthy_after, defaults.unhealthy_after, "unhealthy_after"),
        healthy_after: times(healthy_after, defaults.healthy_after, "healthy_after"),
        asks_for: path
            .as_ref()
            .and_then(|path| read_path(path, &at.key("path"), scope))
            .unwrap_or(defaults.asks_for),
        interval: scope.duration(interval.as_ref(), defaults.interval, &at.key("interval")),
        timeout: scope.duration(timeout.as_ref(), defaults.timeout, &at.key("timeout")),
        path: at.clone(),
    })
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
