//! Requests with an `Idempotency-Key`: of several that are the same, one is asked of a model, and
//! the others get its answer.
//!
//! A request is known by who asks, the endpoint and its key, never by the key alone: a key of one
//! caller says nothing about another's. Only what is final is kept; after a failure, or when its
//! client has gone, the key is free again. A stream is not kept: who missed its end cannot be helped
//! with its beginning.
//!
//! What is kept is kept in this process: neither over a restart, nor for another replica.

mod recording;
mod store;

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::endpoint::Operation;
use crate::message::Head;
use crate::message::headers::Headers;

pub(crate) use crate::idempotency::recording::{Kept, Recording};
pub(crate) use crate::idempotency::store::{Claim, Store};

/// The header that names a request.
pub(crate) const KEY: &str = "idempotency-key";

/// Tells a client that its request had been answered before.
pub(crate) const REPLAYED: &str = "idempotent-replayed";

/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;

/// SHA-256 of what a request is known by, or of what it asks.
type Digest = [u8; 32];

/// Why a request with a key is not answered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum BadRepeat {
    #[error("`Idempotency-Key` must stand once, with 1 to {LONGEST_KEY} characters")]
    BadKey,
    #[error("a request with this `Idempotency-Key` is being answered: ask again when it is")]
    Running,
    #[error("this `Idempotency-Key` stands for another request: use a new one for each")]
    Reused,
}

/// What comes of a request with a key that may go on.
pub(crate) enum Claimed {
    /// It is the first: its answer is to be kept.
    First(Claim),
    /// It was answered.
    Before(Kept),
}

/// Looks in `store` whether the request was answered before, and claims its key if not. `None` where
/// it has no key.
pub(crate) fn claim(
    store: &'static Store,
    caller: &Caller<'_>,
    operation: Operation,
    head: &Head,
    body: &[u8],
) -> Result<Option<Claimed>, BadRepeat> {
    let Some(key) = key(&head.headers)? else {
        return Ok(None);
    };
    let known_by = known_by(caller, operation, key);
    let query = head.uri.query().unwrap_or_default();
    let asks = Sha256::new_with_prefix(query.len().to_le_bytes())
        .chain_update(query)
        .chain_update(body)
        .finalize();
    store.claim(known_by, asks.into(), Instant::now()).map(Some)
}

/// The key of a request.
fn key(headers: &Headers) -> Result<Option<&[u8]>, BadRepeat> {
    let mut values = headers.all(KEY);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key)),
        _ => Err(BadRepeat::BadKey),
    }
}

/// What a request with `key` is known by.
fn known_by(caller: &Caller<'_>, operation: Operation, key: &[u8]) -> Digest {
    // A key of the spec and the subject of a token may have one name.
    let (kind, name) = match &caller.name {
        None => (0, ""),
        Some(Cow::Borrowed(key)) => (1, *key),
        Some(Cow::Owned(subject)) => (2, subject.as_str()),
    };
    Sha256::new_with_prefix([kind])
        .chain_update(name.len().to_le_bytes())
        .chain_update(name)
        .chain_update(operation.path())
        .chain_update(key)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::Request;

    use super::*;
    use crate::fixture::dataplane;
    use crate::topology;

    fn caller(secret: &'static str) -> Caller<'static> {
        let headers = Headers::from_iter([("x-api-key", secret)]);
        let callers = &dataplane().callers;
        callers.authenticate(&headers, &callers.own()).unwrap()
    }

    fn store() -> &'static Store {
        Box::leak(Box::new(Store::new(&topology::Idempotency {
            ttl: Duration::from_secs(60),
            max_bytes: topology::MIB,
        })))
    }

    fn head(uri: &str, keys: &[&str]) -> Head {
        let mut request = Request::post(uri);
        for key in keys {
            request = request.header(KEY, *key);
        }
        request.body(()).unwrap().into_parts().0.into()
    }

    #[tokio::test]
    async fn a_key_of_one_caller_or_endpoint_says_nothing_about_another() {
        let (store, head) = (store(), head("/", &["a"]));
        let (web, batch) = (caller("web-secret"), caller("batch-secret"));
        let mut claims = Vec::new();
        for (caller, operation) in [
            (&web, Operation::Chat),
            (&web, Operation::Embeddings),
            (&batch, Operation::Chat),
        ] {
            let claimed = claim(store, caller, operation, &head, b"{}").unwrap();
            let Some(Claimed::First(claim)) = claimed else {
                panic!("it is the first")
            };
            claims.push(claim);
        }
        let again = claim(store, &web, Operation::Chat, &head, b"{}");
        assert_eq!(again.err(), Some(BadRepeat::Running));
    }

    #[tokio::test]
    async fn a_subject_with_the_name_of_a_key_is_somebody_else() {
        let key = caller("web-secret");
        let mut subject = caller("web-secret");
        subject.name = Some(Cow::Owned("web".to_owned()));
        assert_ne!(
            known_by(&key, Operation::Chat, b"a"),
            known_by(&subject, Operation::Chat, b"a")
        );
    }

    #[tokio::test]
    async fn the_query_is_part_of_what_is_asked() {
        let (store, web) = (store(), caller("web-secret"));
        let first = head("/?a=1", &["a"]);
        let _claim = claim(store, &web, Operation::Chat, &first, b"{}").unwrap();
        let other = claim(store, &web, Operation::Chat, &head("/?a=2", &["a"]), b"{}");
        assert_eq!(other.err(), Some(BadRepeat::Reused));
    }

    #[test]
    fn a_key_stands_once_and_is_bounded() {
        let longest = "x".repeat(LONGEST_KEY);
        let longer = "x".repeat(LONGEST_KEY + 1);
        assert_eq!(key(&head("/", &[]).headers), Ok(None));
        let headers = head("/", &[&longest]).headers;
        assert_eq!(key(&headers), Ok(Some(longest.as_bytes())));
        for keys in [&[""][..], &["a", "a"], &[&longer]] {
            assert_eq!(key(&head("/", keys).headers), Err(BadRepeat::BadKey));
        }
    }
}
