//! Where an HTTP upstream is: its URL, taken apart once at start.

use hyper::Uri;
use hyper::header::HeaderValue;
use thiserror::Error;

/// The parts of an upstream's URL that a request needs.
#[derive(Debug)]
pub(crate) struct Address {
    tls: bool,
    host: String,
    port: u16,
    authority: HeaderValue,
    prefix: String,
}

/// Why a URL cannot be an upstream's. Never shows the URL: a person may have put a secret into it.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum AddressError {
    #[error("is not a URL like http://host:port")]
    NotAUrl,
    #[error("has a port that is not from 1 to 65535")]
    Port,
    #[error("holds a user name or a password")]
    UserInfo,
    #[error("has a query")]
    Query,
    #[error("ends in /v1, which is added to it anyway")]
    Version,
    #[error("is an https:// URL, and TLS is not part of this binary: nothing in its spec has one")]
    WithoutTls,
}

impl Address {
    /// Takes `url` apart: `http://host:port/prefix`.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let (uri, origin) = Self::origin(url)?;
        let prefix = uri.path().trim_end_matches('/');
        if prefix.ends_with("/v1") {
            return Err(AddressError::Version);
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            ..origin
        })
    }

    /// Takes the URL of a document apart: where its server is, and what it is asked for there.
    #[cfg(feature = "jwks")]
    pub(crate) fn of_document(url: &str) -> Result<(Self, Uri), AddressError> {
        let (uri, origin) = Self::origin(url)?;
        let path = Uri::try_from(uri.path()).map_err(|_| AddressError::NotAUrl)?;
        Ok((origin, path))
    }

    /// The URL, and the server that it leads to.
    fn origin(url: &str) -> Result<(Uri, Self), AddressError> {
        let uri: Uri = url.trim().parse().map_err(|_| AddressError::NotAUrl)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") if cfg!(feature = "tls") => true,
            Some("https") => return Err(AddressError::WithoutTls),
            _ => return Err(AddressError::NotAUrl),
        };
        let authority = uri.authority().ok_or(AddressError::NotAUrl)?;
        // What `Uri` takes for no port at all: none after the colon, or one above 65535.
        let after_host = authority.as_str().rsplit_once(authority.host());
        let has_port = after_host.is_some_and(|(_, rest)| !rest.is_empty());
        if has_port && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(AddressError::Port);
        }
        if authority.as_str().contains('@') {
            return Err(AddressError::UserInfo);
        }
        if uri.query().is_some() {
            return Err(AddressError::Query);
        }
        let origin = Self {
            tls,
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|_| AddressError::NotAUrl)?,
            prefix: String::new(),
        };
        Ok((uri, origin))
    }

    /// Whether the connection is encrypted.
    #[cfg_attr(
        not(any(feature = "tls", feature = "jwks")),
        expect(dead_code, reason = "asked where TLS or an issuer's keys are linked")
    )]
    pub(crate) fn tls(&self) -> bool {
        self.tls
    }

    /// Name or IP address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The path below which the API lies, without a slash at its end; often empty.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_url_apart() {
        let address = Address::parse("http://vllm-14b:8000").unwrap();
        assert_eq!((address.host(), address.port()), ("vllm-14b", 8000));
        assert_eq!(address.authority(), "vllm-14b:8000");
    }

    #[test]
    fn keeps_a_prefix_without_its_last_slash() {
        assert_eq!(
            Address::parse("http://127.0.0.1:1/openai/")
                .unwrap()
                .prefix(),
            "/openai"
        );
        assert_eq!(Address::parse("http://127.0.0.1:1/").unwrap().prefix(), "");
    }

    #[test]
    fn an_ipv6_host_loses_its_brackets_for_connecting_only() {
        let address = Address::parse("http://[::1]:8000").unwrap();
        assert_eq!(address.host(), "::1");
        assert_eq!(address.authority(), "[::1]:8000");
    }

    #[test]
    fn refuses_what_cannot_work() {
        assert_eq!(
            Address::parse("vllm:8000").unwrap_err(),
            AddressError::NotAUrl
        );
        assert_eq!(
            Address::parse("ftp://vllm").unwrap_err(),
            AddressError::NotAUrl
        );
        assert_eq!(
            Address::parse("http://a:b@vllm").unwrap_err(),
            AddressError::UserInfo
        );
        assert_eq!(
            Address::parse("http://vllm/?a=b").unwrap_err(),
            AddressError::Query
        );
        assert_eq!(
            Address::parse("http://vllm/v1").unwrap_err(),
            AddressError::Version
        );
    }

    #[test]
    fn a_port_that_cannot_be_is_not_replaced_by_the_default() {
        for port in ["99999", "0", ""] {
            let url = format!("http://127.0.0.1:{port}");
            assert_eq!(Address::parse(&url).unwrap_err(), AddressError::Port);
        }
        assert_eq!(Address::parse("http://[::1]").unwrap().port(), 80);
    }

    #[test]
    fn https_depends_on_what_is_linked() {
        let parsed = Address::parse("https://api.openai.com");
        if cfg!(feature = "tls") {
            assert_eq!(parsed.unwrap().port(), 443);
        } else {
            assert_eq!(parsed.unwrap_err(), AddressError::WithoutTls);
        }
    }
}
