//! What is said of TLS has an effect, and what real users send is not sent in clear text (NX0315, NX0318).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Jwt};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    of_upstreams(context);
    of_issuer(context);
    of_listener(context);
}

fn of_upstreams(context: &mut Context<'_>) {
    for upstream in context.topology.upstreams.iter() {
        let Some(tls) = &upstream.tls else { continue };
        if matches!(upstream.endpoint, Endpoint::Https(_)) {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0315,
            format!("upstream `{}` is reached without TLS", upstream.name),
            Place::Value(upstream.path.key("url")),
            "not `https://`",
        )
        .conflict(Place::Key(tls.path.clone()), "so this has no effect")
        .help("give it an address that begins with `https://`, or remove `tls`");
        context.report(diagnostic);
    }
}

fn of_issuer(context: &mut Context<'_>) {
    let Some(jwks) = context.topology.jwt.as_ref().and_then(Jwt::jwks) else {
        return;
    };
    if jwks.ca.is_none() || jwks.is_encrypted() {
        return;
    }
    let diagnostic = Diagnostic::new(
        Code::NX0315,
        "the keys of tokens are fetched without TLS",
        Place::Value(jwks.path.key("url")),
        "not `https://`",
    )
    .conflict(Place::Key(jwks.path.key("ca")), "so this has no effect")
    .help("give it an address that begins with `https://`, or remove `ca`");
    context.report(diagnostic);
}

fn of_listener(context: &mut Context<'_>) {
    let topology = context.topology;
    let gateway = &topology.gateway;
    let Some(overlay) = topology.overlays.iter().find(|overlay| overlay.production) else {
        return;
    };
    let tls = KeyPath::root().key("gateway").key("tls");
    let is_settled = gateway.tls.is_some()
        || context
            .left_out
            .iter()
            .any(|path| path.segments().starts_with(tls.segments()));
    // On a loopback address somebody else is at the door.
    if is_settled || gateway.listen.ip().is_loopback() {
        return;
    }
    let diagnostic = Diagnostic::new(
        Code::NX0318,
        format!(
            "clients of the production overlay `{}` send their keys in clear text",
            overlay.name
        ),
        Place::Value(KeyPath::root().key("gateway").key("listen")),
        "listens without TLS, not only on this machine",
    )
    .conflict(
        Place::Value(overlay.path.key("production")),
        "real users depend on it",
    )
    .help("add `[gateway.tls]`, or listen on `127.0.0.1` behind a proxy that speaks TLS");
    context.report(diagnostic);
}
