//! `priority`: whose turn it is where several wait.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Priority;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::suggest;

/// The priority of this name; the usual one where none is written or there is no such.
pub(super) fn resolve(name: Option<&String>, path: &KeyPath, scope: &mut Scope<'_>) -> Priority {
    let Some(name) = name else {
        return Priority::default();
    };
    let known = Priority::ALL.into_iter().find(|known| known.name() == name);
    known.unwrap_or_else(|| {
        let message = format!("{} is no priority", shown(name));
        let names = Priority::ALL.map(Priority::name);
        let otherwise = || format!("the priorities are {}", suggest::list(names.into_iter()));
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0580, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
        Priority::default()
    })
}
