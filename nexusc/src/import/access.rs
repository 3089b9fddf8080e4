//! Who may ask, and how much, as both formats have it.

use crate::import::draft::{Draft, Section, list, variable};
use crate::import::names::secret_variable;

/// An API key of the gateway.
pub(super) struct Key {
    /// Its name.
    pub(super) name: String,
    /// The environment variable that it is read from.
    pub(super) variable: String,
    /// The models that it may ask for; `None` for all.
    pub(super) models: Option<Vec<String>>,
    /// What is to be said of it.
    pub(super) notes: Vec<String>,
}

impl Key {
    /// A key with this name, read from this variable, that may ask for everything.
    pub(super) fn new(name: String, variable: &str) -> Self {
        Self {
            name,
            variable: secret_variable(variable),
            models: None,
            notes: Vec::new(),
        }
    }
}

/// Adds keys, each with the limit of this name if there is one.
pub(super) fn add_keys(draft: &mut Draft, keys: Vec<Key>, limit: Option<&str>) {
    for key in keys {
        let mut section = Section::default();
        key.notes.into_iter().for_each(|note| section.note(note));
        section.set("secret", variable(&key.variable));
        let models = match &key.models {
            None => list(["*"]),
            Some(models) => list(models.iter().map(String::as_str)),
        };
        section.set("models", models);
        if let Some(limit) = limit {
            section.set("limit", format!("\"{limit}\""));
        }
        draft.add(&["keys", &key.name], section);
    }
}
