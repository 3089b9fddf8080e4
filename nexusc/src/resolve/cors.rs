//! `[gateway.cors]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::{may_carry_credentials, shown};
use crate::resolve::scope::{Scope, listed_twice};
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve(cors: &spec::cors::Cors, path: &KeyPath, scope: &mut Scope<'_>) -> ir::Cors {
    let spec::cors::Cors { origins } = cors;
    let path = path.key("origins");
    if origins.is_empty() && !scope.lacks(&path) {
        let message = "`[gateway.cors]` lets no web page in".to_owned();
        let diagnostic = Diagnostic::new(Code::NX0522, message, Place::Value(path.clone()), "");
        scope.report(diagnostic.help("list an origin, or remove the table"));
    }
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, origin) in origins.iter().enumerate() {
        let here = path.index(index);
        match first.get(origin.as_str()) {
            Some(&before) => {
                let before = Place::Value(path.index(before));
                scope.report(listed_twice(origin, here, before));
            }
            None => {
                first.insert(origin, index);
                check(origin, Place::Value(here), scope);
            }
        }
    }
    // Their order means nothing, so it leaves no trace.
    ir::Cors {
        origins: first.into_keys().map(str::to_owned).collect(),
    }
}

/// Reports what browsers never send as the origin of a page.
fn check(text: &str, place: Place, scope: &mut Scope<'_>) {
    if may_carry_credentials(text) {
        let message = "an origin may hold a user, a password or a token";
        let help = "write scheme and host alone: `\"https://chat.example.com\"`";
        scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
        return;
    }
    if text.contains('*') {
        let message = format!("{} lets in more web pages than are listed", shown(text));
        let help = "list each origin: `origins = [\"https://chat.example.com\"]`";
        scope.report(Diagnostic::new(Code::NX0521, message, place, "").help(help));
        return;
    }
    if is_origin(text) {
        return;
    }
    if text == "null" {
        let message = "`null` is not the origin of one web page";
        let help = "any page without an origin sends it, such as a file: list the address that yours is served from";
        scope.report(Diagnostic::new(Code::NX0520, message, place, "").help(help));
        return;
    }
    let help = match mended(text).filter(|mended| is_origin(mended)) {
        Some(mended) => format!("browsers write `\"{mended}\"`"),
        None => "write it as browsers do: `\"https://HOST\"` or `\"http://HOST:PORT\"`".to_owned(),
    };
    let message = format!("{} is not the origin of a web page", shown(text));
    scope.report(Diagnostic::new(Code::NX0520, message, place, "").help(help));
}

/// Whether a browser writes an origin in this way: in lower case, without a path, and without the port that
/// is the scheme's own.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let own_port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let (host, port) = split_port(authority);
    let is_port = |port: &str| {
        port.parse::<u16>()
            .is_ok_and(|number| number != 0 && number.to_string() == port)
    };
    is_host(host) && port.is_none_or(|port| port != own_port && is_port(port))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        let parsed = address.parse::<std::net::Ipv6Addr>();
        return parsed.is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// What was probably meant.
fn mended(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", &text));
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = split_port(authority);
    let own_port = if scheme == "http" { "80" } else { "443" };
    Some(match port {
        Some(port) if port != own_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for origin in [
            "https://chat.example.com",
            "http://localhost:3000",
            "https://10.0.0.1:8443",
            "https://[2001:db8::1]",
            "http://[::1]:5173",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "",
            "null",
            "chat.example.com",
            "https://",
            "https://chat.example.com/",
            "https://Chat.example.com",
            "https://chat.example.com:443",
            "http://localhost:80",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:03000",
            "http://localhost:99999",
            "https://a..b",
            "https://[::01]",
            "https://[::1",
            "https://a\r\nb",
            "https://b\u{fc}cher.example",
            "ftp://chat.example.com",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_an_origin() {
        for (text, meant) in [
            ("https://Chat.example.com/", "https://chat.example.com"),
            (
                "https://chat.example.com:443/app",
                "https://chat.example.com",
            ),
            ("chat.example.com", "https://chat.example.com"),
            ("http://localhost:3000/#/", "http://localhost:3000"),
        ] {
            assert_eq!(mended(text).as_deref(), Some(meant));
            assert!(is_origin(meant));
        }
    }
}
