//! Whatever an issuer publishes, what is taken for its keys is within bounds and can be found again.

use crate::jwt::jwks::set::KeySet;
use crate::topology::Algorithm;

/// The property.
pub fn holds(document: &[u8]) {
    assert!(
        KeySet::parse(document, Algorithm::Hs256).is_err(),
        "nobody publishes a secret"
    );
    for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
        let Ok(keys) = KeySet::parse(document, algorithm) else {
            continue;
        };
        assert!((1..=64).contains(&keys.len()), "{}", keys.len());
        let again = KeySet::parse(document, algorithm).expect("it was one before");
        assert!(keys.is_like(&again), "it depends on more than the document");
        // Without a name a key is found where there is no choice, and only there.
        assert_eq!(keys.find(None).is_some(), keys.len() == 1);
        let key = keys.find(None).map(|key| key.try_get_as_bytes());
        if let Some(key) = key {
            assert!(key.is_ok_and(|bytes| !bytes.is_empty()));
        }
    }
}
