//! TLS: what the gateway shows, whom it believes, and where both come from.
//!
//! Certificates and keys are read at start, and again when their files have changed: [`credential`] holds what
//! they amount to at the moment, and new connections take that. A pair that does not fit leaves the old one in
//! place.

#[cfg(feature = "certificates")]
pub(crate) mod credential;
#[cfg(feature = "certificates")]
pub(crate) mod listener;
#[cfg(feature = "certificates")]
pub(crate) mod material;
#[cfg(feature = "certificates")]
pub(crate) mod oneself;
mod provider;
pub(crate) mod upstream;
#[cfg(feature = "certificates")]
pub(crate) mod watch;
