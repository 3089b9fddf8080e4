//! Model names stay apart as Rust names (NX0103): `a.b` and `a-b` would both become `A_B`.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::conventions;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Model;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let mut first: BTreeMap<String, &Model> = BTreeMap::new();
    for model in context.topology.models.iter() {
        let Some(before) = first.insert(conventions::constant(&model.name), model) else {
            continue;
        };
        let diagnostic = Diagnostic::new(
            Code::NX0103,
            format!(
                "models `{}` and `{}` become the same Rust name",
                before.name, model.name
            ),
            Place::Key(model.path.clone()),
            "",
        )
        .conflict(Place::Key(before.path.clone()), "")
        .help("rename one of them and keep its old name as an alias");
        context.report(diagnostic);
    }
}
