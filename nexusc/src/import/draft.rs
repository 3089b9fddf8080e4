//! A spec as it is written down: tables in order, each with its comments.

use std::fmt::Write;

use crate::conventions;

/// A spec that is being written.
#[derive(Default)]
pub(crate) struct Draft {
    /// Comments at the head.
    pub(crate) head: Vec<String>,
    sections: Vec<Section>,
    /// Comments at the end, of what belongs to no table.
    pub(crate) rest: Vec<String>,
}

/// A table of the spec.
#[derive(Default)]
pub(crate) struct Section {
    header: String,
    notes: Vec<String>,
    fields: Vec<(String, String)>,
}

impl Draft {
    /// Adds a table; `path` are its keys: `["upstreams", "a"]`.
    pub(crate) fn add(&mut self, path: &[&str], mut section: Section) {
        let keys: Vec<String> = path.iter().map(|key| self::key(key)).collect();
        section.header = format!("[{}]", keys.join("."));
        self.sections.push(section);
    }

    /// Adds a table if there is a field in it; its comments alone go to the end.
    pub(crate) fn add_if_said(&mut self, path: &[&str], section: Section) {
        if section.fields.is_empty() {
            self.rest.extend(section.notes);
        } else {
            self.add(path, section);
        }
    }

    /// The text of the spec.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("#:schema ./{}\n", conventions::SCHEMA);
        self.head.iter().for_each(|note| comment(&mut text, note));
        text.push_str("edition = 1\n");
        for section in &self.sections {
            text.push('\n');
            section
                .notes
                .iter()
                .for_each(|note| comment(&mut text, note));
            let _ = writeln!(text, "{}", section.header);
            for (key, value) in &section.fields {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        if !self.rest.is_empty() {
            text.push('\n');
            self.rest.iter().for_each(|note| comment(&mut text, note));
        }
        text
    }
}

impl Section {
    /// A comment before the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// A field with its value as TOML.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.fields.push((key.to_owned(), value.into()));
    }
}

/// A string as TOML.
pub(crate) fn string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A list of strings as TOML.
pub(crate) fn list<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(string).collect();
    format!("[{}]", names.join(", "))
}

/// A reference to an environment variable as TOML.
pub(crate) fn variable(name: &str) -> String {
    format!("{{ env = {} }}", string(name))
}

/// A key as TOML: bare where that can be.
pub(crate) fn key(key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !key.is_empty() && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        string(key)
    }
}

/// Adds a comment, in lines that fit a screen.
fn comment(text: &mut String, note: &str) {
    const WIDTH: usize = 108;
    let mut line = "#".to_owned();
    for word in note.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line != "#" {
            let _ = writeln!(text, "{line}");
            line = "#  ".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
