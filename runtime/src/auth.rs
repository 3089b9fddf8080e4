//! Who is asking, and what it may use.
//!
//! Of each API key only a keyed digest is kept: SHA-256 over a salt that is drawn anew at every
//! start, and the secret. A presented key is digested the same way and found by its digest, so the
//! time that it takes says nothing about the secrets, and does not grow with their number.

use std::borrow::Cow;
use std::ops::BitOr;

use decide::hash;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::api::models::Listing;
use crate::caller::{Caller, Rights};
use crate::environment::{self, Credentials};
#[cfg(feature = "jwt")]
use crate::jwt::{self, Judge, Refused};
use crate::limit::limiter::Limiter;
use crate::limit::owner::Owner;
use crate::limit::quota::Quota;
use crate::message::headers::Headers;
use crate::message::name::AUTHORIZATION;
use crate::topology::{Auth, Key, PriorityClass, Topology};
use crate::upstream::headers::API_KEY;

/// Why somebody may not ask.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unknown {
    #[error("you must present an API key, as `Authorization: Bearer KEY` or as `X-API-Key: KEY`")]
    NoKey,
    #[error("the API key that you presented is not valid")]
    WrongKey,
    #[cfg(feature = "jwt")]
    #[error(
        "you must present a token, or an API key if you have one, as `Authorization: Bearer TOKEN`"
    )]
    NoToken,
    /// Why is for the log.
    #[cfg(feature = "jwt")]
    #[error("the token that you presented is not valid")]
    WrongToken(Refused),
    /// Its keys are fetched again and again.
    #[cfg(feature = "jwks")]
    #[error("your token cannot be verified now, because its issuer does not answer; try again")]
    IssuerAway,
}

#[cfg(feature = "jwt")]
impl From<Refused> for Unknown {
    fn from(refused: Refused) -> Self {
        match refused {
            #[cfg(feature = "jwks")]
            Refused::NoKeys => Self::IssuerAway,
            refused => Self::WrongToken(refused),
        }
    }
}

/// What a worker has of its own to tell callers by.
#[derive(Default)]
pub(crate) struct Own {
    #[cfg(feature = "jwt")]
    tokens: jwt::Own,
}

/// Everybody who may ask.
pub(crate) struct Callers {
    mode: Mode,
}

enum Mode {
    Development(Rights),
    Known {
        salted: Salted,
        ring: Ring,
        #[cfg(feature = "jwt")]
        judge: Option<Box<Judge>>,
    },
}

/// The holder of an API key.
struct Holder {
    key: &'static Key,
    identity: u64,
    limiter: Option<Box<Limiter>>,
    priority: PriorityClass,
    rights: Rights,
    is_admin: bool,
}

impl Callers {
    /// The callers of `topology`, with what its environment holds.
    pub(crate) fn new(
        topology: &'static Topology,
        credentials: Credentials,
    ) -> Result<Self, getrandom::Error> {
        let all = Listing::new(topology.models.iter().copied());
        if let Auth::Development = topology.auth {
            let mode = Mode::Development(Rights::all(all));
            return Ok(Self { mode });
        }
        let keys = environment::keys(&topology.auth);
        let salted = Salted::new()?;
        let mut ring = Ring::with_room_for(keys.len());
        for (key, secret) in keys.iter().zip(credentials.keys) {
            ring.insert(
                salted.digest(secret.as_bytes()),
                Holder::of(topology.name, key, &all),
            );
        }
        let mode = Mode::Known {
            salted,
            ring,
            #[cfg(feature = "jwt")]
            judge: match (&topology.auth, credentials.jwt) {
                (Auth::Jwt { jwt, .. }, Some(keys)) => {
                    Some(Box::new(Judge::new(topology, jwt, keys)))
                }
                _ => None,
            },
        };
        Ok(Self { mode })
    }

    /// What another worker needs of its own.
    pub(crate) fn own(&self) -> Own {
        Own {
            #[cfg(feature = "jwt")]
            tokens: self.judge().map(Judge::own).unwrap_or_default(),
        }
    }

    /// Who decides on tokens, if callers may present them.
    #[cfg(feature = "jwt")]
    fn judge(&self) -> Option<&Judge> {
        match &self.mode {
            Mode::Development(_) => None,
            Mode::Known { judge, .. } => judge.as_deref(),
        }
    }

    /// The keys of tokens, where their issuer publishes them.
    #[cfg(feature = "jwks")]
    pub(crate) fn issuer(&self) -> Option<&jwt::jwks::store::Store> {
        self.judge().and_then(Judge::issuer)
    }

