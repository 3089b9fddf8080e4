//! `[architectures.NAME]`, and the models that engines name.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::model_files::{self, Weights};
use crate::plan::architecture::Architecture;
use crate::redact::shown;
use crate::resolve::figures::{self, Fault};
use crate::resolve::scope::Scope;
use crate::source::{File, Place, Source};
use crate::{catalogue, spec, suggest};

/// The models that a spec describes; `None` for those of which something was reported.
pub(super) type Architectures = BTreeMap<String, Option<Known>>;

/// A model that engines may name.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its figures.
    pub(super) architecture: Architecture,
    /// The bytes of its files, where the spec names them.
    pub(super) files: Option<Weights>,
}

pub(super) fn resolve_all(
    source: &Source,
    architectures: &BTreeMap<String, spec::architecture::Architecture>,
    scope: &mut Scope<'_>,
) -> Architectures {
    let table = KeyPath::root().key("architectures");
    let resolve = |(name, written): (&String, &spec::architecture::Architecture)| {
        let path = table.key(name);
        scope.check_model_name(name, Place::Key(path.clone()));
        (name.clone(), one(source, written, &path, scope))
    };
    architectures.iter().map(resolve).collect()
}

fn one(
    source: &Source,
    written: &spec::architecture::Architecture,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Known> {
    let mut figures = written.clone();
    if let Some(config) = &written.config {
        let at = path.key("config");
        let read =
            file(source, config).and_then(|file| model_files::config(&file.head, &mut figures));
        or_report(read, config, at, scope)?;
    }
    let mut sum = Some(Weights::default());
    for (index, name) in written.files.iter().enumerate() {
        let at = path.key("files").index(index);
        let read =
            file(source, name).and_then(|file| model_files::weights(name, file, &mut figures));
        let read = or_report(read, name, at, scope);
        sum = sum.zip(read).and_then(|(sum, read)| sum.and(read));
    }
    let files = (!written.files.is_empty()).then_some(sum?);
    // Of a model in several files, only all of them tell.
    if let Some(files) = files.filter(|files| files.embedding > 0) {
        figures.tie_word_embeddings = figures.tie_word_embeddings.or(Some(!files.has_output));
    }
    // What the parser left out is not missing.
    if scope.lacks(path) {
        return None;
    }
    let architecture = figures::architecture(&figures)
        .map_err(|faults| report(faults, written, path, scope))
        .ok()?;
    Some(Known {
        architecture,
        files,
    })
}

/// A file that was read beforehand.
fn file<'s>(source: &'s Source, name: &str) -> Result<&'s File, String> {
    match source.files.get(name) {
        Some(Ok(file)) => Ok(file),
        Some(Err(why)) => Err(why.clone()),
        None => Err("it was not read".to_owned()),
    }
}

fn or_report<T>(
    read: Result<T, String>,
    name: &str,
    at: KeyPath,
    scope: &mut Scope<'_>,
) -> Option<T> {
    read.map_err(|why| {
        let message = format!("{} cannot be used: {why}", shown(name));
        let help = "a path is relative to the folder of the spec";
        let place = Place::Value(at);
        scope.leave_out(&place);
        scope.report(Diagnostic::new(Code::NX0612, message, place, "").help(help));
    })
    .ok()
}

fn report(
    faults: Vec<Fault>,
    written: &spec::architecture::Architecture,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) {
    for fault in faults {
        let diagnostic = match fault {
            Fault::Missing(fields) => {
                let name = path.last_key().unwrap_or_default();
                let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
                let message = format!("figures of `{name}` are missing: {}", fields.join(", "));
                let help = match &written.config {
                    Some(config) => format!("`{config}` does not have them: add them to the table"),
                    None => "they stand in the model's `config.json`; or name that: \
                             `config = \"PATH/config.json\"`"
                        .to_owned(),
                };
                Diagnostic::new(Code::NX0602, message, Place::Key(path.clone()), "").help(help)
            }
            Fault::Wrong { field, label } => {
                let at = path.key(field);
                let message = format!("`{at}` cannot be");
                Diagnostic::new(Code::NX0603, message, Place::Value(at), label)
            }
        };
        scope.leave_out(&Place::Key(path.clone()));
        scope.report(diagnostic);
    }
}

/// The model that is named at `path`: of the spec, else of the catalogue.
pub(super) fn find(
    name: &str,
    path: &KeyPath,
    known: &Architectures,
    scope: &mut Scope<'_>,
) -> Option<Known> {
    if let Some(known) = known.get(name) {
        return known.clone();
    }
    if let Some(architecture) = catalogue::architecture(name) {
        return Some(Known {
            architecture,
            files: None,
        });
    }
    if !scope.lacks(&KeyPath::root().key("architectures")) {
        let own = suggest::nearest(name, known.keys().map(String::as_str));
        let near = own.or_else(|| catalogue::nearest_architecture(name));
        let write = format!(
            "describe it: `[architectures.\"{name}\"]` with `config = \"PATH/config.json\"`, or with its figures"
        );
        let help = near.map_or_else(|| write.clone(), |near| format!("{near} or {write}"));
        let message = format!("the figures of {} are not known", shown(name));
        let place = Place::Value(path.clone());
        scope.report(Diagnostic::new(Code::NX0601, message, place, "").help(help));
    }
    None
}
