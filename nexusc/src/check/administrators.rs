//! Applications are no administrators (NX0545): whoever holds the key of one could turn the gateway off for
//! everybody.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Access;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    // With tokens, applications need no key.
    let partial = |table: &&str| context.is_partial(table);
    if topology.jwt.is_some() || ["auth", "keys", "models"].iter().any(partial) {
        return;
    }
    let asks = |access: &Access| !matches!(access, Access::Only(models) if models.is_empty());
    let keys = topology.keys.iter().filter(|key| asks(&key.models));
    let (administrators, others): (Vec<_>, Vec<_>) = keys.partition(|key| key.admin);
    if let ([key, ..], []) = (&*administrators, &*others) {
        let diagnostic = Diagnostic::new(
            Code::NX0545,
            "every key that may ask for a model is an administrator's",
            Place::Value(key.path.key("admin")),
            "for people, not for applications",
        )
        .help("give applications a key of their own, and this one `models = []`");
        context.report(diagnostic);
    }
}
