//! The pauses between retries grow up to a limit that is not below their beginning (NX0417).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;
use crate::unit::duration::shown;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for route in topology.routes.iter() {
        let Some(retry) = &route.retry else { continue };
        if retry.backoff > retry.max_backoff {
            let path = route.path.key("retry");
            let diagnostic = Diagnostic::new(
                Code::NX0417,
                format!(
                    "the first pause of route `{}` is longer than its longest",
                    route.name
                ),
                Place::Value(path.key("backoff")),
                shown(retry.backoff),
            )
            .conflict(
                Place::Value(path.key("max_backoff")),
                format!("`max_backoff` is {}", shown(retry.max_backoff)),
            )
            .help("make `max_backoff` some times as long as `backoff`");
            context.report(diagnostic);
        }
    }
}
