//! Encryption, towards clients and towards servers.

use crate::diff::Changes;
use crate::diff::Kind;
use crate::diff::Risk::{Breaking, Risky};
use crate::diff::words::{code, file_or};
use crate::ir::{GatewayTls, Identity, UpstreamTls};

pub(super) fn compare_gateway(
    before: Option<&GatewayTls>,
    after: Option<&GatewayTls>,
    changes: &mut Changes<'_>,
) {
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(_)) => {
            let what = "clients must connect with TLS: plain `http://` is turned away";
            return changes.say(Breaking, Kind::Gateway, what);
        }
        (Some(_), None) => {
            let what = "clients must connect without TLS: `https://` is turned away, and keys and prompts go in \
                        clear text";
            return changes.say(Breaking, Kind::Gateway, what);
        }
        (Some(before), Some(after)) => (before, after),
    };
    let GatewayTls {
        identity,
        client_ca,
        path: _,
    } = after;
    for what in of_identity(Some(&before.identity), Some(identity)) {
        changes.say(Risky, Kind::Gateway, what);
    }
    match (&before.client_ca, client_ca) {
        (None, Some(authority)) => {
            let what = format!(
                "clients must present a certificate of an authority in the file {}",
                code(authority)
            );
            changes.say(Breaking, Kind::Gateway, what);
        }
        (Some(_), None) => {
            let what = "clients need not present a certificate any more";
            changes.say(Risky, Kind::Gateway, what);
        }
        (Some(before), Some(after)) if before != after => {
            let what = format!(
                "the authorities of clients' certificates are read from the file {} -> {}",
                code(before),
                code(after)
            );
            changes.say(Risky, Kind::Gateway, what);
        }
        _ => {}
    }
}

/// What is different in how a server is reached encrypted. Without a table everything is as on the web.
pub(super) fn towards_server(
    before: Option<&UpstreamTls>,
    after: Option<&UpstreamTls>,
) -> Vec<String> {
    type Parts<'t> = (Option<&'t String>, Option<&'t Identity>, Option<&'t String>);
    fn parts(tls: Option<&UpstreamTls>) -> Parts<'_> {
        let Some(UpstreamTls {
            ca,
            identity,
            server_name,
            path: _,
        }) = tls
        else {
            return (None, None, None);
        };
        (ca.as_ref(), identity.as_ref(), server_name.as_ref())
    }
    let ((ca_before, identity_before, name_before), (ca, identity, name)) =
        (parts(before), parts(after));
    let mut found = Vec::new();
    if ca_before != ca {
        let web = "the web's";
        found.push(format!(
            "the authorities that are believed: {} -> {}",
            file_or(ca_before, web),
            file_or(ca, web)
        ));
    }
    found.extend(of_identity(identity_before, identity));
    if name_before != name {
        let shown = |name: Option<&String>| {
            name.map_or("that of the address".to_owned(), |name| code(name))
        };
        found.push(format!(
            "the name that the certificate there must have: {} -> {}",
            shown(name_before),
            shown(name)
        ));
    }
    found
}

fn of_identity(before: Option<&Identity>, after: Option<&Identity>) -> Vec<String> {
    type Files<'t> = (Option<&'t String>, Option<&'t String>);
    fn files(identity: Option<&Identity>) -> Files<'_> {
        let Some(Identity {
            certificate,
            private_key,
        }) = identity
        else {
            return (None, None);
        };
        (Some(certificate), Some(private_key))
    }
    let ((certificate_before, key_before), (certificate, key)) = (files(before), files(after));
    let mut found = Vec::new();
    if certificate_before != certificate {
        found.push(format!(
            "the certificate that the gateway presents: {} -> {}",
            file_or(certificate_before, "none"),
            file_or(certificate, "none")
        ));
    }
    if key_before != key && (key_before.is_some() == key.is_some()) {
        found.push(format!(
            "the key of the gateway's certificate: {} -> {}",
            file_or(key_before, "none"),
            file_or(key, "none")
        ));
    }
    found
}
