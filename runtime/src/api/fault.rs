//! What is wrong with the body of a request.

use thiserror::Error;

/// Why a body is not a request.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("the request body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the request body is not a JSON object")]
    NotAnObject,
    #[error("you must provide a `model`")]
    NoModel,
    #[error("`{field}` must be {expected}")]
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    #[error("`{0}` is there more than once")]
    Duplicate(&'static str),
    #[error("`messages` has {count} entries; this gateway takes at most {most}")]
    TooManyMessages { count: usize, most: usize },
}

impl Fault {
    /// The field at fault: the `param` of the error object.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotJson(_) | Self::NotAnObject => None,
            Self::NoModel => Some("model"),
            Self::TooManyMessages { .. } => Some("messages"),
            Self::WrongType { field, .. } | Self::Duplicate(field) => Some(field),
        }
    }
}
