//! What counts as a failed attempt, and how it is told.

use decide::outcome::{is_relayed, may_pass};
use hyper::StatusCode;
use thiserror::Error;

use crate::message::headers::Headers;
use crate::message::name::RETRY_AFTER;
use crate::observe::clock;
use crate::observe::outcome::Outcome;

/// The longest time, in seconds, for which an upstream's word that it is busy is believed.
const MAX_RETRY_AFTER: u64 = 600;

/// Why an attempt failed. Its text names neither an address nor a secret: clients get to read it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Failure {
    #[error("host name not found")]
    NameNotFound,
    #[error("connection refused")]
    Refused,
    #[error("connection failed")]
    ConnectFailed,
    #[error("the gateway has too many files open to connect")]
    NoDescriptor,
    #[error("the gateway has no port or memory left to connect")]
    Exhausted,
    #[error("no connection in time")]
    ConnectTimeout,
    #[cfg(feature = "tls")]
    #[error("TLS handshake failed")]
    Tls,
    #[error("connection closed before a response")]
    Closed,
    #[error("no response in time")]
    FirstByteTimeout,
    #[error("response is not valid HTTP")]
    Malformed,
    #[error("answered with an error")]
    ErrorEvent,
    #[error("answered {}", .status.as_u16())]
    Status {
        status: StatusCode,
        /// Seconds until another attempt makes sense, as the upstream said.
        retry_after: Option<u64>,
    },
}

impl Failure {
    /// The failure that a response with `status` is, or `None` where the client should have the
    /// response.
    pub(crate) fn of_status(status: StatusCode, headers: &Headers) -> Option<Self> {
        if is_relayed(status.as_u16()) {
            return None;
        }
        let written = headers
            .get(RETRY_AFTER)
            .and_then(|value| str::from_utf8(value).ok());
        let retry_after = written.and_then(|time| seconds(time.trim()));
        let retry_after = retry_after.map(|seconds| seconds.clamp(1, MAX_RETRY_AFTER));
        Some(Self::Status {
            status,
            retry_after,
        })
    }

    /// The status that the upstream answered with, if it did.
    pub(crate) fn status(self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether nothing came within a time limit.
    pub(crate) fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectTimeout | Self::FirstByteTimeout)
    }

    /// Whether the upstream works and has too much to do.
    pub(crate) fn is_busy(self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// What it says about the upstream's health: one that is only busy works. `None` where the upstream has
    /// nothing to do with it.
    pub(crate) fn shows_health(self) -> Option<bool> {
        (!self.is_own()).then(|| self.is_busy())
    }

    /// Whether the gateway itself had not what it takes to connect.
    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::NoDescriptor | Self::Exhausted)
    }

    /// Whether the same upstream may answer the same request a moment later: nothing listened, the
    /// connection was lost, or what stands before a model server had no server for it. What took its
    /// time, or broke while it worked, would do so again; who says when is taken at their word.
    pub(crate) fn may_pass(self) -> bool {
        match self {
            Self::Refused
            | Self::ConnectFailed
            | Self::NoDescriptor
            | Self::Exhausted
            | Self::ConnectTimeout
            | Self::Closed => true,
            Self::Status {
                status,
                retry_after: None,
            } => may_pass(status.as_u16()),
            _ => false,
        }
    }

    /// Its metric label.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::NameNotFound
            | Self::Refused
            | Self::ConnectFailed
            | Self::NoDescriptor
            | Self::Exhausted => Outcome::ConnectError,
            #[cfg(feature = "tls")]
            Self::Tls => Outcome::ConnectError,
            Self::ConnectTimeout | Self::FirstByteTimeout => Outcome::Timeout,
            Self::Closed => Outcome::Closed,
            Self::Malformed => Outcome::Malformed,
            Self::ErrorEvent => Outcome::Interrupted,
            Self::Status { status, .. } => Outcome::Status(status),
        }
    }
}

/// The seconds of a `Retry-After`, which is a number of them or a date (RFC 9110, section 10.2.3).
fn seconds(written: &str) -> Option<u64> {
    if written.bytes().all(|byte| byte.is_ascii_digit()) && !written.is_empty() {
        return Some(written.parse().unwrap_or(u64::MAX));
    }
    let date = httpdate::parse_http_date(written).ok()?;
    let left = date.duration_since(clock::now()).unwrap_or_default();
    Some(left.as_secs().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(status: u16) -> Option<Failure> {
        let headers = Headers::from_iter([(RETRY_AFTER, "7")]);
        Failure::of_status(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn the_clients_own_mistakes_are_relayed() {
        for status in [200, 201, 400, 404, 413, 422] {
            assert_eq!(failure_of(status), None);
        }
    }

    #[test]
    fn what_the_client_cannot_mend_is_a_failure() {
        for status in [301, 401, 403, 407, 408, 429, 500, 503] {
            assert!(failure_of(status).is_some(), "{status}");
        }
    }

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let of_status = |status: u16, retry_after| Failure::Status {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after,
        };
        for status in [408, 429, 502, 503, 504] {
            assert!(of_status(status, None).may_pass(), "{status}");
            assert!(!of_status(status, Some(1)).may_pass(), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 407, 413, 422, 500, 501] {
            assert!(!of_status(status, None).may_pass(), "{status}");
        }
        assert!(Failure::Refused.may_pass() && Failure::Closed.may_pass());
        assert!(!Failure::FirstByteTimeout.may_pass() && !Failure::Malformed.may_pass());
    }

    #[test]
    fn the_time_to_wait_is_seconds_or_a_date() {
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(1));
        let later = clock::now() + std::time::Duration::from_secs(100);
        let left = seconds(&httpdate::fmt_http_date(later)).unwrap();
        assert!((90..=101).contains(&left), "{left}");
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_busy_upstream_is_healthy_and_says_when() {
        let busy = failure_of(429).unwrap();
        assert_eq!(busy.shows_health(), Some(true));
        assert_eq!(Failure::Closed.shows_health(), Some(false));
        assert!(matches!(
            busy,
            Failure::Status {
                retry_after: Some(7),
                ..
            }
        ));
    }
}
