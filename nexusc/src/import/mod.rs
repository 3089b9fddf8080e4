//! What people have becomes a spec: the `.env` of a gateway that is set up by variables, and the `config.yaml` of a
//! LiteLLM proxy.
//!
//! Nothing is lost silently: what cannot be carried over is named in a comment where it would stand. No value of a
//! secret is ever written, or told: a spec names where each is read from.

mod access;
pub(crate) mod address;
pub(crate) mod draft;
mod env;
mod fallback;
mod litellm;
pub(crate) mod names;

use std::fmt;

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines `GATEWAY_NAME=value`.
    Env,
    /// LiteLLM's `config.yaml`.
    LiteLlm,
}

impl Format {
    /// What a file of this name holds.
    pub fn of(path: &str) -> Self {
        if path.ends_with(".yaml") || path.ends_with(".yml") {
            Self::LiteLlm
        } else {
            Self::Env
        }
    }
}

/// Why nothing could be made of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// It is not of the format: where, and why.
    Malformed {
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong there.
        why: String,
    },
    /// No model that a gateway could serve is in it; what there was, and why not.
    NoModel(Vec<String>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed {
                line: Some(line),
                why,
            } => write!(f, "line {line}: {why}"),
            Self::Malformed { line: None, why } => f.write_str(why),
            Self::NoModel(notes) => {
                f.write_str("no model in it can be served")?;
                notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
            }
        }
    }
}

impl std::error::Error for Error {}

/// The spec that says what `text` said, as far as a spec can.
pub fn import(text: &str, format: Format) -> Result<String, Error> {
    match format {
        Format::Env => env::import(text),
        Format::LiteLlm => litellm::import(text),
    }
}
