//! `[gateway]`

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::{cors, idempotency, input, stream, tls};
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_MAX_BODY: u64 = 8 << 20;
const DEFAULT_MAX_CONNECTIONS: u64 = 10_000;
const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
const DEFAULT_MAX_ATTEMPTS: u64 = 8;

pub(super) fn resolve(gateway: &spec::gateway::Gateway, scope: &mut Scope<'_>) -> ir::Gateway {
    let at = |field: &str| KeyPath::root().key("gateway").key(field);
    let spec::gateway::Gateway {
        listen,
        default_model,
        development,
        max_body,
        max_connections,
        read_timeout,
        write_timeout,
        shutdown_grace,
        max_attempts,
        cors,
        input,
        idempotency,
        tls,
        http2,
        stream,
    } = gateway;
    ir::Gateway {
        listen: listen
            .as_ref()
            .map_or(DEFAULT_LISTEN, |text| address(text, &at("listen"), scope)),
        default_model: default_model
            .as_ref()
            .and_then(|name| scope.model(name, Place::Value(at("default_model")))),
        development: development.unwrap_or(false),
        max_body: scope.size(
            max_body.as_ref(),
            DEFAULT_MAX_BODY,
            1 << 10..=1 << 30,
            &at("max_body"),
        ),
        max_connections: scope.within(
            max_connections.unwrap_or(DEFAULT_MAX_CONNECTIONS),
            1..=1_000_000,
            &at("max_connections"),
        ),
        read_timeout: scope.duration(
            read_timeout.as_ref(),
            DEFAULT_READ_TIMEOUT,
            &at("read_timeout"),
        ),
        write_timeout: scope.duration(
            write_timeout.as_ref(),
            DEFAULT_WRITE_TIMEOUT,
            &at("write_timeout"),
        ),
        shutdown_grace: scope.duration(
            shutdown_grace.as_ref(),
            DEFAULT_SHUTDOWN_GRACE,
            &at("shutdown_grace"),
        ),
        max_attempts: scope.within(
            max_attempts.unwrap_or(DEFAULT_MAX_ATTEMPTS),
            1..=100,
            &at("max_attempts"),
        ),
        cors: cors
            .as_ref()
            .map(|cors| cors::resolve(cors, &at("cors"), scope)),
        input: input
            .as_ref()
            .map(|input| input::resolve(input, &at("input"), scope)),
        idempotency: idempotency
            .as_ref()
            .map(|idempotency| idempotency::resolve(idempotency, &at("idempotency"), scope)),
        tls: tls
            .as_ref()
            .and_then(|tls| tls::of_gateway(tls, &at("tls"), scope)),
        http2: http2.unwrap_or(true),
        stream: stream
            .as_ref()
            .map(|stream| stream::resolve(stream, &at("stream"), scope)),
    }
}

fn address(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> SocketAddr {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => return address,
        _ => {}
    }
    let is_good = |text: &String| {
        text.parse::<SocketAddr>()
            .is_ok_and(|address| address.port() != 0)
    };
    let mended = text.trim().rsplit_once(':').map(|(host, port)| match host {
        "" | "*" => format!("0.0.0.0:{port}"),
        "localhost" => format!("127.0.0.1:{port}"),
        _ if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    });
    let help = match mended.filter(is_good) {
        Some(mended) => format!("write `\"{mended}\"`"),
        None => "write an IP address and a port from 1 to 65535: `\"127.0.0.1:8080\"`, or \
                 `\"0.0.0.0:8080\"` for every address of the machine"
            .to_owned(),
    };
    let message = format!("{} is not a listen address", shown(text));
    scope.report(Diagnostic::new(Code::NX0204, message, Place::Value(path.clone()), "").help(help));
    DEFAULT_LISTEN
}
