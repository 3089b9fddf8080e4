//! The key that tokens are verified with, read once at start.

use jsonwebtoken::DecodingKey;
use thiserror::Error;

use crate::topology::Algorithm;

/// RFC 7518 asks for as many bytes as the hash has.
const MIN_SECRET: usize = 32;

/// A public key of 2048 bits, in DER, is a little longer than this.
const MIN_RSA: usize = 256;

/// An uncompressed point of P-256.
const POINT: usize = 65;

/// Why no token could be verified with what was read.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unusable {
    #[error("is shorter than {MIN_SECRET} bytes, which HS256 needs")]
    ShortSecret,
    #[error("is not a public key in PEM form: expected `BEGIN PUBLIC KEY`")]
    NotPublic,
    #[error("is not an RSA key, which RS256 needs")]
    NotRsa,
    #[error("is shorter than 2048 bits, which RS256 needs")]
    ShortRsa,
    #[error("is not a key on the curve P-256, which ES256 needs")]
    NotP256,
}

/// The library's name for an algorithm.
pub(super) fn algorithm(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
    }
}

/// The key of `algorithm` in `text`: a secret, or a public key as PEM.
pub(crate) fn parse(algorithm: Algorithm, text: &str) -> Result<DecodingKey, Unusable> {
    match algorithm {
        Algorithm::Hs256 if text.len() < MIN_SECRET => Err(Unusable::ShortSecret),
        Algorithm::Hs256 => Ok(DecodingKey::from_secret(text.as_bytes())),
        Algorithm::Rs256 => {
            let pem = public(text, &["PUBLIC KEY", "RSA PUBLIC KEY"])?;
            let key = DecodingKey::from_rsa_pem(pem).map_err(|_| Unusable::NotRsa)?;
            match key.try_get_as_bytes() {
                Ok(der) if der.len() > MIN_RSA => Ok(key),
                _ => Err(Unusable::ShortRsa),
            }
        }
        Algorithm::Es256 => {
            let pem = public(text, &["PUBLIC KEY"])?;
            let key = DecodingKey::from_ec_pem(pem).map_err(|_| Unusable::NotP256)?;
            match key.try_get_as_bytes() {
                Ok(point) if point.len() == POINT => Ok(key),
                _ => Err(Unusable::NotP256),
            }
        }
    }
}

/// The library would take private keys and certificates too, and verify nothing with them.
fn public<'t>(text: &'t str, labels: &[&str]) -> Result<&'t [u8], Unusable> {
    let pem = text.trim();
    labels
        .iter()
        .any(|label| pem.starts_with(&format!("-----BEGIN {label}-----")))
        .then_some(pem.as_bytes())
        .ok_or(Unusable::NotPublic)
}
