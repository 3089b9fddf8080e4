//! A gateway serves at least one model (NX0406): without one it could answer nothing but its own health.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;

pub(super) fn check(context: &mut Context<'_>) {
    if context.topology.models.is_empty() && !context.is_partial("models") {
        let diagnostic =
            Diagnostic::without_place(Code::NX0406, "this gateway serves no model").help(
                "add `[models.NAME]`, a route that serves it, and the upstream that the route leads to",
            );
        context.report(diagnostic);
    }
}
