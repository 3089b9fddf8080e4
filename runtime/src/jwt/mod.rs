//! JSON Web Tokens: callers whom an issuer vouches for.
//!
//! What a token must be is fixed by the tables: its algorithm, its issuer, its audience. Of its
//! header nothing is believed. One signature is checked for each request; nothing is kept of a
//! token afterwards.

mod crypto;
pub(crate) mod key;

use std::borrow::Cow;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::models::{Directory, Listing};
use crate::caller::{Caller, Rights};
use crate::hash;
use crate::topology::{Jwt, Model, Topology};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// How much of a subject is logged, in bytes.
const MAX_LOGGED: usize = 128;

/// In the claim of models: all of them.
const ALL: &str = "*";

/// Why a token is refused: for the log, never for its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// Whoever decides on tokens: what they must be, settled at start.
pub(crate) struct Judge {
    key: DecodingKey,
    validation: Validation,
    jwt: &'static Jwt,
    directory: Directory,
    /// What a token allows that says so of all models.
    all: Rights,
    /// What a token allows that says nothing of models.
    unsaid: Rights,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Judge {
    /// The judge of tokens that `key` verifies.
    pub(crate) fn new(topology: &Topology, jwt: &'static Jwt, key: DecodingKey) -> Self {
        crypto::install();
        let mut validation = Validation::new(key::algorithm(jwt.algorithm));
        validation.leeway = jwt.leeway.as_secs();
        validation.validate_nbf = true;
        validation.set_audience(&[jwt.audience]);
        validation.set_issuer(&[jwt.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let listing = Listing::new(topology.models.iter().copied());
        Self {
            key,
            validation,
            jwt,
            directory: Directory::new(topology.models),
            unsaid: Rights::of(&jwt.models, &listing),
            all: Rights::all(listing),
        }
    }

    /// Whether `presented` has the form of a token: three parts, the first of which begins an
    /// object. What has not is an API key.
    pub(crate) fn concerns(presented: &[u8]) -> bool {
        // `{"` in base64url.
        presented.starts_with(b"eyJ") && presented.iter().filter(|byte| **byte == b'.').count() == 2
    }

    /// Who bears `token`.
    pub(crate) fn judge(&self, token: &[u8]) -> Result<Caller<'_>, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused("it is longer than 8 KiB"));
        }
        let token = decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| Refused(reason(error.kind())))?;
        if token.header.crit.is_some() {
            return Err(Refused("its header asks for an extension"));
        }
        let Claims { iss, sub, others } = token.claims;
        // The library would take a list of issuers as well.
        if iss != self.jwt.issuer {
            return Err(Refused("another issuer"));
        }
        if sub.is_empty() {
            return Err(Refused("its subject is empty"));
        }
        let identity = hash::stable(sub.as_bytes());
        let rights = self.rights(others.get(self.jwt.models_claim));
        Ok(Caller::of_subject(
            Cow::Owned(logged(sub)),
            identity,
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

fn logged(mut subject: String) -> String {
    subject.truncate(subject.floor_char_boundary(MAX_LOGGED));
    subject
}

/// In our words, as the library's may hold parts of the token.
fn reason(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm => "another algorithm",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "another issuer",
        ErrorKind::InvalidAudience => "another audience",
        ErrorKind::MissingRequiredClaim(_) => "`exp`, `iss`, `aud` or `sub` is missing",
        ErrorKind::InvalidClaimFormat(_) => "`exp` or `nbf` is no time",
        _ => "it is malformed, or its algorithm is none",
    }
}

#[cfg(test)]
mod tests;
