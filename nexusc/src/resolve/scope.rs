//! What names mean in a spec, and where findings about them are collected.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::table::{Id, Names};
use crate::ir::{Gpu, Key, Limit, Model, Route, Upstream};
use crate::key_path::KeyPath;
use crate::redact::{looks_secret, shown};
use crate::source::Place;
use crate::spec::Spec;
use crate::suggest;

/// Names that a generated crate cannot take: those of packages of the workspace, and those of folders that cargo
/// builds in (`build`, `deps` and so on), for which it refuses the workspace as a whole.
const RESERVED_SPEC_NAMES: &[&str] = &[
    "build",
    "decide",
    "deps",
    "end-to-end",
    "examples",
    "fake-model",
    "incremental",
    "nexusc",
    "nexusc-fuzz",
    "runtime",
    "runtime-fuzz",
    "runtime-loom",
    "test",
    "xtask",
];

/// The names of a spec, and the findings so far.
pub(super) struct Scope<'s> {
    models: Names<'s, Model>,
    upstreams: Rc<Names<'s, Upstream>>,
    limits: Rc<Names<'s, Limit>>,
    routes: Rc<Names<'s, Route>>,
    keys: Rc<Names<'s, Key>>,
    gpus: Rc<Names<'s, Gpu>>,
    aliases: BTreeMap<&'s str, &'s str>,
    left_out: BTreeSet<KeyPath>,
    diagnostics: Vec<Diagnostic>,
}

impl<'s> Scope<'s> {
    pub(super) fn new(spec: &'s Spec, left_out: BTreeSet<KeyPath>) -> Self {
        let aliases = spec.models.iter().flat_map(|(name, model)| {
            model
                .aliases
                .iter()
                .map(move |alias| (alias.as_str(), name.as_str()))
        });
        Self {
            models: Names::from_sorted(spec.models.keys()),
            upstreams: Rc::new(Names::from_sorted(spec.upstreams.keys())),
            limits: Rc::new(Names::from_sorted(spec.limits.keys())),
            routes: Rc::new(Names::from_sorted(spec.routes.keys())),
            keys: Rc::new(Names::from_sorted(spec.keys.keys())),
            gpus: Rc::new(Names::from_sorted(spec.gpus.keys())),
            aliases: aliases.collect(),
            left_out,
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The findings, and what is not known in full: what was left out at first, and every entry with a
    /// reference that leads nowhere.
    pub(super) fn finish(self) -> (Vec<Diagnostic>, BTreeSet<KeyPath>) {
        (self.diagnostics, self.left_out)
    }

    /// The model that `name`, written at `place`, refers to.
    pub(super) fn model(&mut self, name: &str, place: Place) -> Option<Id<Model>> {
        let found = self.models.find(name);
        if found.is_none() && !self.is_left_out("models", name) {
            self.leave_out(&place);
            let unknown = match self.aliases.get(name) {
                Some(model) => is_alias(name, model, place),
                None => unknown("model", name, place, self.models.iter()),
            };
            self.report(unknown);
        }
        found
    }

    /// The upstream that `name`, written at `place`, refers to.
    pub(super) fn upstream(&mut self, name: &str, place: Place) -> Option<Id<Upstream>> {
        let names = self.upstreams.clone();
        self.entry(name, place, &names, "upstream")
    }

    /// The route that `name`, written at `place`, refers to.
    pub(super) fn route(&mut self, name: &str, place: Place) -> Option<Id<Route>> {
        let names = self.routes.clone();
        self.entry(name, place, &names, "route")
    }

    /// The key that `name`, written at `place`, refers to.
    pub(super) fn key(&mut self, name: &str, place: Place) -> Option<Id<Key>> {
        let names = self.keys.clone();
        self.entry(name, place, &names, "key")
    }

    /// The GPU that `name`, written at `place`, refers to.
    fn gpu(&mut self, name: &str, place: Place) -> Option<Id<Gpu>> {
        let names = self.gpus.clone();
        self.entry(name, place, &names, "gpu")
    }

    /// The GPUs of a list at `path`; each may be named once.
    pub(super) fn gpus(&mut self, names: &[String], path: &KeyPath) -> Vec<Id<Gpu>> {
        self.each_once(names, path, Self::gpu)
    }

    /// The limit that is named at `path`, if any is.
    pub(super) fn limit(&mut self, name: Option<&String>, path: &KeyPath) -> Option<Id<Limit>> {
        let names = self.limits.clone();
        self.entry(name?, Place::Value(path.clone()), &names, "limit")
    }

    /// The entry of this `kind` that `name`, written at `place`, refers to.
    fn entry<T>(
        &mut self,
        name: &str,
        place: Place,
        names: &Names<'s, T>,
        kind: &str,
    ) -> Option<Id<T>> {
        if let Some(found) = names.find(name) {
            return Some(found);
        }
        let table = format!("{kind}s");
        if !self.is_left_out(&table, name) {
            self.leave_out(&place);
            let unknown = unknown(kind, name, place, names.iter());
            self.report(unknown);
        }
        None
    }

    /// The models of a list at `path`; each may be named once.
    pub(super) fn models(&mut self, names: &[String], path: &KeyPath) -> Vec<Id<Model>> {
        self.each_once(names, path, Self::model)
    }

    /// The upstreams of a list at `path`; each may be named once.
    pub(super) fn upstreams(&mut self, names: &[String], path: &KeyPath) -> Vec<Id<Upstream>> {
        self.each_once(names, path, Self::upstream)
    }

    fn each_once<T>(
        &mut self,
        names: &[String],
        path: &KeyPath,
        resolve: impl Fn(&mut Self, &str, Place) -> Option<Id<T>>,
    ) -> Vec<Id<T>> {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ids = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let path = |index| path.index(index);
            match first.get(name.as_str()) {
                Some(&before) => {
                    let before = Place::Value(path(before));
                    self.report(listed_twice(name, path(index), before));
                }
                None => {
                    first.insert(name, index);
                    ids.extend(resolve(self, name, Place::Value(path(index))));
                }
            }
        }
        ids
    }

    /// A spec's name becomes the name of a package, of folders and of labels.
    pub(super) fn check_spec_name(&mut self, name: &str) {
        let diagnostic = if RESERVED_SPEC_NAMES.contains(&name) {
            let message = format!("a spec cannot be named `{name}`");
            Diagnostic::without_place(Code::NX0102, message)
                .help("a package of the workspace or a folder of cargo's has this name: give the file another one")
        } else if is_name(name) {
            return;
        } else {
            Diagnostic::without_place(
                Code::NX0102,
                format!("the file name {} is no name for a spec", shown(name)),
            )
            .help(format!("it names a package: {NAME_FORM}"))
        };
        self.report(diagnostic);
    }

    /// The name of an upstream, a GPU, a route, a limit, a key or an overlay.
    pub(super) fn check_name(&mut self, name: &str, path: &KeyPath) {
        self.check_name_at(name, Place::Key(path.clone()));
    }

    /// The name of a profile, which is a value.
    pub(super) fn check_profile(&mut self, name: &str, path: &KeyPath) {
        self.check_name_at(name, Place::Value(path.clone()));
    }

    fn check_name_at(&mut self, name: &str, place: Place) {
        if looks_secret(name) {
            self.report(secret_name(place));
            return;
        }
        if !is_name(name) {
            let suggestion: String = name
                .to_ascii_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            let suggestion = suggestion.trim_matches(|c: char| !c.is_ascii_lowercase());
            let help = if is_name(suggestion) {
                format!("{NAME_FORM}: `{suggestion}`")
            } else {
                NAME_FORM.to_owned()
            };
            let message = format!("{} is not a name", shown(name));
            self.report(Diagnostic::new(Code::NX0102, message, place, "").help(help));
        }
    }

    /// The name of a model or an alias: what clients send, so it may hold what model names hold.
    pub(super) fn check_model_name(&mut self, name: &str, place: Place) {
        if looks_secret(name) {
            self.report(secret_name(place));
            return;
        }
        let form = !name.is_empty()
            && name.len() <= 128
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b));
        if !form {
            let message = format!("{} is not a model name", shown(name));
            let help = "up to 128 ASCII letters, digits and `. _ : / @ + -`, starting with a letter or digit";
            self.report(Diagnostic::new(Code::NX0102, message, place, "").help(help));
        }
    }

    /// Notes that the entry with this place is not known in full.
    pub(super) fn leave_out(&mut self, place: &Place) {
        if let Place::Key(path) | Place::Value(path) = place {
            self.left_out.insert(path.entry());
        }
    }

    /// Whether this, or something in it, was left out.
    pub(super) fn lacks(&self, path: &KeyPath) -> bool {
        let is_in = |other: &&KeyPath| other.segments().starts_with(path.segments());
        self.left_out.range(path..).next().filter(is_in).is_some()
    }

    /// Whether the parser left out this entry, or its whole table.
    fn is_left_out(&self, table: &str, name: &str) -> bool {
        let table = KeyPath::root().key(table);
        self.left_out.contains(&table.key(name)) || self.left_out.contains(&table)
    }
}

