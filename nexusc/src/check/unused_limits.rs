//! Every limit is named by a key, a model or `[auth.jwt]` (NX0512): one that is not limits nobody.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let is_partial = |table: &&str| context.is_partial(table);
    if ["auth", "keys", "models"].iter().any(is_partial) {
        return;
    }
    let mut used = vec![false; topology.limits.len()];
    for limit in topology.used_limits() {
        if let Some(used) = used.get_mut(limit.index()) {
            *used = true;
        }
    }
    for (limit, _) in topology.limits.iter().zip(used).filter(|(_, used)| !used) {
        let diagnostic = Diagnostic::new(
            Code::NX0512,
            format!("limit `{}` limits nobody", limit.name),
            Place::Key(limit.path.clone()),
            "no key, no model and no token has it",
        )
        .help(format!(
            "write `limit = \"{}\"` under a key, a model or `[auth.jwt]`, or remove it",
            limit.name
        ));
        context.report(diagnostic);
    }
}
