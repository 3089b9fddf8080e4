//! `[privacy]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::{Scope, listed_twice};
use crate::source::Place;
use crate::{ir, spec, suggest};

/// The kinds that can be masked.
const KINDS: [&str; 4] = ["client_ip", "email", "phone", "key"];

pub(super) fn resolve(
    privacy: Option<&spec::privacy::Privacy>,
    scope: &mut Scope<'_>,
) -> Option<ir::Privacy> {
    let spec::privacy::Privacy { mask } = privacy?;
    let path = KeyPath::root().key("privacy").key("mask");
    if mask.is_empty() && !scope.lacks(&path) {
        let message = "`[privacy]` masks nothing".to_owned();
        let diagnostic = Diagnostic::new(Code::NX0554, message, Place::Value(path.clone()), "");
        scope.report(diagnostic.help("list what is to be masked, or remove the table"));
    }
    for (index, kind) in mask.iter().enumerate() {
        let here = path.index(index);
        if let Some(before) = mask.iter().take(index).position(|other| other == kind) {
            let before = Place::Value(path.index(before));
            scope.report(listed_twice(kind, here, before));
        } else if !KINDS.contains(&kind.as_str()) {
            let message = format!("{} is nothing that can be masked", shown(kind));
            let otherwise = || format!("the kinds are {}", suggest::list(KINDS.into_iter()));
            let diagnostic = Diagnostic::new(Code::NX0553, message, Place::Value(here), "");
            scope.report(diagnostic.nearest(kind, KINDS.into_iter(), otherwise));
        }
    }
    let masks = |kind: &str| mask.iter().any(|listed| listed == kind);
    Some(ir::Privacy {
        client_ip: masks("client_ip"),
        email: masks("email"),
        phone: masks("phone"),
        key: masks("key"),
    })
}
