//! A load factor is at least 100 % (NX0408): below it, all upstreams together may not have what is there.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Percent, Rule};
use crate::source::Place;

/// Each upstream may have its even part and no more.
const EVEN: Percent = Percent(10_000);

pub(super) fn check(context: &mut Context<'_>) {
    for route in context.topology.routes.iter() {
        if let Some(Rule::Prefix { load_factor, .. }) = &route.rule
            && load_factor.0 < EVEN.0
        {
            let diagnostic = Diagnostic::new(
                Code::NX0408,
                format!("the load factor of route `{}` is below 100 %", route.name),
                Place::Value(route.path.key("prefix").key("load_factor")),
                "less than an even part for everyone",
            )
            .help("write how much an upstream may have relative to the mean: `\"125%\"`");
            context.report(diagnostic);
        }
    }
}
