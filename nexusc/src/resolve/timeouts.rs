//! `[timeouts]`, `[models.NAME.timeouts]` and `[upstreams.NAME.timeouts]`

use std::time::Duration;

use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::{ir, spec};

const DEFAULTS: ir::Timeouts = ir::Timeouts {
    connect: Duration::from_secs(1),
    first_byte: Duration::from_secs(60),
    between_chunks: Duration::from_secs(30),
};

/// The timeouts of every upstream and of every model that does not say otherwise.
pub(super) fn resolve_defaults(
    written: &spec::timeouts::Defaults,
    scope: &mut Scope<'_>,
) -> (ir::Timeouts, ir::Totals) {
    let path = KeyPath::root().key("timeouts");
    let spec::timeouts::Defaults {
        connect,
        first_byte,
        between_chunks,
        total,
        total_streamed,
    } = written;
    let written = [connect, first_byte, between_chunks].map(Option::as_ref);
    let timeouts = of_upstream(written, DEFAULTS, &path, scope);
    let written = [total, total_streamed].map(Option::as_ref);
    let totals = of_requests(written, &ir::Totals::default(), &path, scope);
    (timeouts, totals)
}

/// The timeouts of an upstream over those that hold otherwise.
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
    let written = [connect, first_byte, between_chunks].map(Option::as_ref);
    of_upstream(written, otherwise, path, scope)
}

/// The timeouts of a model's requests over those that hold otherwise.
pub(super) fn resolve_totals(
    written: &spec::timeouts::Totals,
    otherwise: &ir::Totals,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Totals {
    let spec::timeouts::Totals {
        total,
        total_streamed,
    } = written;
    let written = [total, total_streamed].map(Option::as_ref);
    of_requests(written, otherwise, path, scope)
}

fn of_upstream(
    [connect, first_byte, between_chunks]: [Option<&String>; 3],
    otherwise: ir::Timeouts,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Timeouts {
    let mut read = |text, otherwise, field| scope.duration(text, otherwise, &path.key(field));
    ir::Timeouts {
        connect: read(connect, otherwise.connect, "connect"),
        first_byte: read(first_byte, otherwise.first_byte, "first_byte"),
        between_chunks: read(between_chunks, otherwise.between_chunks, "between_chunks"),
    }
}

fn of_requests(
    [total, total_streamed]: [Option<&String>; 2],
    otherwise: &ir::Totals,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Totals {
    let mut read = |text: Option<&String>, otherwise: &Option<ir::Total>, field| {
        let path = path.key(field);
        match text {
            None => otherwise.clone(),
            Some(text) => {
                let time = scope.duration(Some(text), Duration::MAX, &path);
                Some(ir::Total { time, path })
            }
        }
    };
    ir::Totals {
        whole: read(total, &otherwise.whole, "total"),
        streamed: read(total_streamed, &otherwise.streamed, "total_streamed"),
    }
}