const NAME_FORM: &str = "lowercase letters, digits and hyphens, starting with a letter, at most 63";

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A reference at `place` that leads to none of `names`.
fn unknown<'n>(
    what: &str,
    name: &str,
    place: Place,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    let message = format!("unknown {what} {}", shown(name));
    let label = format!("no such entry in `[{what}s]`");
    let otherwise = || {
        if names.clone().next().is_none() {
            // What is no name may be anything.
            let name = if is_name(name) { name } else { "NAME" };
            format!("add `[{what}s.{name}]`")
        } else {
            format!("`[{what}s]` has {}", suggest::list(names.clone()))
        }
    };
    Diagnostic::new(Code::NX0101, message, place, label).nearest(name, names.clone(), otherwise)
}

/// An alias where the name of its model is asked for.
fn is_alias(name: &str, model: &str, place: Place) -> Diagnostic {
    let message = format!("unknown model {}", shown(name));
    let label = "no such entry in `[models]`";
    let value = toml::Value::from(model).to_string();
    let change = match &place {
        Place::Value(path) => Some(Change::Replace(path.clone(), value)),
        Place::Key(_) | Place::Span(_) => None,
    };
    let mut diagnostic = Diagnostic::new(Code::NX0101, message, place, label)
        .help(format!("{} is an alias: write `{model}`", shown(name)));
    diagnostic.fix = change.map(Fix::safe);
    diagnostic
}

/// Names are printed, logged and exported, so none of them may be a key.
fn secret_name(place: Place) -> Diagnostic {
    Diagnostic::new(Code::NX0301, "a name looks like a secret", place, "")
        .help("choose another name; if this is a key, replace it wherever it is in use")
}

/// A list that names the same thing twice.
pub(super) fn listed_twice(name: &str, path: KeyPath, before: Place) -> Diagnostic {
    Diagnostic::new(
        Code::NX0104,
        format!("{} is listed twice", shown(name)),
        Place::Value(path.clone()),
        "again here",
    )
    .conflict(before, "first here")
    .help("remove one of them")
    .fix(Fix::safe(Change::Remove(path)))
}
