//! `[audit]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::WhenFailing;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::secret;
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve(
    audit: Option<&spec::audit::Audit>,
    scope: &mut Scope<'_>,
) -> Option<ir::Audit> {
    let spec::audit::Audit {
        salt,
        path,
        when_failing,
    } = audit?;
    let at = |field: &str| KeyPath::root().key("audit").key(field);
    Some(ir::Audit {
        path: KeyPath::root().key("audit"),
        salt: secret::resolve(salt, &at("salt"), scope),
        file: path
            .as_ref()
            .and_then(|path| file(path, &at("path"), scope)),
        when_failing: policy(when_failing, &at("when_failing"), scope),
    })
}

fn file(path: &str, at: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    let names_file = path.starts_with('/') && !path.ends_with('/');
    if names_file && !path.contains(char::is_control) {
        return Some(path.to_owned());
    }
    let message = format!("{} is not the path of an audit log", shown(path));
    let help = "write the absolute path of a file: `\"/var/log/nexus/audit.jsonl\"`";
    let place = Place::Value(at.clone());
    scope.report(Diagnostic::new(Code::NX0552, message, place, "").help(help));
    None
}

fn policy(name: &str, at: &KeyPath, scope: &mut Scope<'_>) -> Option<WhenFailing> {
    let known = WhenFailing::ALL
        .into_iter()
        .find(|known| known.name() == name);
    if known.is_none() {
        let message = format!("{} is nothing that can happen to requests", shown(name));
        let names = WhenFailing::ALL.map(WhenFailing::name);
        let otherwise =
            || "write `\"refuse\"`, so that nothing happens unrecorded, or `\"admit\"`".to_owned();
        let place = Place::Value(at.clone());
        let diagnostic = Diagnostic::new(Code::NX0551, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
    }
    known
}
