//! `[breaker]` and `[upstreams.NAME.breaker]`

use std::time::Duration;

use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

const DEFAULT_FAILURES: u64 = 5;
const DEFAULT_RESET: Duration = Duration::from_secs(30);

/// The breaker of every upstream that does not say otherwise, if there is one.
pub(super) fn resolve_default(
    written: Option<&spec::breaker::Breaker>,
    scope: &mut Scope<'_>,
) -> Option<ir::Breaker> {
    let path = KeyPath::root().key("breaker");
    resolve(written, None, &path, scope)
}

/// The breaker written in one table over the one that holds otherwise.
pub(super) fn resolve(
    written: Option<&spec::breaker::Breaker>,
    otherwise: Option<&ir::Breaker>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Breaker> {
    let Some(spec::breaker::Breaker { failures, reset }) = written else {
        return otherwise.cloned();
    };
    let default_failures = otherwise.map_or(DEFAULT_FAILURES, |breaker| breaker.failures);
    let default_reset = otherwise.map_or(DEFAULT_RESET, |breaker| breaker.reset);
    Some(ir::Breaker {
        failures: scope.within(
            failures.unwrap_or(default_failures),
            1..=1_000,
            &path.key("failures"),
        ),
        reset: scope.duration(reset.as_ref(), default_reset, &path.key("reset")),
        path: path.clone(),
    })
}
