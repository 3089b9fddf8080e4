//! What a switch, or who may turn one, is the reason to refuse.

use hyper::StatusCode;
use thiserror::Error;

/// Seconds after which a client may try again while model traffic is off: nobody knows, and a person
/// decides.
pub(crate) const RETRY_AFTER: u64 = 30;

/// Why a request is refused.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("an administrator has turned model traffic off; try again later")]
    TurnedOff,
    #[error("your API key or token does not allow to administer this gateway")]
    NoAdmin,
    #[error("there is no such {kind}; there are {}", .known.join(", "))]
    Unknown {
        /// Of which there is none of that name.
        kind: &'static str,
        known: Vec<&'static str>,
    },
    #[error("the body must be {{\"{field}\": true}} or {{\"{field}\": false}}")]
    NoSwitch { field: &'static str },
}

impl Refused {
    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TurnedOff => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoAdmin => StatusCode::FORBIDDEN,
            Self::Unknown { .. } => StatusCode::NOT_FOUND,
            Self::NoSwitch { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// Its code in OpenAI's error object.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::TurnedOff => "turned_off",
            Self::NoAdmin => "not_admin",
            Self::Unknown { .. } => "unknown_switch",
            Self::NoSwitch { .. } => "invalid_request",
        }
    }
}
