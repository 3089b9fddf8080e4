//! `[routes.NAME.hedge]`

use std::time::Duration;

use crate::ir::Percent;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

/// What the tail of latencies is worth to most, and a load that upstreams hardly notice.
const DEFAULT_BUDGET: Percent = Percent(500);

/// Stands in for a time that could not be read: one that no check objects to.
const UNREADABLE: Duration = Duration::ZERO;

pub(super) fn resolve(
    written: &spec::hedge::Hedge,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Hedge {
    let spec::hedge::Hedge { after, budget } = written;
    let budget = budget.as_ref();
    ir::Hedge {
        after: scope.duration(Some(after), UNREADABLE, &path.key("after")),
        budget: budget
            .and_then(|budget| scope.percent(budget, &path.key("budget")))
            .unwrap_or(DEFAULT_BUDGET),
    }
}