    /// The caller that presents its key or its token in `headers`. Waits, within bounds, where a token
    /// names a key that its issuer may have by now.
    pub(crate) async fn identify(
        &self,
        headers: &Headers,
        own: &Own,
    ) -> Result<Caller<'_>, Unknown> {
        let known = self.authenticate(headers, own);
        #[cfg(feature = "jwks")]
        if let Err(Unknown::IssuerAway | Unknown::WrongToken(Refused::UnknownKey)) = known
            && let Some(judge) = self.judge()
            && let Some(Presented::Bearer(token)) = presented(headers)
        {
            return Ok(judge.judge_again(token, &own.tokens).await?);
        }
        known
    }

    /// The caller that presents its key or its token in `headers`, as far as is known.
    pub(crate) fn authenticate(&self, headers: &Headers, own: &Own) -> Result<Caller<'_>, Unknown> {
        #[cfg(not(feature = "jwt"))]
        let _ = own;
        match &self.mode {
            Mode::Development(rights) => Ok(Caller {
                name: None,
                key: None,
                identity: None,
                quota: Quota::Unlimited,
                priority: PriorityClass::Normal,
                rights: Cow::Borrowed(rights),
                is_admin: false,
            }),
            Mode::Known {
                salted,
                ring,
                #[cfg(feature = "jwt")]
                judge,
            } => {
                let presented = presented(headers);
                #[cfg(feature = "jwt")]
                if let Some(judge) = judge {
                    match presented {
                        None => return Err(Unknown::NoToken),
                        Some(Presented::Bearer(token)) if Judge::concerns(token) => {
                            return Ok(judge.judge(token, &own.tokens)?);
                        }
                        Some(_) => {}
                    }
                }
                let (Presented::Key(key) | Presented::Bearer(key)) =
                    presented.ok_or(Unknown::NoKey)?;
                let holder = ring.find(&salted.digest(key)).ok_or(Unknown::WrongKey)?;
                Ok(holder.caller())
            }
        }
    }
}

impl Holder {
    fn of(spec: &'static str, key: &'static Key, all: &Listing) -> Self {
        let owner = Owner::Key(key.settings.name);
        Self {
            key,
            identity: hash::stable(key.settings.name.as_bytes()),
            limiter: Limiter::of(key.settings.limit, spec, owner),
            priority: key.settings.priority,
            rights: Rights::of(&key.settings.models, all),
            is_admin: key.settings.admin,
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller {
            name: Some(Cow::Borrowed(self.key.settings.name)),
            key: Some(self.key),
            identity: Some(self.identity),
            quota: self.limiter.as_deref().map_or(Quota::Unlimited, Quota::Key),
            priority: self.priority,
            rights: Cow::Borrowed(&self.rights),
            is_admin: self.is_admin,
        }
    }
}

/// What a request presents.
#[derive(Clone, Copy)]
enum Presented<'h> {
    /// As `X-API-Key`: a key.
    Key(&'h [u8]),
    /// As `Authorization: Bearer`: a key or a token.
    Bearer(&'h [u8]),
}

/// What a request presents: `X-API-Key`, else `Authorization: Bearer`.
fn presented(headers: &Headers) -> Option<Presented<'_>> {
    if let Some(key) = headers.get(API_KEY) {
        return Some(Presented::Key(key.trim_ascii()));
    }
    let value = headers.get(AUTHORIZATION)?;
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    // Nearly everybody writes it like this, which is seen at once.
    let is_bearer = scheme == b"Bearer " || scheme.eq_ignore_ascii_case(b"Bearer ");
    is_bearer.then(|| Presented::Bearer(key.trim_ascii()))
}

type Digest = [u8; 32];

/// What digests a secret, with the salt before it. The salt is a whole block of SHA-256, so that it is digested
/// once, at start, and a secret of up to 55 bytes is one block more.
struct Salted(Sha256);

impl Salted {
    /// With a salt that nobody has seen.
    fn new() -> Result<Self, getrandom::Error> {
        let mut salt = [0; 64];
        getrandom::fill(&mut salt)?;
        Ok(Self(Sha256::new_with_prefix(salt)))
    }

    fn digest(&self, secret: &[u8]) -> Digest {
        // The salt is of fixed length and one SHA-256 output is compared whole, so neither splicing nor
        // length extension gains anything.
        self.0.clone().chain_update(secret).finalize().into()
    }
}

/// Whether two digests are the same: eight bytes at once, and always all of them.
fn are_same(one: &Digest, other: &Digest) -> bool {
    let (ones, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let words = ones.iter().zip(others);
    let differences =
        words.map(|(one, other)| u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other));
    differences.fold(0, BitOr::bitor).ct_eq(&0).into()
}

/// A hash table whose keys are already evenly distributed: digests.
struct Ring {
    buckets: Vec<Vec<(Digest, Holder)>>,
}

impl Ring {
    fn with_room_for(count: usize) -> Self {
        let size = (count * 2).next_power_of_two();
        Self {
            buckets: std::iter::repeat_with(Vec::new).take(size).collect(),
        }
    }

    fn insert(&mut self, digest: Digest, holder: Holder) {
        let bucket = self.bucket(&digest);
        if let Some(entries) = self.buckets.get_mut(bucket) {
            entries.push((digest, holder));
        }
    }

    fn find(&self, digest: &Digest) -> Option<&Holder> {
        let entries = self.buckets.get(self.bucket(digest))?;
        entries
            .iter()
            .find(|(known, _)| are_same(known, digest))
            .map(|(_, holder)| holder)
    }

    fn bucket(&self, digest: &Digest) -> usize {
        let [a, b, c, d, ..] = *digest;
        // The number of buckets is a power of two.
        u32::from_le_bytes([a, b, c, d]) as usize & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{MODEL_LARGE, MODEL_SMALL, dataplane};

    fn name_for(headers: &[(&'static str, &'static str)]) -> Result<String, Unknown> {
        let headers = headers.iter().copied().collect();
        let caller = dataplane()
            .callers
            .authenticate(&headers, &Own::default())?;
        Ok(caller.name.unwrap().into_owned())
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
        let headers = Headers::from_iter([(API_KEY, "batch-secret")]);
        let batch = dataplane()
            .callers
            .authenticate(&headers, &Own::default())
            .unwrap();
        assert!(batch.may_use(&MODEL_SMALL));
        assert!(!batch.may_use(&MODEL_LARGE));
        assert_eq!(batch.model_names(), "`small`");
    }
}
