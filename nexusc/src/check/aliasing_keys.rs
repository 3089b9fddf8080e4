//! Every key has a secret of its own (NX0306): with a shared one the gateway could not tell who asks.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Key, Secret};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let mut first: BTreeMap<&Secret, &Key> = BTreeMap::new();
    for key in topology.keys.iter() {
        let Some(secret) = &key.secret else { continue };
        let Some(before) = first.insert(secret, key) else {
            continue;
        };
        let diagnostic = Diagnostic::new(
            Code::NX0306,
            format!("keys `{}` and `{}` share one secret", before.name, key.name),
            Place::Value(key.path.key("secret")),
            "the same source",
        )
        .conflict(Place::Value(before.path.key("secret")), "")
        .help("give each key a variable or a file of its own");
        context.report(diagnostic);
    }
}
