//! `[upstreams.NAME]`

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix, Safety};
use crate::ir::{Endpoint, Timeouts};
use crate::key_path::KeyPath;
use crate::redact::{may_carry_credentials, shown};
use crate::resolve::scope::Scope;
use crate::resolve::{breaker, engine, health, secret, timeouts, tls};
use crate::source::Place;
use crate::{ir, spec};

/// What holds for every upstream that does not say otherwise.
pub(super) struct Defaults {
    pub(super) timeouts: Timeouts,
    pub(super) breaker: Option<ir::Breaker>,
    pub(super) health: Option<ir::Health>,
    pub(super) stream_usage: bool,
}

pub(super) fn resolve_all(
    upstreams: &BTreeMap<String, spec::upstream::Upstream>,
    defaults: &Defaults,
    machines: &engine::Machines<'_>,
    scope: &mut Scope<'_>,
) -> Vec<ir::Upstream> {
    let table = KeyPath::root().key("upstreams");
    let resolve = |(name, upstream): (&String, &spec::upstream::Upstream)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let spec::upstream::Upstream {
            url,
            model,
            api_key,
            timeouts,
            breaker,
            health,
            tls,
            stream_usage,
            engine,
            capacity,
        } = upstream;
        if let Some(model) = model {
            scope.check_model_name(model, Place::Value(path.key("model")));
        }
        let engine = engine.as_ref().and_then(|engine| {
            let path = path.key("engine");
            let resolved = engine::resolve(engine, machines, &path, scope);
            if resolved.is_none() {
                scope.leave_out(&Place::Key(path));
            }
            resolved
        });
        let stated = scope.only_within(*capacity, 1..=1_000_000, &path.key("capacity"));
        ir::Upstream {
            name: name.clone(),
            endpoint: endpoint(url, &path.key("url"), scope).unwrap_or(UNREADABLE),
            served_model: model.clone(),
            api_key: api_key
                .as_ref()
                .and_then(|secret| secret::resolve(secret, &path.key("api_key"), scope)),
            timeouts: timeouts::resolve(timeouts, defaults.timeouts, &path.key("timeouts"), scope),
            breaker: breaker::resolve(
                breaker.as_ref(),
                defaults.breaker.as_ref(),
                &path.key("breaker"),
                scope,
            ),
            health: health::resolve(
                health.as_ref(),
                defaults.health.as_ref(),
                &path.key("health"),
                scope,
            ),
            tls: tls
                .as_ref()
                .map(|tls| tls::of_upstream(tls, &path.key("tls"), scope)),
            stream_usage: stream_usage.unwrap_or(defaults.stream_usage),
            capacity: stated.or_else(|| engine.as_ref()?.most_sequences()),
            engine,
            path,
        }
    };
    upstreams.iter().map(resolve).collect()
}

/// Stands in for an address that could not be read: of the kind that no check objects to.
const UNREADABLE: Endpoint = Endpoint::Https(String::new());

