//! Somebody may use the default model (NX0410): nobody is led to a model that its key may not use.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Access;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let Some(model) = topology.gateway.default_model else {
        return;
    };
    // A token may name any model.
    if topology.jwt.is_some() || context.is_partial("auth") {
        return;
    }
    if topology.keys.is_empty() || context.is_partial("keys") || context.is_partial("models") {
        return;
    }
    let may_use = |access: &Access| match access {
        Access::All => true,
        Access::Only(models) => models.contains(&model),
    };
    if !topology.keys.iter().any(|key| may_use(&key.models)) {
        let name = &topology.models.get(model).name;
        let diagnostic = Diagnostic::new(
            Code::NX0410,
            format!("no key may use the default model `{name}`"),
            Place::Value(KeyPath::root().key("gateway").key("default_model")),
            "so it serves nobody",
        )
        .help(format!(
            "add `\"{name}\"` to the `models` of a key, or choose a model that some key may use"
        ));
        context.report(diagnostic);
    }
}
