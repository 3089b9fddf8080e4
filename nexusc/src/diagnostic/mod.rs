//! What the compiler has to say about a spec, as data; [`render`] turns it into text.

pub mod code;
pub mod fix;
pub mod render;

use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::source::Place;
use crate::suggest;

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
    /// The change that mends it, where there is one that needs no decision.
    pub fix: Option<Fix>,
    severity: Severity,
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
            labels,
            ..Self::without_place(code, message)
        }
    }

    /// A finding about the file as a whole.
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            fix: None,
            severity: code.severity(),
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

    /// Says how it can be mended.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Asks whether the nearest of `names` was meant by `name`, which stands at the first place, and offers to write
    /// it there; `otherwise` is the help where none is near.
    #[must_use]
    pub(crate) fn nearest<'n>(
        mut self,
        name: &str,
        names: impl Iterator<Item = &'n str>,
        otherwise: impl FnOnce() -> String,
    ) -> Self {
        let Some(near) = suggest::nearest_name(name, names) else {
            return self.help(otherwise());
        };
        let change = match self.labels.first().map(|label| &label.place) {
            Some(Place::Key(path)) => Some(Change::Rename(path.clone(), near.to_owned())),
            Some(Place::Value(path)) => {
                let value = toml::Value::from(near).to_string();
                Some(Change::Replace(path.clone(), value))
            }
            Some(Place::Span(_)) | None => None,
        };
        let safety = suggest::safety(name, near);
        self.fix = change.map(|change| Fix { safety, change });
        self.help(format!("did you mean `{near}`?"))
    }

    /// Makes an error of it, as a spec may ask for.
    #[must_use]
    pub(crate) fn denied(mut self) -> Self {
        self.severity = Severity::Error;
        self
    }

    /// Whether it stops the compilation.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

/// Whether any of these stops the compilation.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity() == Severity::Error)
}
