//! Names that a spec can have, made of names from elsewhere.

use std::collections::BTreeSet;

use crate::conventions;
use crate::redact::{is_variable, looks_secret};

/// The names that are taken.
#[derive(Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// A name of its own for what is called `text` elsewhere: `Llama 3.1/8B` becomes `llama-3-1-8b`.
    pub(crate) fn unique(&mut self, text: &str, otherwise: &str) -> String {
        let slug = slug(text).unwrap_or_else(|| otherwise.to_owned());
        let numbered = (2..).map(|number| format!("{slug}-{number}"));
        let mut candidates = std::iter::once(slug.clone()).chain(numbered);
        let free = candidates.find(|name| !self.0.contains(name));
        let name = free.unwrap_or(slug);
        self.0.insert(name.clone());
        name
    }
}

/// The name of an upstream, a route, a limit or a key that is nearest to a text.
fn slug(text: &str) -> Option<String> {
    const LONGEST: usize = 55; // leaves room for a number
    if looks_secret(text) {
        return None;
    }
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let slug: String = slug.chars().take(LONGEST).collect();
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// A model name as the language takes it, or why it does not.
pub(crate) fn model_name(name: &str) -> Result<(), &'static str> {
    let well_formed = !name.is_empty()
        && name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:/@+-".contains(&b));
    if looks_secret(name) {
        Err("its name looks like a secret")
    } else if name.contains('*') {
        Err("a spec names each model; there are no wildcards")
    } else if !well_formed {
        Err("its name is not one that a model can have")
    } else {
        Ok(())
    }
}

/// An environment variable for a secret: the one that is named, or one made of `text`.
pub(crate) fn secret_variable(text: &str) -> String {
    let upper: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let name = upper.trim_matches('_');
    if is_variable(name) && !conventions::is_taken(name) {
        name.to_owned()
    } else {
        format!(
            "SECRET_{}",
            name.chars()
                .filter(|c| !c.is_ascii_digit())
                .collect::<String>()
        )
    }
}

/// A name in backquotes for a comment; hidden where it looks like a secret.
pub(crate) fn shown(name: &str) -> String {
    crate::redact::shown(name)
}

/// Names in backquotes.
pub(crate) fn shown_all<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(shown).collect();
    names.join(", ")
}

/// What is said of settings that have no counterpart.
pub(crate) fn not_carried(setting: &str, why: &str) -> String {
    let why = if why.is_empty() {
        "nothing here corresponds to it"
    } else {
        why
    };
    format!("not carried over: {}: {why}", shown(setting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_names_and_never_twice() {
        let mut names = Names::default();
        assert_eq!(names.unique("Llama 3.1/8B", "x"), "llama-3-1-8b");
        assert_eq!(names.unique("llama-3.1-8b", "x"), "llama-3-1-8b-2");
        assert_eq!(names.unique("4o", "upstream"), "o");
        assert_eq!(names.unique("!!", "upstream"), "upstream");
        assert_eq!(names.unique("sk-hunter2hunter2", "key"), "key");
    }

    #[test]
    fn a_variable_is_one_that_a_spec_may_name() {
        assert_eq!(secret_variable("vllm-a_API_KEY"), "VLLM_A_API_KEY");
        assert!(!conventions::is_taken(&secret_variable("NEXUS_LISTEN")));
        assert_eq!(crate::import::draft::key("gpt-4.1"), "\"gpt-4.1\"");
    }
}
