//! Every limit is named by a key or a model (NX0512): one that is not limits nobody.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("keys") || context.is_partial("models") {
        return;
    }
    let of_keys = topology.keys.iter().filter_map(|key| key.limit);
    let of_models = topology.models.iter().filter_map(|model| model.limit);
    let mut used = vec![false; topology.limits.len()];
    for limit in of_keys.chain(of_models) {
        if let Some(used) = used.get_mut(limit.index()) {
            *used = true;
        }
    }
    for (limit, _) in topology.limits.iter().zip(used).filter(|(_, used)| !used) {
        let diagnostic = Diagnostic::new(
            Code::NX0512,
            format!("limit `{}` limits nobody", limit.name),
            Place::Key(limit.path.clone()),
            "no key and no model names it",
        )
        .help(format!(
            "write `limit = \"{}\"` under a key or a model, or remove it",
            limit.name
        ));
        context.report(diagnostic);
    }
}
