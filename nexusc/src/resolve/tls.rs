//! `[gateway.tls]`, `[upstreams.NAME.tls]` and `[store.redis.tls]`

use std::net::IpAddr;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::secret;
use crate::source::Place;
use crate::spec::tls::Pem;
use crate::{ir, spec};

pub(super) fn of_gateway(
    tls: &spec::tls::GatewayTls,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::GatewayTls> {
    let spec::tls::GatewayTls {
        certificate,
        private_key,
        client_ca,
    } = tls;
    let certificate = file(certificate, &path.key("certificate"), scope);
    let private_key = file(private_key, &path.key("private_key"), scope);
    Some(ir::GatewayTls {
        client_ca: client_ca
            .as_ref()
            .and_then(|ca| file(ca, &path.key("client_ca"), scope)),
        identity: ir::Identity {
            certificate: certificate?,
            private_key: private_key?,
        },
        path: path.clone(),
    })
}

pub(super) fn of_upstream(
    tls: &spec::tls::UpstreamTls,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::UpstreamTls {
    let spec::tls::UpstreamTls {
        ca,
        certificate,
        private_key,
        server_name,
    } = tls;
    let sets_nothing =
        ca.is_none() && certificate.is_none() && private_key.is_none() && server_name.is_none();
    if sets_nothing && !scope.lacks(path) {
        let message = format!("`{path}` sets nothing");
        let diagnostic = Diagnostic::new(Code::NX0317, message, Place::Key(path.clone()), "");
        scope.report(diagnostic.help(
            "remove it: the certificate of an `https://` upstream is verified in any case; or name whom to \
             believe: `ca = { file = \"/run/secrets/ca.crt\" }`",
        ));
    }
    towards_a_server(tls, path, scope)
}

/// How a server is reached encrypted; that nothing is said of it says that the web's authorities are believed.
pub(super) fn towards_a_server(
    tls: &spec::tls::UpstreamTls,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::UpstreamTls {
    let spec::tls::UpstreamTls {
        ca,
        certificate,
        private_key,
        server_name,
    } = tls;
    ir::UpstreamTls {
        ca: ca.as_ref().and_then(|ca| file(ca, &path.key("ca"), scope)),
        identity: identity(certificate.as_ref(), private_key.as_ref(), path, scope),
        server_name: server_name
            .as_ref()
            .and_then(|name| self::server_name(name, &path.key("server_name"), scope)),
        path: path.clone(),
    }
}

/// Both files of an identity, or neither.
fn identity(
    certificate: Option<&Pem>,
    private_key: Option<&Pem>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<ir::Identity> {
    let (present, absent) = match (certificate, private_key) {
        (None, None) => return None,
        (Some(certificate), Some(private_key)) => {
            let certificate = file(certificate, &path.key("certificate"), scope);
            let private_key = file(private_key, &path.key("private_key"), scope);
            return Some(ir::Identity {
                certificate: certificate?,
                private_key: private_key?,
            });
        }
        (Some(_), None) => ("certificate", "private_key"),
        (None, Some(_)) => ("private_key", "certificate"),
    };
    if !scope.lacks(path) {
        let message = format!("`{path}` has a `{present}` and no `{absent}`");
        let place = Place::Key(path.key(present));
        let diagnostic = Diagnostic::new(Code::NX0314, message, place, "");
        let help =
            format!("add `{absent} = {{ file = \"/run/secrets/...\" }}`, or remove `{present}`");
        scope.report(diagnostic.help(help));
    }
    None
}

pub(super) fn file(pem: &Pem, path: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    secret::file(&pem.file, path, scope)
}

fn server_name(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<String> {
    if name.parse::<IpAddr>().is_ok() || is_host(name) {
        return Some(name.to_owned());
    }
    let message = format!("{} is no name that a certificate could have", shown(name));
    let diagnostic = Diagnostic::new(Code::NX0316, message, Place::Value(path.clone()), "");
    scope.report(
        diagnostic
            .help("write the host alone, as it stands in the certificate: `\"vllm.internal\"`"),
    );
    None
}

/// Whether this is a host name (RFC 1123, and underscores, which inner networks have).
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253
        && name.split('.').all(is_label)
        && !name.ends_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names() {
        for name in ["vllm", "vllm-a.llm.internal", "my_host.svc", "a1.b"] {
            assert!(is_host(name), "{name}");
        }
        for name in [
            "",
            "https://vllm",
            "vllm:8000",
            "a..b",
            "-a",
            "a-",
            "*.internal",
            "1.2.3.4.5",
            "a b",
        ] {
            assert!(!is_host(name), "{name}");
        }
    }
}
