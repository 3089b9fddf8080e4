//! `[telemetry]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Percent};
use crate::key_path::KeyPath;
use crate::redact::{may_carry_credentials, shown};
use crate::resolve::scope::Scope;
use crate::resolve::{secret, upstream};
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_SAMPLE: Percent = Percent(10_000);

/// What the gateway itself says to a collector.
const OWN_HEADERS: [&str; 5] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

pub(super) fn resolve(
    telemetry: &spec::telemetry::Telemetry,
    scope: &mut Scope<'_>,
) -> Option<ir::Otlp> {
    let spec::telemetry::Otlp {
        endpoint,
        sample,
        headers,
    } = telemetry.otlp.as_ref()?;
    let path = KeyPath::root().key("telemetry").key("otlp");
    let sample = sample
        .as_ref()
        .and_then(|sample| scope.percent(sample, &path.key("sample")));
    let at_headers = path.key("headers");
    let header = |(name, value): (&String, &spec::secret::Secret)| {
        let path = at_headers.key(name);
        check_header(name, &path, scope);
        (name.clone(), secret::resolve(value, &path, scope))
    };
    let headers = headers.iter().map(header).collect();
    Some(ir::Otlp {
        endpoint: address(endpoint, &path.key("endpoint"), scope),
        sample: sample.unwrap_or(DEFAULT_SAMPLE),
        headers,
        path,
    })
}

fn address(url: &str, at: &KeyPath, scope: &mut Scope<'_>) -> Option<Endpoint> {
    let place = Place::Value(at.clone());
    if may_carry_credentials(url) {
        let message = format!("`{at}` may hold a user, a password or a token");
        let help = "write the bare address, and name where the credentials are read from: \
                    `headers = { authorization = { env = \"VARIABLE\" } }`";
        scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
        return None;
    }
    match upstream::parse(url) {
        Ok(address @ (Endpoint::Http(_) | Endpoint::Https(_))) => {
            if speaks_grpc(url) {
                let message = "spans are sent to the port of a collector that speaks gRPC";
                let help = "write its port for HTTP, mostly 4318: `\"http://collector:4318\"`";
                let label = "4317 is OTLP over gRPC";
                scope.report(Diagnostic::new(Code::NX0557, message, place, label).help(help));
            }
            Some(address)
        }
        _ => {
            let message = format!("{} is not the address of a collector", shown(url));
            let help = "write the base address of its OTLP receiver for HTTP, without `/v1/traces`: \
                        `\"http://collector:4318\"`";
            scope.report(Diagnostic::new(Code::NX0555, message, place, "").help(help));
            None
        }
    }
}

/// Whether an address has the port at which collectors speak gRPC unless they are told otherwise.
fn speaks_grpc(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    authority.ends_with(":4317")
}

fn check_header(name: &str, at: &KeyPath, scope: &mut Scope<'_>) {
    let clean = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    let help = if name.is_empty() || !name.bytes().all(clean) {
        "write the name in lower case: letters, digits, hyphens"
    } else if OWN_HEADERS.contains(&name) {
        "remove it: the gateway sets this one itself"
    } else {
        return;
    };
    let message = format!("{} is not a header for a collector", shown(name));
    let place = Place::Key(at.clone());
    scope.report(Diagnostic::new(Code::NX0556, message, place, "").help(help));
}
