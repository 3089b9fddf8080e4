//! What the compiler has to say about a spec, as data; [`render`] turns it into text.

pub mod code;
pub mod render;

use crate::diagnostic::code::Code;
use crate::source::Place;

/// One finding about a spec.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which rule it comes from.
    pub code: Code,
    /// What is wrong: a lowercase phrase without a full stop, names in backquotes.
    pub message: String,
    /// Where; the first is the place to change, the others are what it conflicts with.
    pub labels: Vec<Label>,
    /// The next action for the author.
    pub help: Option<String>,
}

/// A place with what is to be said about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// A short phrase; may be empty.
    pub message: String,
}

/// Whether a finding stops the compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is emitted.
    Error,
    /// The spec compiles; something in it deserves a look.
    Warning,
}

impl Severity {
    /// As it is printed: `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// A finding at `place`, with a short phrase for that place.
    pub fn new(
        code: Code,
        message: impl Into<String>,
        place: Place,
        label: impl Into<String>,
    ) -> Self {
        let labels = vec![Label {
            place,
            message: label.into(),
        }];
        Self {
            code,
            message: message.into(),
            labels,
            help: None,
        }
    }

    /// A finding about the file as a whole.
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Adds a place that the first one conflicts with.
    #[must_use]
    pub fn conflict(mut self, place: Place, label: impl Into<String>) -> Self {
        self.labels.push(Label {
            place,
            message: label.into(),
        });
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it stops the compilation.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Whether any of these stops the compilation.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity() == Severity::Error)
}
