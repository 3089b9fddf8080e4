//! `[lints]`

use std::collections::BTreeMap;

use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::diagnostic::{Diagnostic, Severity};
use crate::ir::Level;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve_all(
    lints: &BTreeMap<String, spec::lint::Lint>,
    scope: &mut Scope<'_>,
) -> BTreeMap<Code, ir::Lint> {
    let table = KeyPath::root().key("lints");
    let mut resolved = BTreeMap::new();
    for (name, lint) in lints {
        let path = table.key(name);
        let code = code(name, &path, scope);
        let reason = lint.reason.trim();
        if reason.is_empty() {
            let place = Place::Value(path.key("reason"));
            let message = format!("`{path}` gives no reason");
            let help = "say why: `reason = \"a warm spare\"`";
            scope.report(Diagnostic::new(Code::NX0909, message, place, "").help(help));
        }
        let Some(code) = code else { continue };
        if let Some(level) = level(&lint.level, code, &path.key("level"), scope) {
            let reason = reason.to_owned();
            let lint = ir::Lint {
                path,
                level,
                reason,
            };
            resolved.insert(code, lint);
        }
    }
    resolved
}

fn code(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Code> {
    let found = Code::find(name);
    if let Some(code) = found.filter(|code| code.name() == name) {
        return Some(code);
    }
    let message = format!("unknown code {}", shown(name));
    let place = Place::Key(path.clone());
    let diagnostic = Diagnostic::new(Code::NX0101, message, place, "no such code");
    // A code with another digit is another code, so none is near.
    scope.report(match found {
        Some(code) => diagnostic
            .help(format!("write `{code}`"))
            .fix(Fix::safe(Change::Rename(path.clone(), code.to_string()))),
        None => diagnostic.help("`nexusc explain` lists the codes"),
    });
    None
}

/// The level, if there is such a one and the code can have it.
fn level(text: &str, code: Code, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Level> {
    let is_error = code.severity() == Severity::Error;
    let (message, help) = match text {
        "allow" if code.may_be_allowed() => return Some(Level::Allow),
        "deny" if !is_error => return Some(Level::Deny),
        "allow" => (
            format!("{code} cannot be allowed"),
            format!("what it finds cannot be served: see `nexusc explain {code}` for the way out"),
        ),
        "deny" => (
            format!("{code} is an error without being denied"),
            format!("remove `{}`", path.entry()),
        ),
        _ => (
            format!("{} is no level", shown(text)),
            "write `\"allow\"` or `\"deny\"`".to_owned(),
        ),
    };
    let place = Place::Value(path.clone());
    scope.report(Diagnostic::new(Code::NX0907, message, place, "").help(help));
    None
}
