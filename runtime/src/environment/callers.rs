//! What callers are known by: the secrets of keys, and what tokens are verified with.

use std::collections::HashMap;

use crate::environment::reader::Reader;
#[cfg(feature = "jwt")]
use crate::environment::variables::VERIFIES_TOKENS;
#[cfg(feature = "jwks")]
use crate::jwt::jwks::{source::Source, store::Store};
#[cfg(feature = "jwt")]
use crate::jwt::{self, key};
use crate::secret;
#[cfg(all(feature = "jwks", feature = "certificates"))]
use crate::tls::{self, credential::Credential, material::Sources};
#[cfg(feature = "jwks")]
use crate::topology::Jwks;
use crate::topology::Secret;
#[cfg(feature = "jwt")]
use crate::topology::{Jwt, TokenKeys};

impl Reader<'_> {
    pub(super) fn keys(
        &mut self,
        keys: impl Iterator<Item = (&'static str, Secret)>,
    ) -> Vec<String> {
        let mut owners = HashMap::new();
        let mut values = Vec::new();
        for (name, place) in keys {
            let Some(value) = self.secret(place, &format!("the secret of key `{name}`")) else {
                continue;
            };
            if let Some(other) = owners.insert(value.clone(), name) {
                let what = format!("keys `{other}` and `{name}` have the same secret");
                self.problem::<()>(secret::place(place), what);
            }
            values.push(value);
        }
        values
    }

    #[cfg(feature = "jwt")]
    pub(super) fn jwt(&mut self, jwt: &Jwt) -> Option<jwt::Keys> {
        let written = match &jwt.keys {
            TokenKeys::Fixed(written) => *written,
            #[cfg(feature = "jwks")]
            TokenKeys::Published(jwks) => {
                let source = self.issuer(jwks)?;
                let store = Store::new(source, jwt.algorithm, jwks.refresh);
                return Some(jwt::Keys::Published(Box::new(store)));
            }
        };
        let place = secret::place(written);
        // A public key has several lines.
        let text = match secret::text(written, self.variable) {
            Ok(text) => text,
            Err(error) => return self.problem(place, format!("{error} ({VERIFIES_TOKENS})")),
        };
        match key::parse(jwt.algorithm, &text) {
            Ok(key) => Some(jwt::Keys::Fixed(key)),
            Err(error) => self.problem(place, format!("{error} ({VERIFIES_TOKENS})")),
        }
    }

    #[cfg(feature = "jwks")]
    fn issuer(&mut self, jwks: &Jwks) -> Option<Source> {
        let replaced = self.optional(jwks.variable);
        let url = replaced.as_deref().unwrap_or(jwks.url);
        #[cfg(feature = "certificates")]
        if jwks.ca.is_some() {
            let sources = Sources {
                identity: None,
                authority: jwks.ca,
            };
            let read = Credential::read(sources, tls::upstream::of_its_own);
            let credential = self.certificates(read, "TLS to the issuer of tokens")?;
            return match Source::believing(credential, url) {
                Ok(source) => Some(source),
                Err(error) => self.problem(jwks.variable, error),
            };
        }
        match Source::at(url) {
            Ok(source) => Some(source),
            Err(error) => self.problem(jwks.variable, error),
        }
    }
}
