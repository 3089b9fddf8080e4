//! What ends a response after its first byte, when no status can tell any more.

use bytes::Bytes;
use hyper::StatusCode;
use thiserror::Error;

use crate::error::object::{Details, object};
use crate::error::{OUT_OF_TIME, STOPPED};

/// Why a response ends after its first byte and before its last.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Interruption {
    #[error("the upstream's response broke off")]
    Broken,
    #[error("the upstream stopped sending in mid-response")]
    Stalled,
    #[error("the request's total time was over in mid-response")]
    OutOfTime,
    #[error("the gateway stopped before the response was whole")]
    Stopped,
}

impl Interruption {
    /// Whether the upstream is at fault: one that sends as it should cannot help it that time is over.
    pub(crate) fn speaks_against_upstream(self) -> bool {
        matches!(self, Self::Broken | Self::Stalled)
    }

    /// The status that the request is counted under.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Stalled | Self::OutOfTime => StatusCode::GATEWAY_TIMEOUT,
            Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Broken => "upstream_error",
            Self::Stalled => "upstream_timeout",
            Self::OutOfTime => OUT_OF_TIME,
            Self::Stopped => STOPPED,
        }
    }
}

/// The event that ends a stream which was interrupted after the first byte. What was begun before
/// it is closed with a blank line, as the client has received it already.
pub(crate) fn event(interruption: Interruption, between_events: bool) -> Bytes {
    let message = &interruption.to_string();
    let code = interruption.code();
    let object = object(&Details {
        message,
        kind: "server_error",
        param: None,
        code,
    });
    let start: &[u8] = if between_events {
        b"data: "
    } else {
        b"\n\ndata: "
    };
    [start, &object, b"\n\n"].concat().into()
}
