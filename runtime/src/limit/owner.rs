//! Whose count of a limit it is.

#[cfg(feature = "jwt")]
use sha2::{Digest as _, Sha256};

/// Who has a limit.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "redis"),
    expect(dead_code, reason = "names are for a store")
)]
pub(crate) enum Owner {
    /// The API key of this name.
    Key(&'static str),
    /// The model of this name.
    Model(&'static str),
    /// A subject of tokens.
    #[cfg(feature = "jwt")]
    Subject(Digest),
}

/// A subject, in few bytes however long it is; nobody can find two with the same.
#[cfg(feature = "jwt")]
pub(crate) type Digest = [u8; 32];

/// The digest of a subject.
#[cfg(feature = "jwt")]
pub(crate) fn digest(subject: &str) -> Digest {
    Sha256::digest(subject).into()
}
