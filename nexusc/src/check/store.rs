//! A store is waited for in bounds (NX0531), and has something to count (NX0532).

use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Store;
use crate::source::Place;
use crate::unit::duration::shown;

/// A request that waits longer for a count has been waiting for nothing: better to go on without.
const LONGEST: Duration = Duration::from_secs(5);

pub(super) fn check(context: &mut Context<'_>) {
    let Some(store) = &context.topology.store else {
        return;
    };
    if store.timeout > LONGEST {
        let diagnostic = Diagnostic::new(
            Code::NX0531,
            format!(
                "every request may wait {} for a count",
                shown(store.timeout)
            ),
            Place::Value(store.path.key("timeout")),
            "expected at most 5 seconds",
        )
        .help("a Redis in the same network answers in a millisecond: `\"50ms\"` is plenty");
        context.report(diagnostic);
    }
    check_use(context, store);
}

fn check_use(context: &mut Context<'_>, store: &Store) {
    let topology = context.topology;
    let is_partial = |table: &&str| context.is_partial(table);
    if ["auth", "keys", "limits", "models"].iter().any(is_partial) {
        return;
    }
    let mut used = topology.used_limits().map(|id| topology.limits.get(id));
    if used.any(|limit| limit.requests.is_some() || limit.tokens.is_some()) {
        return;
    }
    let diagnostic = Diagnostic::new(
        Code::NX0532,
        "the store has nothing to count",
        Place::Key(store.path.clone()),
        "no key, model or token has a limit of `requests` or `tokens`",
    )
    .help(
        "give a key, a model or `[auth.jwt]` such a limit, or remove the store; `concurrent` is counted by \
         each replica for itself",
    );
    context.report(diagnostic);
}
