//! What is asked of tokens can be met, and means something (NX0310, NX0311, NX0312).

use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Jwt;
use crate::key_path::KeyPath;
use crate::source::Place;
use crate::unit::duration::shown;

/// Clocks that differ by more are broken, and tokens would outlive their `exp` for as long.
const MAX_LEEWAY: Duration = Duration::from_secs(5 * 60);

/// Claims with a meaning of their own (RFC 7519, 4.1).
const REGISTERED: &[&str] = &["aud", "exp", "iat", "iss", "jti", "nbf", "sub"];

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let Some(jwt) = &topology.jwt else { return };
    if topology.gateway.development {
        let diagnostic = Diagnostic::new(
            Code::NX0310,
            "tokens have no effect in development mode",
            Place::Value(KeyPath::root().key("gateway").key("development")),
            "turns authentication off",
        )
        .conflict(
            Place::Key(jwt.path.clone()),
            "so no token is ever asked for",
        )
        .help("remove `development` or `[auth.jwt]`");
        context.report(diagnostic);
    }
    if jwt.leeway.subsec_nanos() != 0 || jwt.leeway > MAX_LEEWAY {
        let diagnostic = Diagnostic::new(
            Code::NX0311,
            format!("{} is no leeway for tokens", shown(jwt.leeway)),
            Place::Value(jwt.path.key("leeway")),
            "expected whole seconds, at most 5 minutes",
        )
        .help("`\"30s\"` is usual; clocks that differ by more should be set");
        context.report(diagnostic);
    }
    for (field, means_nothing) in meaningless(jwt) {
        let diagnostic = Diagnostic::new(
            Code::NX0312,
            format!("`{field}` {means_nothing}"),
            Place::Value(jwt.path.key(field)),
            "",
        );
        context.report(diagnostic.help(match field {
            "models_claim" => "name a claim of the issuer's own, such as `\"models\"`",
            _ => "write what the issuer writes into its tokens, letter for letter",
        }));
    }
}

fn meaningless(jwt: &Jwt) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for (field, text) in [
        ("issuer", &jwt.issuer),
        ("audience", &jwt.audience),
        ("models_claim", &jwt.models_claim),
    ] {
        if text.trim().is_empty() {
            found.push((field, "is empty"));
        }
    }
    if REGISTERED.contains(&jwt.models_claim.as_str()) {
        found.push(("models_claim", "is a claim that says something else"));
    }
    found
}
