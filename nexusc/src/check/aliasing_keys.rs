//! Every key has a secret of its own (NX0306).
//!
//! With a shared one the gateway could not tell who asks; and a caller whose key is also the one that the
//! gateway presents to an upstream could go there directly. Several upstreams may share what they are shown. Whoever
//! holds the secret that tokens are signed with could sign its own.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Algorithm, Secret};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let mut first: BTreeMap<&Secret, (String, KeyPath)> = BTreeMap::new();
    for upstream in topology.upstreams.iter() {
        if let Some(secret) = &upstream.api_key {
            let owner = format!("upstream `{}`", upstream.name);
            first
                .entry(secret)
                .or_insert((owner, upstream.path.key("api_key")));
        }
    }
    if let Some(jwt) = &topology.jwt
        && let Some(secret) = jwt.secret()
    {
        let field = match jwt.algorithm {
            Some(Algorithm::Hs256) => "secret",
            _ => "public_key",
        };
        let path = jwt.path.key(field);
        if let Some((owner, before)) = first.get(secret) {
            let diagnostic = Diagnostic::new(
                Code::NX0306,
                format!("tokens and {owner} share one secret"),
                Place::Value(path),
                "the same source",
            )
            .conflict(Place::Value(before.clone()), "")
            .help("give tokens a variable or a file of their own");
            context.report(diagnostic);
        } else {
            first.insert(secret, ("tokens".to_owned(), path));
        }
    }
    for key in topology.keys.iter() {
        let Some(secret) = &key.secret else { continue };
        let path = key.path.key("secret");
        if let Some((owner, before)) = first.get(secret) {
            let diagnostic = Diagnostic::new(
                Code::NX0306,
                format!("key `{}` and {owner} share one secret", key.name),
                Place::Value(path),
                "the same source",
            )
            .conflict(Place::Value(before.clone()), "")
            .help("give each key a variable or a file of its own");
            context.report(diagnostic);
        } else {
            first.insert(secret, (format!("key `{}`", key.name), path));
        }
    }
}
