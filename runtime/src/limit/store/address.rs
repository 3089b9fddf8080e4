//! Where Redis is: its URL, taken apart once at start.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
#[cfg(feature = "certificates")]
use rustls::ClientConfig;
use thiserror::Error;

#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
#[cfg(feature = "certificates")]
use crate::upstream::tls::Tls;

/// Where Redis is, and who the gateway is there.
pub(crate) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    /// User, password and number of the database.
    pub(super) login: RedisConnectionInfo,
    /// Whether its URL wants it to be reached encrypted.
    is_encrypted: bool,
    /// The encryption; `None` for plain connections.
    #[cfg(feature = "certificates")]
    pub(crate) tls: Option<Tls>,
}

/// Why a URL cannot be a store's. Never shows the URL: it may hold a password.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum AddressError {
    #[error("is not a URL like redis://:PASSWORD@HOST:6379/0")]
    NotAUrl,
    #[error("is a rediss:// URL, and there is no `[store.redis.tls]`")]
    Tls,
    #[cfg(feature = "certificates")]
    #[error("must begin with `rediss://`, as `[store.redis.tls]` is set")]
    Plain,
    #[cfg(feature = "certificates")]
    #[error("{0}")]
    Name(&'static str),
}

impl Address {
    /// Takes `url` apart: `redis://user:password@host:port/database`.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (is_encrypted, rest) = match url.split_once("://") {
            Some(("redis" | "valkey", rest)) => (false, rest),
            Some(("rediss" | "valkeys", rest)) => (true, rest),
            _ => return Err(AddressError::NotAUrl),
        };
        let info: ConnectionInfo = format!("redis://{rest}")
            .into_connection_info()
            .map_err(|_| AddressError::NotAUrl)?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(AddressError::NotAUrl);
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: *port,
            login: info.redis_settings().clone(),
            is_encrypted,
            #[cfg(feature = "certificates")]
            tls: None,
        })
    }
}

impl Address {
    /// As it is, where it is meant to be reached plainly.
    pub(crate) fn plain(self) -> Result<Self, AddressError> {
        match self.is_encrypted {
            true => Err(AddressError::Tls),
            false => Ok(self),
        }
    }

    /// To be reached by `credential`; its certificate must have the name `server_name`, or else its host's.
    #[cfg(feature = "certificates")]
    pub(crate) fn encrypted(
        mut self,
        credential: Credential<ClientConfig>,
        server_name: Option<&str>,
    ) -> Result<Self, AddressError> {
        if !self.is_encrypted {
            return Err(AddressError::Plain);
        }
        let name = server_name.unwrap_or(&self.host);
        self.tls = Some(Tls::own(name, credential).map_err(AddressError::Name)?);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_url_apart() {
        let address = Address::parse("redis://:secret@cache:6380/2").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("cache", 6380));
        assert_eq!(address.login.db(), 2);
        assert!(!address.is_encrypted);
        let address = Address::parse("rediss://gateway:secret@cache").unwrap();
        assert!(address.is_encrypted);
        assert_eq!((address.host.as_str(), address.port), ("cache", 6379));
        let address = Address::parse("redis://[::1]").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 6379));
    }

    #[test]
    fn refuses_what_it_cannot_reach_without_showing_it() {
        for (url, error) in [
            ("", AddressError::NotAUrl),
            ("cache:6379", AddressError::NotAUrl),
            ("http://secret@cache", AddressError::NotAUrl),
            ("unix:///run/secret", AddressError::NotAUrl),
            ("redis://cache:99999", AddressError::NotAUrl),
            ("redis://cache/secret", AddressError::NotAUrl),
            ("rediss://cache/secret", AddressError::NotAUrl),
        ] {
            let refused = Address::parse(url).err().unwrap();
            assert_eq!(refused, error, "{url}");
            assert!(!refused.to_string().contains("secret"));
        }
    }
}
