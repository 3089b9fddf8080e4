//! Who may ask is stated, one way or the other (NX0303, NX0304).
//!
//! Deny by default: without them nobody could use the gateway, so a spec has keys or
//! an issuer of tokens, or says that it is for development. With both, the keys would be checked by nobody.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let development = KeyPath::root().key("gateway").key("development");
    match (topology.gateway.development, topology.keys.iter().next()) {
        (true, Some(key)) => {
            let diagnostic = Diagnostic::new(
                Code::NX0304,
                "API keys have no effect in development mode",
                Place::Value(development),
                "turns authentication off",
            )
            .conflict(
                Place::Key(key.path.clone()),
                "so this key is never asked for",
            )
            .help("remove `development` or the keys");
            context.report(diagnostic);
        }
        (false, None)
            if topology.jwt.is_none()
                && !["auth", "gateway", "keys"]
                    .iter()
                    .any(|table| context.is_partial(table)) =>
        {
            let diagnostic = Diagnostic::without_place(
                Code::NX0303,
                "nobody could use this gateway: it has no API key",
            )
            .help(
                "add `[keys.NAME]` with `secret = { env = \"VARIABLE\" }` and `models`, or `[auth.jwt]`; \
                 or, on your own machine, `development = true` under `[gateway]`",
            );
            context.report(diagnostic);
        }
        _ => {}
    }
}
