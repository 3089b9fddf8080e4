//! A default output leaves room for a prompt (NX0437).
//!
//! An engine refuses a request whose `max_tokens` do not fit into the context beside its prompt. With a default
//! that fills the context alone, every request that does not say otherwise is refused.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for model in context.topology.models.iter() {
        let (Some(most), Some(output)) = (model.capabilities.context, model.default_output())
        else {
            continue;
        };
        if output < most {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0437,
            format!(
                "model `{}` writes as much as its context holds, without a prompt",
                model.name
            ),
            Place::Value(model.path.key("defaults").key("max_tokens")),
            "of a request that does not say",
        )
        .conflict(
            Place::Value(model.capabilities.path.key("context")),
            "for prompt and answer together",
        )
        .help(format!("lower `max_tokens` well below {most}"));
        context.report(diagnostic);
    }
}
