//! What tokens must be.

use std::time::Duration;

use crate::ir::key::Access;
use crate::ir::limit::{Limit, Priority};
use crate::ir::secret::Secret;
use crate::ir::table::Id;
use crate::key_path::KeyPath;

/// What a token must be.
#[derive(Debug)]
pub struct Jwt {
    /// `[auth.jwt]`.
    pub path: KeyPath,
    /// What it is signed with; `None` where that is unknown, which is reported.
    pub algorithm: Option<Algorithm>,
    /// What verifies it; `None` where that is reported.
    pub keys: Option<TokenKeys>,
    /// Its `iss`.
    pub issuer: String,
    /// Its `aud`, or one of them.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The claim that lists the models which it allows.
    pub models_claim: String,
    /// What it allows without that claim.
    pub models: Access,
    /// How much each subject may ask for.
    pub limit: Option<Id<Limit>>,
    /// The turn of its bearer, where requests wait.
    pub priority: Priority,
}

impl Jwt {
    /// Where the one key that verifies it is read from, if it is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self.keys.as_ref()? {
            TokenKeys::Fixed(secret) => Some(secret),
            TokenKeys::Published(_) => None,
        }
    }

    /// Where its issuer publishes its keys, if it does.
    pub fn jwks(&self) -> Option<&Jwks> {
        match self.keys.as_ref()? {
            TokenKeys::Fixed(_) => None,
            TokenKeys::Published(jwks) => Some(jwks),
        }
    }
}

/// What tokens are verified with.
#[derive(Debug)]
pub enum TokenKeys {
    /// One key, read from here.
    Fixed(Secret),
    /// The keys that the issuer publishes.
    Published(Jwks),
}

/// Where an issuer publishes its keys.
#[derive(Debug)]
pub struct Jwks {
    /// `[auth.jwt.jwks]`.
    pub path: KeyPath,
    /// Their address, of `http` or `https`; `None` where it could not be read, which is reported.
    pub url: Option<String>,
    /// How old they may become.
    pub refresh: Duration,
    /// The file of the authorities that are believed, if not those of the web.
    pub ca: Option<String>,
}

impl Jwks {
    /// Whether they come over TLS.
    pub fn is_encrypted(&self) -> bool {
        let url = self.url.as_deref();
        url.is_none_or(|url| url.starts_with("https://"))
    }
}

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Rs256, Self::Es256];

    /// As tokens and specs write it: `HS256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}
