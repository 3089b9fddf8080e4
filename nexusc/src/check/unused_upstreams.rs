//! Every upstream is used by a route (NX0901): one that is not costs a GPU and answers nobody.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::redact::shown;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if context.is_partial("routes") {
        return;
    }
    let mut used = vec![false; topology.upstreams.len()];
    let rules = topology
        .routes
        .iter()
        .filter_map(|route| route.rule.as_ref());
    let shadows = topology
        .routes
        .iter()
        .filter_map(|route| route.shadow.as_ref());
    let copied = shadows.map(|shadow| shadow.upstream);
    for upstream in rules.flat_map(|rule| rule.upstreams()).chain(copied) {
        if let Some(used) = used.get_mut(upstream.index()) {
            *used = true;
        }
    }
    for (upstream, _) in topology
        .upstreams
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
    {
        let diagnostic = Diagnostic::new(
            Code::NX0901,
            format!("no route uses upstream {}", shown(&upstream.name)),
            Place::Key(upstream.path.clone()),
            "",
        )
        .help("name it in a route, or remove it");
        context.report(diagnostic);
    }
}
