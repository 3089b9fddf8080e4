//! What is written about requests, and what is not.

use crate::topology::{Secret, Share};

/// What is kept out of log lines, audit records and spans: `[privacy]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// The last part of client addresses: what is beyond /24 of IPv4 and /48 of IPv6.
    pub client_ip: bool,
    /// E-mail addresses in any text.
    pub email: bool,
    /// Telephone numbers in any text.
    pub phone: bool,
    /// What looks like an API key or a token in any text.
    pub key: bool,
}

/// The record of who asked what: `[audit]`.
#[derive(Debug)]
pub struct Audit {
    /// Where the salt of hashed callers is read from at start.
    pub salt: Secret,
    /// The file that records are appended to; `None` for standard output. The environment variable
    /// `NEXUS_AUDIT_FILE` replaces it at start; `-` is standard output.
    pub file: Option<&'static str>,
    /// What happens to requests while records cannot be written.
    pub when_failing: WhenFailing,
}

/// Where spans go, and of which requests: `[telemetry.otlp]`.
#[derive(Debug)]
pub struct Otlp {
    /// The base address of a collector that takes OTLP over HTTP, without the `/v1/traces`. The
    /// environment variable `OTEL_EXPORTER_OTLP_ENDPOINT` replaces it at start.
    pub endpoint: &'static str,
    /// The part of the traces which begin here that is recorded; of others their beginner has said.
    pub sample: Share,
    /// Headers that it is sent, by name in lower case, with where their values are read from.
    pub headers: &'static [(&'static str, Secret)],
}

/// What happens to requests while their audit records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFailing {
    /// They are served; records that find no room are lost, and counted.
    Admit,
    /// They are answered 503.
    Refuse,
}
