//! The keys that an issuer publishes: fetched when the gateway starts, then again and again, and at
//! once when a token names a key that is not known.
//!
//! One task fetches ([`keeper`]), on the first worker. Every worker reads the keys from a copy of its
//! own, which it renews when there are newer ones ([`store`]): a request takes no lock that cores share.

pub(crate) mod keeper;
mod report;
pub(crate) mod set;
pub(crate) mod source;
pub(crate) mod store;
