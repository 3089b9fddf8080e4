//! Where Redis is: its URL, taken apart once at start.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};
use thiserror::Error;

/// Where Redis is, and who the gateway is there.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    /// User, password and number of the database.
    pub(super) login: RedisConnectionInfo,
}

/// Why a URL cannot be a store's. Never shows the URL: it may hold a password.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum AddressError {
    #[error("is not a URL like redis://:PASSWORD@HOST:6379/0")]
    NotAUrl,
    #[error(
        "is a rediss:// URL, and TLS towards Redis is not supported: give it a redis:// URL in a network of its own"
    )]
    Tls,
}

impl Address {
    /// Takes `url` apart: `redis://user:password@host:port/database`.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        match url.split_once("://") {
            Some(("redis" | "valkey", _)) => {}
            Some(("rediss" | "valkeys", _)) => return Err(AddressError::Tls),
            _ => return Err(AddressError::NotAUrl),
        }
        let info: ConnectionInfo = url
            .into_connection_info()
            .map_err(|_| AddressError::NotAUrl)?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(AddressError::NotAUrl);
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: *port,
            login: info.redis_settings().clone(),
        })
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
            ("rediss://:secret@cache", AddressError::Tls),
        ] {
            let refused = Address::parse(url).unwrap_err();
            assert_eq!(refused, error, "{url}");
            assert!(!refused.to_string().contains("secret"));
        }
    }
}
