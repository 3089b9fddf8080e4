//! The output of a compilation: paths and texts, in order. Writing, checking and diffing are uses of it.

use std::collections::BTreeMap;
use std::fmt;

/// Emitted files by path, relative to the folder that holds `specs/`, with `/` between folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSet(BTreeMap<String, String>);

impl FileSet {
    /// Adds a file.
    ///
    /// # Panics
    /// If two emitters claim one path, which is a fault of the compiler.
    pub fn add(&mut self, path: String, text: String) {
        let before = self.0.insert(path, text);
        assert!(before.is_none(), "each output file has one emitter");
    }

    /// The text at this path.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Paths and texts, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All files in one text, for snapshots: each after a line with its path.
impl fmt::Display for FileSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .try_for_each(|(path, text)| write!(f, "==> {path}\n{text}\n"))
    }
}
