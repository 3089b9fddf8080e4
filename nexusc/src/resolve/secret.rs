//! `{ env = "NAME" }` and `{ file = "/path" }`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::{is_variable, shown};
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{conventions, ir, spec};

/// Where a secret is read from; no message ever repeats what was written, since it may be the secret.
pub(super) fn resolve(
    secret: &spec::secret::Secret,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Secret> {
    match (&secret.env, &secret.file) {
        (Some(variable), None) if conventions::is_taken(variable) => {
            let message = format!("`{variable}` has a meaning of its own");
            let place = Place::Value(path.key("env"));
            let label = "an address or a setting is read from it";
            let diagnostic = Diagnostic::new(Code::NX0302, message, place, label);
            scope.report(diagnostic.help("choose another variable for the secret"));
            None
        }
        (Some(variable), None) if is_variable(variable) => Some(ir::Secret::Env(variable.clone())),
        (Some(_), None) => {
            let diagnostic = Diagnostic::new(
                Code::NX0302,
                format!("`{path}.env` is not the name of an environment variable"),
                Place::Value(path.key("env")),
                "",
            );
            let help = "capital letters, digits and underscores, such as `OPENAI_API_KEY`; if this is the \
                        secret itself, replace it wherever it is in use";
            scope.report(diagnostic.help(help));
            None
        }
        (None, Some(file)) => self::file(file, path, scope).map(ir::Secret::File),
        (None, None) if scope.lacks(path) => None,
        (env, _) => {
            let message = match env {
                Some(_) => format!("`{path}` has both `env` and `file`"),
                None => format!("`{path}` has neither `env` nor `file`"),
            };
            let place = Place::Value(path.clone());
            let diagnostic = Diagnostic::new(Code::NX0006, message, place, "");
            scope.report(diagnostic.help("set one: `{ env = \"VARIABLE\" }`"));
            None
        }
    }
}

/// The file named by `{ file = .. }` at `path`. Folders are made of its path in containers, in which a segment has to be
/// a name.
pub(super) fn file(file: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    const EXAMPLE: &str = "write a path such as `/run/secrets/openai`";
    let plain = plain(file);
    let (what, help) = match &plain {
        Some(plain) if plain == file => return Some(file.to_owned()),
        Some(plain) => (
            "the plain path of a file",
            format!("write {}", shown(plain)),
        ),
        None if file.starts_with('/') => ("the plain path of a file", EXAMPLE.to_owned()),
        None => ("an absolute path", EXAMPLE.to_owned()),
    };
    let message = format!("`{path}.file` is not {what}");
    let place = Place::Value(path.key("file"));
    scope.report(Diagnostic::new(Code::NX0302, message, place, "").help(help));
    None
}

/// An absolute path of a file without empty segments, `.` and `..`; `None` where there is none to be had.
fn plain(file: &str) -> Option<String> {
    let segments = file
        .strip_prefix('/')
        .filter(|_| !file.contains(char::is_control))?;
    let mut plain = Vec::new();
    for segment in segments.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                plain.pop();
            }
            name => plain.push(name),
        }
    }
    (!plain.is_empty()).then(|| format!("/{}", plain.join("/")))
}
