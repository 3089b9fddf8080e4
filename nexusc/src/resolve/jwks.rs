//! `[auth.jwt.jwks]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::{may_carry_credentials, shown};
use crate::resolve::scope::Scope;
use crate::resolve::tls;
use crate::resolve::upstream::{is_authority, is_path_segment};
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_REFRESH: Duration = Duration::from_secs(10 * 60);

pub(super) fn resolve(jwks: &spec::auth::Jwks, path: KeyPath, scope: &mut Scope<'_>) -> ir::Jwks {
    let spec::auth::Jwks { url, refresh, ca } = jwks;
    ir::Jwks {
        url: address(url, &path.key("url"), scope),
        refresh: scope.duration(refresh.as_ref(), DEFAULT_REFRESH, &path.key("refresh")),
        ca: ca
            .as_ref()
            .and_then(|ca| tls::file(ca, &path.key("ca"), scope)),
        path,
    }
}

/// The address of a document, or `None` where it cannot be asked for.
fn address(url: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    let place = Place::Value(path.clone());
    if may_carry_credentials(url) {
        let message = format!("`{path}` may hold a user, a password or a token");
        let help = "write the bare address: an issuer's public keys are for everybody";
        scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
        return None;
    }
    match judge(url) {
        Ok(()) => Some(url.to_owned()),
        Err(help) => {
            let message = format!("{} is not the address of an issuer's keys", shown(url));
            scope.report(Diagnostic::new(Code::NX0540, message, place, "").help(help));
            None
        }
    }
}

/// What is wrong with `url`, if anything is.
fn judge(url: &str) -> Result<(), &'static str> {
    const FORM: &str = "write `\"https://HOST/PATH\"`, as the issuer's \
                        `/.well-known/openid-configuration` says as `jwks_uri`";
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let (authority, document) = rest.and_then(|rest| rest.split_once('/')).ok_or(FORM)?;
    if !is_authority(authority) {
        return Err(FORM);
    }
    if document.ends_with("openid-configuration") {
        return Err("that document is not the keys: write what it says as `jwks_uri`");
    }
    if !document.split('/').all(is_path_segment) {
        return Err("write the path of the document, without a query, a fragment, spaces and `..`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_addresses_of_usual_issuers() {
        for url in [
            "https://login.example.com/.well-known/jwks.json",
            "https://keycloak:8443/realms/llm/protocol/openid-connect/certs",
            "https://login.example.com/common/discovery/v2.0/keys",
            "http://127.0.0.1:8080/v1/keys",
            "http://[::1]/keys",
        ] {
            assert_eq!(judge(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn refuses_what_is_no_document() {
        for url in [
            "",
            "https://",
            "https://login.example.com",
            "https://login.example.com/",
            "login.example.com/keys",
            "ftp://login.example.com/keys",
            "file:///etc/keys.json",
            "https://login.example.com/keys?tenant",
            "https://login.example.com/a/../keys",
            "https://login example.com/keys",
            "https://login.example.com/.well-known/openid-configuration",
        ] {
            assert!(judge(url).is_err(), "{url} was accepted");
        }
    }
}
