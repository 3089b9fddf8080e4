//! A key that may use no model is of no use to anybody (NX0902), unless it is an administrator's.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Access;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    if context.is_partial("models") {
        return;
    }
    for key in context.topology.keys.iter() {
        let is_idle = matches!(&key.models, Access::Only(models) if models.is_empty());
        let may_be_admin = key.admin || context.left_out.contains(&key.path.key("admin"));
        if is_idle && !may_be_admin {
            let diagnostic = Diagnostic::new(
                Code::NX0902,
                format!("key `{}` may use no model", key.name),
                Place::Value(key.path.key("models")),
                "",
            )
            .help("name models, or `[\"*\"]` for all, or remove the key");
            context.report(diagnostic);
        }
    }
}
