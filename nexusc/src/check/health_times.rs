//! A health check ends before the next one is due (NX0504).

use std::collections::BTreeSet;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;
use crate::unit::duration::shown;

pub(super) fn check(context: &mut Context<'_>) {
    // The checks of several upstreams are reported once.
    let mut reported = BTreeSet::new();
    for upstream in context.topology.upstreams.iter() {
        let Some(health) = &upstream.health else {
            continue;
        };
        if health.timeout > health.interval && reported.insert(&health.path) {
            let diagnostic = Diagnostic::new(
                Code::NX0504,
                format!(
                    "a health check of upstream `{}` may take {}, longer than the time to the next",
                    upstream.name,
                    shown(health.timeout)
                ),
                Place::Key(health.path.clone()),
                format!("`interval` is {}", shown(health.interval)),
            )
            .help("make `timeout` shorter than `interval`: `\"1s\"` and `\"5s\"` are usual");
            context.report(diagnostic);
        }
    }
}
