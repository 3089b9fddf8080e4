//! No two GPUs have one number (NX0615): it is that of the gateway's machine, which has one card of each.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let mut first: BTreeMap<u64, &str> = BTreeMap::new();
    let topology = context.topology;
    for gpu in topology.gpus.iter() {
        let Some(index) = gpu.index else {
            continue;
        };
        let other = *first.entry(index).or_insert(&gpu.name);
        if other == gpu.name {
            continue;
        }
        let message = format!("GPUs `{other}` and `{}` have the number {index}", gpu.name);
        let place = Place::Value(gpu.path.key("index"));
        let help = "leave out the `index` of a GPU of another machine than the gateway's";
        context.report(Diagnostic::new(Code::NX0615, message, place, "").help(help));
    }
}
