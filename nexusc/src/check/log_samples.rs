//! A sample that is no other than the one which holds anyway says nothing (NX0550).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::Percent;
use crate::key_path::KeyPath;
use crate::source::Place;

/// What is logged where nothing is written: all.
const ALL: Percent = Percent(10_000);

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let root = KeyPath::root();
    let mut idle = Vec::new();
    if topology.log_sample == Some(ALL) {
        idle.push((root.key("log").key("sample"), "all is logged by default"));
    }
    let general = topology.log_sample.unwrap_or(ALL);
    let samples = || topology.models.iter().map(|model| model.log_sample);
    for model in topology.models.iter() {
        if model.log_sample == Some(general) {
            let path = model.path.key("log_sample");
            idle.push((path, "so it is for every model"));
        }
    }
    // A key's comes before a model's, so it matters as soon as one model differs.
    let one_for_all = samples().all(|sample| sample.unwrap_or(general) == general);
    for key in topology.keys.iter() {
        if key.log_sample == Some(general) && one_for_all {
            idle.push((key.path.key("log_sample"), "so it is for every key"));
        }
    }
    for (path, why) in idle {
        let message = format!("`{path}` changes nothing");
        // Without its only field `[log]` would be another mistake.
        let is_of_all = path.segments().len() == 2;
        let fix = Fix::safe(Change::Remove(path.clone()));
        let diagnostic = Diagnostic::new(Code::NX0550, message, Place::Value(path), why)
            .help("remove it, or write another percentage");
        context.report(if is_of_all {
            diagnostic
        } else {
            diagnostic.fix(fix)
        });
    }
}
