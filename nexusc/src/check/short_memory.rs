//! An answer that is kept for a repeated request is still there when the repetition comes (NX0571).
//!
//! SDKs wait up to eight seconds before they send a request again.

use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::source::Place;
use crate::unit::duration::shown;

const LONGEST_PAUSE: Duration = Duration::from_secs(8);

pub(super) fn check(context: &mut Context<'_>) {
    let Some(idempotency) = &context.topology.gateway.idempotency else {
        return;
    };
    if idempotency.ttl > LONGEST_PAUSE {
        return;
    }
    let path = KeyPath::root().key("gateway").key("idempotency");
    let diagnostic = Diagnostic::new(
        Code::NX0571,
        format!("answers are kept for {} only", shown(idempotency.ttl)),
        Place::Value(path.key("ttl")),
        "clients may wait 8 seconds before they ask again",
    )
    .help("`\"10m\"` is usual; `max_bytes` bounds the memory, however long they are kept");
    context.report(diagnostic);
}