/// Where an upstream is; `None` where that cannot be read.
pub(super) fn endpoint(url: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Endpoint> {
    let place = Place::Value(path.clone());
    if may_carry_credentials(url) {
        let message = format!("`{path}` may hold a user, a password or a token");
        let help = "write the bare address, and name where the key is read from: \
                    `api_key = { env = \"VARIABLE\" }`";
        scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
        return None;
    }
    parse(url)
        .map_err(|help| {
            let message = format!("{} is not the address of an upstream", shown(url));
            let mut diagnostic = Diagnostic::new(Code::NX0205, message, place, "").help(help);
            diagnostic.fix = fixed(url).map(|(url, safety)| Fix {
                safety,
                change: Change::Replace(path.clone(), format!("\"{url}\"")),
            });
            scope.report(diagnostic);
        })
        .ok()
}

/// An address that can be used, made of one that cannot: without `/v1`, or with a scheme.
fn fixed(url: &str) -> Option<(String, Safety)> {
    let here = url.replacen("://0.0.0.0", "://127.0.0.1", 1);
    let (fixed, safety) = match url.split_once("/v1") {
        _ if here != url => (here, Safety::Unsafe),
        Some((base, "" | "/")) => (base.to_owned(), Safety::Safe),
        Some((base, rest)) if rest.starts_with('/') => (base.to_owned(), Safety::Unsafe),
        _ if !url.contains("://") => (format!("http://{url}"), Safety::Unsafe),
        _ => return None,
    };
    parse(&fixed).is_ok().then_some((fixed, safety))
}

/// The parts of a base address that can be used, or what to write instead.
pub(crate) fn parse(url: &str) -> Result<Endpoint, String> {
    const FORM: &str =
        "write `\"http://HOST:PORT\"`, `\"https://HOST\"`, `\"mock://local\"` or `\"mock://fail\"`";
    let (scheme, rest) = url.split_once("://").ok_or(FORM)?;
    match (scheme, rest) {
        ("mock", "local") => return Ok(Endpoint::MockLocal),
        ("mock", "fail") => return Ok(Endpoint::MockFail),
        ("mock", _) => return Err("write `\"mock://local\"` or `\"mock://fail\"`".to_owned()),
        ("http" | "https", _) => {}
        _ => return Err(FORM.to_owned()),
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    if path.split('/').any(|segment| segment == "v1") {
        return Err(
            "leave out `/v1` and what follows: the gateway adds the path of each request"
                .to_owned(),
        );
    }
    if !path.is_empty() && !path.split('/').all(is_path_segment) {
        return Err("a base address has no query, no fragment, no spaces and no `..`".to_owned());
    }
    if !is_authority(authority) {
        return Err(FORM.to_owned());
    }
    if is_unspecified(authority) {
        return Err(
            "servers listen there; to ask one, write its name, or `127.0.0.1` if it is on the \
                    gateway's machine"
                .to_owned(),
        );
    }
    let slash = if path.is_empty() { "" } else { "/" };
    let address = format!("{scheme}://{authority}{slash}{path}");
    Ok(if scheme == "https" {
        Endpoint::Https(address)
    } else {
        Endpoint::Http(address)
    })
}

/// Whether it is the address of no machine: `0.0.0.0` or `[::]`.
fn is_unspecified(authority: &str) -> bool {
    let host = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'));
    let host = host
        .map_or(authority, |(host, _)| host)
        .trim_matches(['[', ']']);
    host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
}

pub(super) fn is_path_segment(segment: &str) -> bool {
    let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(clean)
}

/// `HOST` or `HOST:PORT`, with an IPv6 address in brackets.
pub(super) fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, rest)) => {
            if address.parse::<Ipv6Addr>().is_err() {
                return false;
            }
            (
                "ipv6",
                rest.strip_prefix(':').or((!rest.is_empty()).then_some("")),
            )
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    // A name that ends in a number is taken for an address of IPv4.
    let ends_in_number = host
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    let host_form = host.len() <= 253
        && host.split('.').all(is_label)
        && (!ends_in_number || host.parse::<Ipv4Addr>().is_ok());
    host_form && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        assert_eq!(
            parse("http://vllm:8000/"),
            Ok(Endpoint::Http("http://vllm:8000".to_owned()))
        );
        assert_eq!(
            parse("http://[::1]:80"),
            Ok(Endpoint::Http("http://[::1]:80".to_owned()))
        );
        let path = parse("https://example.com/openai");
        assert_eq!(
            path,
            Ok(Endpoint::Https("https://example.com/openai".to_owned()))
        );
        assert_eq!(parse("mock://fail"), Ok(Endpoint::MockFail));
    }

    #[test]
    fn refuses_what_is_no_address() {
        for url in [
            "",
            "vllm:8000",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:0",
            "http://a:99999",
            "http://a b",
            "http://a?x=1",
            "http://a/#x",
            "http://a/v1",
            "http://a/v1/chat/completions",
            "http://..-_-:80",
            "http://a/%zz/../b",
            "mock://other",
            "http://[::1",
            "http://[zz]:80",
            "http://[::1]x",
            "http://a:80:90",
            "http://256.256.256.256:1",
            "http://1.2.3:1",
            "http://0.0.0.0:8000",
            "http://[::]",
        ] {
            assert!(parse(url).is_err(), "{url} was accepted");
        }
    }
}
