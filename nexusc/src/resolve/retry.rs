//! `[routes.NAME.retry]`

use std::time::Duration;

use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

const DEFAULT_ATTEMPTS: u64 = 2;
const DEFAULT_BACKOFF: Duration = Duration::from_millis(50);
const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(1);

pub(super) fn resolve(
    written: &spec::retry::Retry,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Retry {
    let spec::retry::Retry {
        attempts,
        backoff,
        max_backoff,
    } = written;
    ir::Retry {
        attempts: scope.within_or_else(
            attempts.unwrap_or(DEFAULT_ATTEMPTS),
            2..=10,
            &path.key("attempts"),
            "the first try counts: with 2, each upstream is tried once more; to try none again, remove `retry`",
        ),
        backoff: scope.duration(backoff.as_ref(), DEFAULT_BACKOFF, &path.key("backoff")),
        max_backoff: scope.duration(
            max_backoff.as_ref(),
            DEFAULT_MAX_BACKOFF,
            &path.key("max_backoff"),
        ),
    }
}
