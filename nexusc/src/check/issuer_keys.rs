//! The keys of an issuer come from it alone, and in time (NX0541, NX0542).
//!
//! Whoever can change them on the way signs tokens of any subject. On the same machine nobody is on the way.
//! In a cluster a mesh may encrypt the connection, which a spec cannot know; so it is a warning.

use std::net::IpAddr;
use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Jwks, Jwt};
use crate::source::Place;
use crate::unit::duration::shown;

/// Below this, an issuer is asked more often than anybody changes keys.
const MIN_REFRESH: Duration = Duration::from_secs(10);

/// A key that was withdrawn is accepted for as long.
const MAX_REFRESH: Duration = Duration::from_secs(6 * 60 * 60);

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let Some(jwks) = topology.jwt.as_ref().and_then(Jwt::jwks) else {
        return;
    };
    if !jwks.is_encrypted() && !is_here(jwks) {
        let diagnostic = Diagnostic::new(
            Code::NX0541,
            "the keys of tokens are fetched without encryption",
            Place::Value(jwks.path.key("url")),
            "whoever is on the way can put others in their place",
        )
        .help("write an `https://` address, unless something else encrypts the connection");
        context.report(diagnostic);
    }
    if !(MIN_REFRESH..=MAX_REFRESH).contains(&jwks.refresh) {
        let diagnostic = Diagnostic::new(
            Code::NX0542,
            format!(
                "the keys of tokens cannot be fetched every {}",
                shown(jwks.refresh)
            ),
            Place::Value(jwks.path.key("refresh")),
            "expected 10 seconds to 6 hours",
        )
        .help("`\"10m\"` is usual; a key that the gateway does not know is fetched at once anyway");
        context.report(diagnostic);
    }
}

/// Whether the issuer is on the same machine.
fn is_here(jwks: &Jwks) -> bool {
    let Some((_, rest)) = jwks.url.as_deref().and_then(|url| url.split_once("://")) else {
        return true;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    host.is_some_and(|host| {
        let is_loopback = |address: IpAddr| address.is_loopback();
        host == "localhost" || host.parse().is_ok_and(is_loopback)
    })
}
