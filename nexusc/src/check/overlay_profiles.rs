//! The profile of an overlay is one that engines have (NX0861).

use std::collections::BTreeSet;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::redact::shown;
use crate::source::Place;
use crate::suggest;

pub(super) fn check(context: &mut Context<'_>) {
    if context.is_partial("upstreams") {
        return;
    }
    let topology = context.topology;
    let engines = topology
        .upstreams
        .iter()
        .filter_map(|it| it.engine.as_ref());
    let profiles: BTreeSet<&str> = engines.filter_map(|it| it.profile.as_deref()).collect();
    for overlay in topology.overlays.iter() {
        let Some(profile) = overlay.profile.as_deref() else {
            continue;
        };
        if profiles.contains(profile) {
            continue;
        }
        let message = format!("no engine is of the profile {}", shown(profile));
        let place = Place::Value(overlay.path.key("profile"));
        let diagnostic = Diagnostic::new(Code::NX0861, message, place, "");
        let names = || profiles.iter().copied();
        let otherwise = || match profiles.len() {
            0 => "remove it, or set the `profile` of an engine".to_owned(),
            _ => format!("there are {}", suggest::list(names())),
        };
        context.report(diagnostic.nearest(profile, names(), otherwise));
    }
}
