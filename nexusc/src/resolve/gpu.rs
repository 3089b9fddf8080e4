//! `[gpus.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{catalogue, ir, spec, suggest};

/// No machine has as many cards.
const MOST_INDEX: u64 = 1023;

/// No card has more: 16 TiB.
const MOST: u64 = 16 << 40;

pub(super) fn resolve_all(
    gpus: &BTreeMap<String, spec::gpu::Gpu>,
    scope: &mut Scope<'_>,
) -> Vec<ir::Gpu> {
    let table = KeyPath::root().key("gpus");
    let resolve = |(name, gpu): (&String, &spec::gpu::Gpu)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let model = gpu
            .model
            .as_deref()
            .and_then(|model| known(model, &path, scope));
        let stated = gpu
            .memory
            .as_ref()
            .map(|memory| scope.size(Some(memory), 0, 1..=MOST, &path.key("memory")));
        if gpu.model.is_none() && gpu.memory.is_none() && !scope.lacks(&path) {
            let message = format!("GPU `{name}` has neither `model` nor `memory`");
            let help = "name its model, such as `model = \"rtx-3090\"`, or write what the driver reports: \
                        `memory = \"24146MiB\"`";
            let place = Place::Key(path.clone());
            scope.report(Diagnostic::new(Code::NX0604, message, place, "").help(help));
        }
        // Of a size that cannot be read was told.
        let memory = match stated {
            Some(0) => None,
            stated => stated.or(model.map(|model| model.memory)),
        };
        let reserved = scope.size(gpu.reserved.as_ref(), 0, 0..=MOST, &path.key("reserved"));
        let taken = memory.filter(|memory| reserved >= *memory);
        if let Some(memory) = taken {
            let message = format!("`{}` leaves nothing of the GPU", path.key("reserved"));
            let place = Place::Value(path.key("reserved"));
            let help = format!("it has {} MiB", memory >> 20);
            scope.report(Diagnostic::new(Code::NX0604, message, place, "").help(help));
        }
        ir::Gpu {
            name: name.clone(),
            model: model.map(|model| model.name.to_owned()),
            // Nothing is planned for a GPU of which nothing is left: that has been told.
            memory: memory.filter(|_| taken.is_none()),
            is_exact: stated.is_some(),
            capability: model.map_or(80, |model| model.capability),
            index: scope.only_within(gpu.index, 0..=MOST_INDEX, &path.key("index")),
            reserved,
            path,
        }
    };
    gpus.iter().map(resolve).collect()
}

/// The model of this name.
fn known(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<&'static catalogue::Gpu> {
    let model = catalogue::gpu(name);
    if model.is_none() {
        let path = path.key("model");
        let names = || catalogue::gpus().iter().map(|gpu| gpu.name);
        let help = suggest::nearest(&name.to_ascii_lowercase(), names()).unwrap_or_else(|| {
            format!(
                "write its memory as the driver reports it: `memory = \"24146MiB\"`; known are {}",
                suggest::list(names())
            )
        });
        let message = format!("no GPU {} is known", shown(name));
        let place = Place::Value(path);
        scope.leave_out(&place);
        scope.report(Diagnostic::new(Code::NX0604, message, place, "").help(help));
    }
    model
}
