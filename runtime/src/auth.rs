//! Who is asking, and what it may use.
//!
//! Of each API key only a keyed digest is kept: SHA-256 over a salt that is drawn anew at every
//! start, and the secret. A presented key is digested the same way and found by its digest, so the
//! time that it takes says nothing about the secrets, and does not grow with their number.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::api::models::Listing;
use crate::hash;
use crate::limit::limiter::Limiter;
use crate::topology::{Access, Auth, Key, Model, Topology};

/// The header that carries an API key and wins over `Authorization`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Why somebody may not ask.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unknown {
    #[error("you must present an API key, as `Authorization: Bearer KEY` or as `X-API-Key: KEY`")]
    NoKey,
    #[error("the API key that you presented is not valid")]
    WrongKey,
}

/// Everybody who may ask.
pub(crate) struct Callers {
    mode: Mode,
}

/// Somebody who may ask.
pub(crate) struct Caller {
    /// The key's name, for logs; `None` in development mode.
    pub(crate) name: Option<&'static str>,
    /// A number that the name alone decides, for routes that stick to it.
    pub(crate) identity: Option<u64>,
    /// What it is told about models.
    pub(crate) listing: Listing,
    /// What it has taken of its limit, if it has one.
    pub(crate) limiter: Option<Box<Limiter>>,
    access: Granted,
}

enum Mode {
    Development(Caller),
    ApiKeys { salt: [u8; 32], ring: Ring },
}

/// The models that a caller may ask for; a bit for each, where they are not all.
enum Granted {
    All,
    Only(Vec<u64>),
}

impl Callers {
    /// The callers of `topology`, whose keys have these secrets in this order.
    pub(crate) fn new(topology: &Topology, secrets: Vec<String>) -> Result<Self, getrandom::Error> {
        let all = Listing::new(topology.models.iter().copied());
        let mode = match topology.auth {
            Auth::Development => Mode::Development(Caller {
                name: None,
                identity: None,
                listing: all,
                limiter: None,
                access: Granted::All,
            }),
            Auth::ApiKeys(keys) => {
                let mut salt = [0; 32];
                getrandom::fill(&mut salt)?;
                let mut ring = Ring::with_room_for(keys.len());
                for (key, secret) in keys.iter().zip(secrets) {
                    ring.insert(digest(&salt, secret.as_bytes()), Caller::of_key(key, &all));
                }
                Mode::ApiKeys { salt, ring }
            }
        };
        Ok(Self { mode })
    }

    /// The caller that presents its key in `headers`.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<&Caller, Unknown> {
        match &self.mode {
            Mode::Development(caller) => Ok(caller),
            Mode::ApiKeys { salt, ring } => {
                let presented = presented(headers).ok_or(Unknown::NoKey)?;
                ring.find(&digest(salt, presented)).ok_or(Unknown::WrongKey)
            }
        }
    }
}

impl Caller {
    fn of_key(key: &Key, all: &Listing) -> Self {
        let (listing, access) = match key.settings.models {
            Access::All => (all.clone(), Granted::All),
            Access::Only(models) => (
                Listing::new(models.iter().copied()),
                Granted::Only(bits(models)),
            ),
        };
        Self {
            name: Some(key.settings.name),
            identity: Some(hash::stable(key.settings.name.as_bytes())),
            listing,
            limiter: Limiter::of(key.settings.limit),
            access,
        }
    }

    /// Whether it may ask for `model`.
    pub(crate) fn may_use(&self, model: &Model) -> bool {
        match &self.access {
            Granted::All => true,
            Granted::Only(words) => {
                let slot = model.slot.index();
                words
                    .get(slot / 64)
                    .is_some_and(|word| word & (1 << (slot % 64)) != 0)
            }
        }
    }

    /// The models that it may use, for a message.
    pub(crate) fn model_names(&self) -> Bytes {
        self.listing.names.clone()
    }
}

fn bits(models: &[&Model]) -> Vec<u64> {
    let highest = models.iter().map(|model| model.slot.index()).max();
    let mut words = vec![0; highest.map_or(0, |slot| slot / 64 + 1)];
    for model in models {
        let slot = model.slot.index();
        if let Some(word) = words.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }
    words
}

