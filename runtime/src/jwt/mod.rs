//! JSON Web Tokens: callers whom an issuer vouches for.
//!
//! What a token must be is fixed by the tables: its algorithm, its issuer, its audience. Of its
//! header nothing is believed; `kid` only chooses among the keys that an issuer published. One signature is checked for each request; nothing is kept of a
//! token afterwards.

mod crypto;
#[cfg(feature = "jwks")]
pub(crate) mod jwks;
pub(crate) mod key;

use std::borrow::Cow;

use decide::hash;
#[cfg(feature = "jwks")]
use jsonwebtoken::decode_header;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::models::{Directory, Listing};
use crate::caller::{Caller, Rights};
#[cfg(feature = "jwks")]
use crate::jwt::jwks::store::{Keyring, Standing, Store};
use crate::limit::owner;
use crate::limit::quota::Quota;
use crate::limit::subjects::Subjects;
use crate::topology::{Jwt, Model, Topology};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// In the claim of models: all of them.
const ALL: &str = "*";

/// Why a token is refused: for the log, never for its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// For this; nothing will change that.
    Wrong(&'static str),
    /// Its issuer may have a key for it that the gateway has not.
    #[cfg(feature = "jwks")]
    UnknownKey,
    /// The gateway has no key of its issuer.
    #[cfg(feature = "jwks")]
    NoKeys,
}

impl Refused {
    /// The reason, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Wrong(reason) => reason,
            #[cfg(feature = "jwks")]
            Self::UnknownKey => "its key is not among those of the issuer",
            #[cfg(feature = "jwks")]
            Self::NoKeys => "there are no keys of the issuer",
        }
    }
}

/// What tokens are verified with.
pub(crate) enum Keys {
    /// One key, for as long as the process lives.
    Fixed(DecodingKey),
    /// Those that the issuer publishes.
    #[cfg(feature = "jwks")]
    Published(Box<Store>),
}

/// What a worker has of its own for judging.
#[derive(Default)]
pub(crate) struct Own {
    /// Its copy of the keys that an issuer publishes, where one does.
    #[cfg(feature = "jwks")]
    keys: Option<Keyring>,
}

/// Whoever decides on tokens: what they must be, settled at start.
pub(crate) struct Judge {
    keys: Keys,
    validation: Validation,
    jwt: &'static Jwt,
    directory: Directory,
    /// What a token allows that says so of all models.
    all: Rights,
    /// What a token allows that says nothing of models.
    unsaid: Rights,
    /// What each subject has taken of its limit, if they have one.
    subjects: Option<Subjects>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Judge {
    /// The judge of tokens that `keys` verify.
    pub(crate) fn new(topology: &Topology, jwt: &'static Jwt, keys: Keys) -> Self {
        crypto::install();
        let mut validation = Validation::new(key::algorithm(jwt.algorithm));
        validation.leeway = jwt.leeway.as_secs();
        validation.validate_nbf = true;
        validation.set_audience(&[jwt.audience]);
        validation.set_issuer(&[jwt.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let listing = Listing::new(topology.models.iter().copied());
        Self {
            keys,
            validation,
            jwt,
            directory: Directory::new(topology.models),
            unsaid: Rights::of(&jwt.models, &listing),
            all: Rights::all(listing),
            subjects: jwt.limit.map(|limit| Subjects::new(limit, topology.name)),
        }
    }

    /// What another worker needs of its own.
    pub(crate) fn own(&self) -> Own {
        Own {
            #[cfg(feature = "jwks")]
            keys: self.issuer().map(Store::keyring),
        }
    }

    /// The keys that the issuer publishes, if it does.
    #[cfg(feature = "jwks")]
    pub(crate) fn issuer(&self) -> Option<&Store> {
        match &self.keys {
            Keys::Published(store) => Some(store),
            Keys::Fixed(_) => None,
        }
    }

    /// Who bears `token` once the issuer was asked for newer keys. A token is refused for its key only
    /// where the issuer has answered.
    #[cfg(feature = "jwks")]
    pub(crate) async fn judge_again(&self, token: &[u8], own: &Own) -> Result<Caller<'_>, Refused> {
        let (Some(store), Some(keyring)) = (self.issuer(), &own.keys) else {
            return self.judge(token, own);
        };
        // Where it has not answered and there is nothing to go by, nobody waits.
        let is_renewed = store.standing() != Standing::Away && keyring.renewed(store).await;
        match self.judge(token, own) {
            Err(Refused::UnknownKey) if !is_renewed || store.standing() != Standing::Known => {
                Err(Refused::NoKeys)
            }
            settled => settled,
        }
    }

    /// Whether `presented` has the form of a token: three parts, the first of which begins an
    /// object. What has not is an API key.
    pub(crate) fn concerns(presented: &[u8]) -> bool {
        // `{"` in base64url.
        presented.starts_with(b"eyJ") && presented.iter().filter(|byte| **byte == b'.').count() == 2
    }

    /// Who bears `token`.
    pub(crate) fn judge(&self, token: &[u8], own: &Own) -> Result<Caller<'_>, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::Wrong("it is longer than 8 KiB"));
        }
        #[cfg(not(feature = "jwks"))]
        let _ = own;
        match &self.keys {
            Keys::Fixed(key) => self.verify(token, key),
            #[cfg(feature = "jwks")]
            Keys::Published(_) => {
                // The fitting of the algorithm comes first, so that no other makes anybody fetch.
                let header = decode_header(token).map_err(refused)?;
                if header.alg != key::algorithm(self.jwt.algorithm) {
                    return Err(Refused::Wrong("another algorithm"));
                }
                let keys = own.keys.as_ref().map(Keyring::keys);
                let keys = keys.as_ref().and_then(|keys| keys.as_deref());
                let keys = keys.ok_or(Refused::NoKeys)?;
                let key = keys.find(header.kid.as_deref());
                let key = key.ok_or(match header.kid {
                    Some(_) => Refused::UnknownKey,
                    None => Refused::Wrong("it names no key, and its issuer has several"),
                })?;
                self.verify(token, key)
            }
        }
    }

