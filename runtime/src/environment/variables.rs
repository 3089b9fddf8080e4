//! The variables that a topology reads: their names, and what each is for.

use crate::environment::keys;
#[cfg(feature = "words")]
use crate::environment::words;
#[cfg(feature = "jwt")]
use crate::topology::{Auth, TokenKeys};
use crate::topology::{Endpoint, Secret, Topology};

pub(super) const LISTEN: &str = "NEXUS_LISTEN";
/// Taken by `server::listener`; nothing but a number of sockets is let through to it.
pub(super) const SOCKETS: &str = "LISTEN_FDS";
pub(super) const WORKERS: &str = "NEXUS_WORKERS";
pub(super) const LOG_LEVEL: &str = "NEXUS_LOG_LEVEL";
#[cfg(feature = "otlp")]
pub(super) const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
#[cfg(feature = "audit")]
pub(super) const AUDIT_FILE: &str = "NEXUS_AUDIT_FILE";

#[cfg(feature = "words")]
pub(super) const FORBIDDEN_WORDS: &str = "the words that no request may hold, one a line";

#[cfg(feature = "redis")]
pub(super) const COUNTS_LIMITS: &str = "the URL of the Redis that limits are counted in";

#[cfg(feature = "jwt")]
pub(super) const VERIFIES_TOKENS: &str = "the key that tokens are verified with";

#[cfg(feature = "audit")]
pub(super) const SALTS_CALLERS: &str = "the salt of callers in the audit log";

/// The variables that `topology` reads, with what each is for, in the order of the topology.
pub(crate) fn of(topology: &Topology) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        (
            LISTEN,
            format!(
                "address to listen on instead of {}",
                topology.gateway.listen
            ),
        ),
        (
            SOCKETS,
            "number of listening sockets that systemd hands over; NEXUS_LISTEN is not used then"
                .to_owned(),
        ),
        (
            WORKERS,
            "number of threads that serve; default: one for each core".to_owned(),
        ),
        (LOG_LEVEL, "error, warn, info (default) or debug".to_owned()),
    ];
    for upstream in topology.upstreams {
        let name = upstream.settings.name;
        #[cfg_attr(not(feature = "mock"), expect(irrefutable_let_patterns))]
        if let Endpoint::Http { url, variable } = upstream.settings.endpoint {
            variables.push((
                variable,
                format!("address of upstream `{name}` instead of {url}"),
            ));
        }
        if let Some(Secret::Env(variable)) = upstream.settings.api_key {
            variables.push((
                variable,
                format!("secret: the API key for upstream `{name}`"),
            ));
        }
    }
    for key in keys(&topology.auth) {
        if let Secret::Env(variable) = key.settings.secret {
            variables.push((variable, format!("secret of key `{}`", key.settings.name)));
        }
    }
    #[cfg(feature = "audit")]
    if let Some(audit) = &topology.audit {
        let file = audit.file.unwrap_or("standard output");
        variables.push((
            AUDIT_FILE,
            format!("file of the audit log instead of {file}"),
        ));
        if let Secret::Env(variable) = audit.salt {
            variables.push((variable, format!("secret: {SALTS_CALLERS}")));
        }
    }
    #[cfg(feature = "otlp")]
    if let Some(otlp) = &topology.otlp {
        let purpose = format!("address of the collector instead of {}", otlp.endpoint);
        variables.push((COLLECTOR, purpose));
        for (name, place) in otlp.headers {
            if let Secret::Env(variable) = place {
                let purpose = format!("secret: the header `{name}` for the collector");
                variables.push((variable, purpose));
            }
        }
    }
    #[cfg(feature = "jwt")]
    if let Auth::Jwt { jwt, .. } = &topology.auth {
        match &jwt.keys {
            TokenKeys::Fixed(Secret::Env(variable)) => {
                variables.push((variable, VERIFIES_TOKENS.to_owned()));
            }
            TokenKeys::Fixed(Secret::File(_)) => {}
            #[cfg(feature = "jwks")]
            TokenKeys::Published(jwks) => {
                let purpose = format!("address of the keys of tokens instead of {}", jwks.url);
                variables.push((jwks.variable, purpose));
            }
        }
    }
    #[cfg(feature = "words")]
    if let Some(Secret::Env(variable)) = words::list(topology) {
        variables.push((variable, FORBIDDEN_WORDS.to_owned()));
    }
    #[cfg(feature = "redis")]
    if let Some(store) = &topology.store
        && let Secret::Env(variable) = store.url
    {
        variables.push((variable, COUNTS_LIMITS.to_owned()));
    }
    variables
}
