//! Who asked, as a salted hash: HMAC-SHA256 of `key:NAME` or `subject:SUBJECT` under the salt, so that
//! whoever has the salt can look for somebody, and whoever has only the records cannot.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::topology::Key;

/// Hashes callers under one salt.
pub(super) struct Hasher {
    /// With the salt already in it.
    salted: Hmac<Sha256>,
    /// Of the API keys, by slot.
    keys: Vec<Box<str>>,
}

impl Hasher {
    /// A hasher under `salt` that knows `keys`.
    pub(super) fn new(salt: &[u8], keys: &[&'static Key]) -> Self {
        let salted = Hmac::new_from_slice(salt).expect("HMAC takes a key of any length");
        let names = keys.iter().map(|key| key.settings.name);
        let keys = names.map(|name| digest(&salted, "key:", name).into());
        Self {
            keys: keys.collect(),
            salted,
        }
    }

    /// The holder of an API key.
    pub(super) fn of_key(&self, key: &Key) -> &str {
        let hash = self.keys.get(key.slot.index());
        hash.expect("every key of the tables got a slot at the start")
    }

    /// The subject of a token.
    pub(super) fn of_subject(&self, subject: &str) -> String {
        digest(&self.salted, "subject:", subject)
    }
}

fn digest(salted: &Hmac<Sha256>, kind: &str, name: &str) -> String {
    let mut hash = salted.clone();
    hash.update(kind.as_bytes());
    hash.update(name.as_bytes());
    let bytes = hash.finalize().into_bytes();
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_openssl_says() {
        // printf 'subject:alice' | openssl dgst -sha256 -hmac pepper-and-salt
        let hasher = Hasher::new(b"pepper-and-salt", &[]);
        assert_eq!(
            hasher.of_subject("alice"),
            "0ba6c5cb48ec34d62348aff9df7653d58af04bdb1c802a1807649705fb8947ef"
        );
    }

    #[test]
    fn a_subject_with_the_name_of_a_key_is_somebody_else() {
        let hasher = Hasher::new(b"pepper-and-salt", &[]);
        assert_ne!(
            digest(&hasher.salted, "key:", "web"),
            hasher.of_subject("web")
        );
    }
}