    /// Who bears `token`, if `key` has signed it.
    fn verify(&self, token: &[u8], key: &DecodingKey) -> Result<Caller<'_>, Refused> {
        let token = decode::<Claims>(token, key, &self.validation).map_err(refused)?;
        if token.header.crit.is_some() {
            return Err(Refused::Wrong("its header asks for an extension"));
        }
        let Claims { iss, sub, others } = token.claims;
        // The library would take a list of issuers as well.
        if iss != self.jwt.issuer {
            return Err(Refused::Wrong("another issuer"));
        }
        if sub.is_empty() {
            return Err(Refused::Wrong("its subject is empty"));
        }
        let identity = hash::stable(sub.as_bytes());
        let quota = match &self.subjects {
            None => Quota::Unlimited,
            Some(subjects) => Quota::Subject(subjects, owner::digest(&sub)),
        };
        let rights = self.rights(others.get(self.jwt.models_claim));
        Ok(Caller::of_subject(
            Cow::Owned(sub),
            identity,
            quota,
            self.jwt.priority,
            rights,
        ))
    }

    /// What a token allows whose claim of models is this one.
    fn rights(&self, claim: Option<&Value>) -> Cow<'_, Rights> {
        let names = match claim {
            None => return Cow::Borrowed(&self.unsaid),
            Some(Value::String(name)) if name == ALL => return Cow::Borrowed(&self.all),
            Some(Value::Array(names)) => names.as_slice(),
            // What is not understood allows nothing.
            Some(_) => &[],
        };
        if names.iter().any(|name| name == ALL) {
            return Cow::Borrowed(&self.all);
        }
        let mut models: Vec<&'static Model> = names
            .iter()
            .filter_map(|name| self.directory.find(name.as_str()?))
            .collect();
        models.sort_by_key(|model| model.slot.index());
        models.dedup_by_key(|model| model.slot.index());
        Cow::Owned(Rights::claimed(models))
    }
}

/// In our words, as the library's may hold parts of the token.
fn refused(error: Error) -> Refused {
    Refused::Wrong(match error.kind() {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm => "another algorithm",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "another issuer",
        ErrorKind::InvalidAudience => "another audience",
        ErrorKind::MissingRequiredClaim(_) => "`exp`, `iss`, `aud` or `sub` is missing",
        ErrorKind::InvalidClaimFormat(_) => "`exp` or `nbf` is no time",
        _ => "it is malformed, or its algorithm is none",
    })
}

#[cfg(test)]
mod tests;
