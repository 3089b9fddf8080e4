//! Where an issuer publishes its keys, and how they are fetched.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Uri};
#[cfg(feature = "certificates")]
use rustls::ClientConfig;
use thiserror::Error;

use crate::address::{Address, AddressError};
use crate::jwt::jwks::set::{KeySet, Unusable};
#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
use crate::topology::Algorithm;
use crate::upstream::connect::Destination;
use crate::upstream::once::{self, Unanswered};

/// How long a fetch may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Where an issuer publishes its keys.
pub(crate) struct Source {
    destination: Destination,
    uri: Uri,
    encrypted: bool,
}

/// Why keys cannot be fetched from a URL at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unreachable {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("{0}")]
    Destination(&'static str),
    #[cfg(feature = "certificates")]
    #[error("must begin with `https://`, as `[auth.jwt.jwks]` has a `ca`")]
    Plain,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unfetched {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl Source {
    /// The source at `url`.
    pub(crate) fn at(url: &str) -> Result<Self, Unreachable> {
        let (address, uri) = Address::of_document(url)?;
        Ok(Self {
            encrypted: address.tls(),
            destination: Destination::new(address).map_err(Unreachable::Destination)?,
            uri,
        })
    }

    /// The source at `url`, whose certificate must be as `credential` says.
    #[cfg(feature = "certificates")]
    pub(crate) fn believing(
        credential: Credential<ClientConfig>,
        url: &str,
    ) -> Result<Self, Unreachable> {
        let (address, uri) = Address::of_document(url)?;
        if !address.tls() {
            return Err(Unreachable::Plain);
        }
        Ok(Self {
            encrypted: true,
            destination: Destination::encrypted(address, credential, None)
                .map_err(Unreachable::Destination)?,
            uri,
        })
    }

    /// What is to be kept up to date.
    #[cfg(feature = "certificates")]
    pub(crate) fn credential(&self) -> Option<&Credential<ClientConfig>> {
        self.destination.tls.as_ref()?.credential()
    }

    /// Whether somebody on the way could put keys of their own in place of the issuer's.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.destination.address.host();
        let is_here = |address: IpAddr| address.is_loopback();
        !self.encrypted && host != "localhost" && !host.parse().is_ok_and(is_here)
    }

    /// Fetches the keys that verify `algorithm`, over a connection of its own.
    pub(crate) async fn fetch(&self, algorithm: Algorithm) -> Result<KeySet, Unfetched> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        let document = once::ask(&self.destination, request, LIMIT).await?;
        Ok(KeySet::parse(&document, algorithm)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_a_document_of_the_issuer() {
        let source = Source::at("http://127.0.0.1:9/realms/a/certs/").unwrap();
        assert_eq!(source.uri, "/realms/a/certs/");
        assert!(Source::at("http://issuer/v1").is_ok());
        assert!(Source::at("ftp://issuer/keys").is_err());
        assert!(Source::at("http://user:secret@issuer/keys").is_err());
    }

    #[test]
    fn keys_in_the_clear_are_fetched_from_this_machine_only_without_a_word() {
        let is_exposed = |url| Source::at(url).unwrap().is_exposed();
        for url in [
            "http://127.0.0.1:1/k",
            "http://localhost/k",
            "http://[::1]/k",
        ] {
            assert!(!is_exposed(url), "{url}");
        }
        for url in [
            "http://issuer/k",
            "http://10.0.0.1/k",
            "http://localhost.evil.com/k",
        ] {
            assert!(is_exposed(url), "{url}");
        }
        if cfg!(feature = "tls") {
            assert!(!is_exposed("https://issuer/k"));
        }
    }
}