/// The key that a request presents: `X-API-Key`, else `Authorization: Bearer`.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get(API_KEY) {
        return Some(key.as_bytes().trim_ascii());
    }
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| key.trim_ascii())
}

type Digest = [u8; 32];

fn digest(salt: &[u8; 32], secret: &[u8]) -> Digest {
    // The salt is of fixed length and one SHA-256 output is compared whole, so neither splicing nor
    // length extension gains anything.
    Sha256::new_with_prefix(salt)
        .chain_update(secret)
        .finalize()
        .into()
}

/// A hash table whose keys are already evenly distributed: digests.
struct Ring {
    buckets: Vec<Vec<(Digest, Caller)>>,
}

impl Ring {
    fn with_room_for(count: usize) -> Self {
        let size = (count * 2).next_power_of_two();
        Self {
            buckets: std::iter::repeat_with(Vec::new).take(size).collect(),
        }
    }

    fn insert(&mut self, digest: Digest, caller: Caller) {
        let bucket = self.bucket(&digest);
        if let Some(entries) = self.buckets.get_mut(bucket) {
            entries.push((digest, caller));
        }
    }

    fn find(&self, digest: &Digest) -> Option<&Caller> {
        let entries = self.buckets.get(self.bucket(digest))?;
        entries
            .iter()
            .find(|(known, _)| bool::from(known.as_slice().ct_eq(digest.as_slice())))
            .map(|(_, caller)| caller)
    }

    fn bucket(&self, digest: &Digest) -> usize {
        let [a, b, c, d, ..] = *digest;
        // The number of buckets is a power of two.
        u32::from_le_bytes([a, b, c, d]) as usize & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;
    use crate::fixture::{MODEL_LARGE, MODEL_SMALL, dataplane};

    fn name_for(headers: &[(&'static str, &'static str)]) -> Result<&'static str, Unknown> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let caller = dataplane().callers.authenticate(&headers)?;
        Ok(caller.name.unwrap())
    }

    #[test]
    fn either_header_presents_a_key() {
        assert_eq!(name_for(&[("x-api-key", "web-secret")]).unwrap(), "web");
        assert_eq!(
            name_for(&[("authorization", "Bearer batch-secret")]).unwrap(),
            "batch"
        );
        assert_eq!(
            name_for(&[("authorization", "bearer batch-secret")]).unwrap(),
            "batch"
        );
    }

    #[test]
    fn x_api_key_wins() {
        let both = [
            ("authorization", "Bearer batch-secret"),
            ("x-api-key", "web-secret"),
        ];
        assert_eq!(name_for(&both).unwrap(), "web");
        let wrong = [
            ("authorization", "Bearer batch-secret"),
            ("x-api-key", "nonsense"),
        ];
        assert!(matches!(name_for(&wrong), Err(Unknown::WrongKey)));
    }

    #[test]
    fn without_a_key_or_with_a_wrong_one_nobody_is_known() {
        assert!(matches!(name_for(&[]), Err(Unknown::NoKey)));
        let basic = [("authorization", "Basic d2ViOnNlY3JldA==")];
        assert!(matches!(name_for(&basic), Err(Unknown::NoKey)));
        assert!(matches!(
            name_for(&[("x-api-key", "")]),
            Err(Unknown::WrongKey)
        ));
        assert!(matches!(
            name_for(&[("x-api-key", "web-secre")]),
            Err(Unknown::WrongKey)
        ));
    }

    #[test]
    fn access_is_by_key() {
        let mut headers = HeaderMap::new();
        headers.insert(API_KEY, HeaderValue::from_static("batch-secret"));
        let batch = dataplane().callers.authenticate(&headers).unwrap();
        assert!(batch.may_use(&MODEL_SMALL));
        assert!(!batch.may_use(&MODEL_LARGE));
        assert_eq!(batch.model_names(), "`small`");
    }

    #[test]
    fn a_bit_stands_for_each_model() {
        dataplane();
        assert_eq!(bits(&[]), Vec::<u64>::new());
        assert_eq!(bits(&[&MODEL_LARGE, &MODEL_SMALL]), [0b11]);
    }
}
