//! The models: finding one by the name that a client wrote, and listing those that a caller may
//! use.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use decide::hash;
use serde::Serialize;

use crate::topology::Model;

/// How many names an error message lists.
const NAMED_IN_ERRORS: usize = 20;

/// Finds models by name or alias, at a cost that does not grow with their number.
pub(crate) struct Directory {
    by_name: HashMap<&'static str, &'static Model, BuildHasherDefault<NameHasher>>,
}

/// Hashes names. All that are in the table are the spec's, so nobody can fill it with names that collide, and a
/// hash that stands against that would be paid for nothing.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= hash::stable(bytes);
    }

    fn write_u8(&mut self, _: u8) {
        // Where a string ends: its length counts already.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Directory {
    /// A directory of `models` under all their names.
    pub(crate) fn new(models: &[&'static Model]) -> Self {
        let mut by_name = HashMap::default();
        for model in models {
            for alias in model.settings.aliases {
                by_name.insert(*alias, *model);
            }
        }
        // Last, so that a model's own name wins over an alias.
        for model in models {
            by_name.insert(model.settings.name, *model);
        }
        Self { by_name }
    }

    /// The model with this name or alias.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Model> {
        self.by_name.get(name).copied()
    }
}

/// What a caller may use, as it is told: settled once at start.
#[derive(Clone)]
pub(crate) struct Listing {
    /// The body of `GET /v1/models`.
    pub(crate) body: Bytes,
    /// The names, for the message that says that a model does not exist; bounded.
    pub(crate) names: Bytes,
}

impl Listing {
    /// The listing of `models`.
    pub(crate) fn new<'a>(models: impl Iterator<Item = &'a Model> + Clone) -> Self {
        #[derive(Serialize)]
        struct List<'a> {
            object: &'static str,
            data: Vec<Entry<'a>>,
        }
        let data: Vec<_> = models
            .clone()
            .map(|model| Entry::new(model.settings.name))
            .collect();
        let more = data.len().saturating_sub(NAMED_IN_ERRORS);
        let quoted = models
            .take(NAMED_IN_ERRORS)
            .map(|model| format!("`{}`", model.settings.name));
        let mut names = quoted.collect::<Vec<_>>().join(", ");
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        Self {
            body: json(&List {
                object: "list",
                data,
            }),
            names: names.into(),
        }
    }
}

/// The body of `GET /v1/models/NAME`, under the name that the client asked for.
pub(crate) fn entry(name: &str) -> Bytes {
    json(&Entry::new(name))
}

/// OpenAI's model object. `created` is 0: the gateway does not know when a model was made.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Entry<'a> {
    fn new(id: &'a str) -> Self {
        Self {
            id,
            object: "model",
            created: 0,
            owned_by: "nexus",
        }
    }
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("strings and numbers can be written as JSON")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{CHAT, MODEL_LARGE, MODEL_SMALL};

    #[test]
    fn finds_by_name_and_alias() {
        let directory = Directory::new(CHAT.models);
        assert!(std::ptr::eq(directory.find("large").unwrap(), &MODEL_LARGE));
        assert!(std::ptr::eq(directory.find("chat").unwrap(), &MODEL_LARGE));
        assert!(directory.find("CHAT").is_none());
    }

    #[test]
    fn lists_in_openai_form() {
        let listing = Listing::new([&MODEL_LARGE, &MODEL_SMALL].into_iter());
        let body: serde_json::Value = serde_json::from_slice(&listing.body).unwrap();
        assert_eq!(body["object"], "list");
        assert_eq!(body["data"][1]["id"], "small");
        assert_eq!(body["data"][1]["object"], "model");
        assert_eq!(listing.names, "`large`, `small`");
    }

    #[test]
    fn names_in_errors_are_bounded() {
        let listing = Listing::new(std::iter::repeat_n(&MODEL_SMALL, 25));
        assert!(listing.names.ends_with(b" and 5 more"));
    }
}
