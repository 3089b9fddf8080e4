//! `[timeouts]` and `[upstreams.NAME.timeouts]`

use std::time::Duration;

use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

const DEFAULTS: ir::Timeouts = ir::Timeouts {
    connect: Duration::from_secs(1),
    first_byte: Duration::from_secs(60),
    between_chunks: Duration::from_secs(30),
};

/// The timeouts of every upstream that does not say otherwise.
pub(super) fn resolve_defaults(
    written: &spec::timeouts::Timeouts,
    scope: &mut Scope<'_>,
) -> ir::Timeouts {
    resolve(written, DEFAULTS, &KeyPath::root().key("timeouts"), scope)
}

/// The timeouts written in one table over those that hold otherwise.
pub(super) fn resolve(
    written: &spec::timeouts::Timeouts,
    otherwise: ir::Timeouts,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Timeouts {
    let spec::timeouts::Timeouts {
        connect,
        first_byte,
        between_chunks,
    } = written;
    let mut read = |text: &Option<String>, otherwise, field| {
        scope.duration(text.as_ref(), otherwise, &path.key(field))
    };
    ir::Timeouts {
        connect: read(connect, otherwise.connect, "connect"),
        first_byte: read(first_byte, otherwise.first_byte, "first_byte"),
        between_chunks: read(between_chunks, otherwise.between_chunks, "between_chunks"),
    }
}
