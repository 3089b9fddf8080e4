//! `[routes.NAME.shadow]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Percent;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

/// About what one engine takes at once without its queue growing.
const DEFAULT_CONCURRENT: u64 = 16;

/// The shadow of the route at `route`; `None` where it could not be resolved, which is reported.
pub(super) fn resolve(
    written: &spec::shadow::Shadow,
    route: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Shadow> {
    let path = route.key("shadow");
    let upstream = scope.upstream(&written.upstream, Place::Value(path.key("upstream")));
    let share = scope.percent(&written.percent, &path.key("percent"));
    if share.is_none() {
        scope.leave_out(&Place::Key(path.clone()));
    }
    let concurrent = written.concurrent.unwrap_or(DEFAULT_CONCURRENT);
    let concurrent = scope.within(concurrent, 1..=1_000, &path.key("concurrent"));
    if share == Some(Percent(0)) {
        let message = format!("`[{path}]` copies no request");
        let place = Place::Value(path.key("percent"));
        let help = "write a part above 0 %, or remove the shadow";
        scope.report(Diagnostic::new(Code::NX0431, message, place, "").help(help));
    }
    Some(ir::Shadow {
        upstream: upstream?,
        share: share?,
        concurrent,
        path,
    })
}
