//! Everything that a dataplane takes from its environment, read once before anything is bound.
//!
//! [`read`] reports all that is missing or wrong together, by name, never by value. [`variables`]
//! lists what it reads. Nothing here is looked at again after the start.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
#[cfg(feature = "audit")]
use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

#[cfg(feature = "otlp")]
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use thiserror::Error;

use crate::address::Address;
#[cfg(feature = "jwks")]
use crate::jwt::jwks::{source::Source, store::Store};
#[cfg(feature = "jwt")]
use crate::jwt::{self, key};
#[cfg(feature = "redis")]
use crate::limit::store::address;
#[cfg(feature = "audit")]
use crate::observe::audit::{
    self,
    output::{Output, Rotated},
};
use crate::observe::level::Level;
#[cfg(feature = "otlp")]
use crate::observe::otlp;
use crate::observe::reports;
use crate::secret;
#[cfg(feature = "certificates")]
use crate::tls::{
    self,
    credential::Credential,
    material::{Fault, Sources},
};
#[cfg(feature = "audit")]
use crate::topology::Audit;
#[cfg(feature = "certificates")]
use crate::topology::Gateway;
#[cfg(feature = "jwks")]
use crate::topology::Jwks;
#[cfg(feature = "otlp")]
use crate::topology::Otlp;
#[cfg(feature = "redis")]
use crate::topology::Store as StoreSettings;
use crate::topology::{Auth, Endpoint, Key, Secret, Topology, UpstreamSettings};
#[cfg(feature = "jwt")]
use crate::topology::{Jwt, TokenKeys};
use crate::upstream::access::UpstreamAccess;
#[cfg(feature = "words")]
use crate::words::Words;

const LISTEN: &str = "NEXUS_LISTEN";
/// Taken by `server::listener`; nothing but a number of sockets is let through to it.
const SOCKETS: &str = "LISTEN_FDS";
const WORKERS: &str = "NEXUS_WORKERS";
const LOG_LEVEL: &str = "NEXUS_LOG_LEVEL";
#[cfg(feature = "otlp")]
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
#[cfg(feature = "audit")]
const AUDIT_FILE: &str = "NEXUS_AUDIT_FILE";
/// What that says where records go with the log: in a container, whose files end with it.
#[cfg(feature = "audit")]
const STANDARD_OUTPUT: &str = "-";

/// The most workers that can be asked for: far beyond the cores of any machine.
const MAX_WORKERS: usize = 1024;

/// What was read, complete and valid.
pub(crate) struct Settings {
    /// What concerns the process as a whole.
    pub(crate) process: Process,
    /// For each upstream, in the topology's order.
    pub(crate) upstreams: Vec<UpstreamAccess>,
    /// What callers are known by.
    pub(crate) credentials: Credentials,
    /// The words that no request may hold.
    #[cfg(feature = "words")]
    pub(crate) words: Option<Words>,
    /// Where the store is, if there is one.
    #[cfg(feature = "redis")]
    pub(crate) store: Option<address::Address>,
    /// How clients reach the gateway encrypted.
    #[cfg(feature = "certificates")]
    pub(crate) tls: Option<Credential<rustls::ServerConfig>>,
    /// What requests are reported with.
    pub(crate) reports: reports::Settings,
}

/// What callers are known by.
pub(crate) struct Credentials {
    /// For each API key, in the topology's order: its secret, to be hashed and dropped.
    pub(crate) keys: Vec<String>,
    /// What tokens are verified with.
    #[cfg(feature = "jwt")]
    pub(crate) jwt: Option<jwt::Keys>,
}

/// What concerns the process as a whole.
#[derive(Clone)]
pub(crate) struct Process {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// How many workers serve.
    pub(crate) workers: NonZeroUsize,
    /// The least level that is logged.
    pub(crate) level: Level,
}

/// One thing that is missing or wrong: `NAME: what`.
#[derive(Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
#[error("{place}: {what}")]
pub(crate) struct Problem {
    place: String,
    what: String,
}

/// The variables of this process. All are taken at once, because the system finds one by looking at all.
pub(crate) fn of_process() -> impl Fn(&str) -> Option<OsString> {
    let variables: HashMap<OsString, OsString> = std::env::vars_os().collect();
    move |name| variables.get(OsStr::new(name)).cloned()
}

/// Reads everything that `topology` needs from `variable`, or says all that is missing, sorted by
/// name.
pub(crate) fn read(
    topology: &'static Topology,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Settings, Vec<Problem>> {
    let mut reader = Reader {
        variable,
        problems: Vec::new(),
    };
    let listen = reader.listen(topology.gateway.listen);
    let _: Option<u16> = reader.parsed(SOCKETS, "a number of sockets");
    let workers = reader.workers();
    let level = reader.parsed(LOG_LEVEL, "one of error, warn, info, debug");
    let upstreams = topology
        .upstreams
        .iter()
        .map(|upstream| reader.upstream(&upstream.settings))
        .collect();
    let named = keys(&topology.auth)
        .iter()
        .map(|key| (key.settings.name, key.settings.secret));
    let credentials = Credentials {
        keys: reader.keys(named),
        #[cfg(feature = "jwt")]
        jwt: match &topology.auth {
            Auth::Jwt { jwt, .. } => reader.jwt(jwt),
            _ => None,
        },
    };
    #[cfg(feature = "words")]
    let words = words_list(topology).and_then(|list| reader.words(list));
    #[cfg(feature = "redis")]
    let store = topology
        .store
        .as_ref()
        .and_then(|store| reader.store(store));
    #[cfg(feature = "certificates")]
    let tls = reader.listener(&topology.gateway);
    let reports = reports::Settings {
        #[cfg(feature = "audit")]
        audit: topology
            .audit
            .as_ref()
            .and_then(|audit| reader.audit(audit, keys(&topology.auth))),
        #[cfg(feature = "otlp")]
        otlp: topology.otlp.as_ref().and_then(|otlp| reader.otlp(otlp)),
    };
    let mut problems = reader.problems;
    problems.sort();
    problems.dedup();
    match (listen, workers) {
        (Some(listen), Some(workers)) if problems.is_empty() => {
            let level = level.unwrap_or(Level::Info);
            Ok(Settings {
                process: Process {
                    listen,
                    workers,
                    level,
                },
                upstreams,
                credentials,
                #[cfg(feature = "words")]
                words,
                #[cfg(feature = "redis")]
                store,
                #[cfg(feature = "certificates")]
                tls,
                reports,
            })
        }
        _ => Err(problems),
    }
}

/// Where the gateway of this environment listens, or what is wrong with that.
pub(crate) fn listen(
    topology: &Topology,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<SocketAddr, Problem> {
    let mut reader = Reader {
        variable,
        problems: Vec::new(),
    };
    let listen = reader.listen(topology.gateway.listen);
    listen.ok_or_else(|| {
        let mut problems = reader.problems.into_iter();
        problems.next().expect("what cannot be read is a problem")
    })
}

/// The variables that `topology` reads, with what each is for, in the order of the topology.
pub(crate) fn variables(topology: &Topology) -> Vec<(&'static str, String)> {
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
    if let Some(Secret::Env(variable)) = words_list(topology) {
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

#[cfg(feature = "words")]
const FORBIDDEN_WORDS: &str = "the words that no request may hold, one a line";

/// Where the words are listed that no request may hold.
#[cfg(feature = "words")]
fn words_list(topology: &Topology) -> Option<Secret> {
    let input = topology.gateway.input.as_ref()?;
    input.forbidden_words.as_ref().map(|words| words.list)
}

#[cfg(feature = "redis")]
const COUNTS_LIMITS: &str = "the URL of the Redis that limits are counted in";

#[cfg(feature = "jwt")]
const VERIFIES_TOKENS: &str = "the key that tokens are verified with";

#[cfg(feature = "audit")]
const SALTS_CALLERS: &str = "the salt of callers in the audit log";

/// What a salt must have at least, in bytes, so that nobody tries all.
#[cfg(feature = "audit")]
const SHORTEST_SALT: usize = 16;

/// The API keys that callers may present.
pub(crate) fn keys(auth: &Auth) -> &'static [&'static Key] {
    match auth {
        Auth::Development => &[],
        Auth::ApiKeys(keys) => keys,
        #[cfg(feature = "jwt")]
        Auth::Jwt { keys, .. } => keys,
    }
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn listen(&mut self, default: &'static str) -> Option<SocketAddr> {
        let written = self.optional(LISTEN);
        let resolved = written.as_deref().unwrap_or(default).to_socket_addrs();
        match resolved.ok().and_then(|mut addresses| addresses.next()) {
            Some(address) => Some(address),
            None => self.problem(LISTEN, "is not an address `host:port` of this machine"),
        }
    }

    fn workers(&mut self) -> Option<NonZeroUsize> {
        match self.parsed(WORKERS, "a number from 1 to 1024") {
            None => Some(available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            Some(workers) if NonZeroUsize::get(workers) <= MAX_WORKERS => Some(workers),
            Some(_) => self.problem(WORKERS, "is not a number from 1 to 1024"),
        }
    }

    fn upstream(&mut self, upstream: &'static UpstreamSettings) -> UpstreamAccess {
        let address = match &upstream.endpoint {
            Endpoint::Http { url, variable } => {
                let written = self.optional(variable);
                match Address::parse(written.as_deref().unwrap_or(url)) {
                    Ok(address) => Some(address),
                    Err(error) => self.problem(variable, error),
                }
            }
            #[cfg(feature = "mock")]
            Endpoint::Mock(_) => None,
        };
        let authorization = upstream
            .api_key
            .and_then(|secret| self.secret(secret, "the gateway's API key for an upstream"))
            .and_then(|key| HeaderValue::try_from(format!("Bearer {key}")).ok())
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        UpstreamAccess {
            #[cfg(feature = "certificates")]
            tls: self.encryption(upstream, address.as_ref()),
            address,
            authorization,
        }
    }

    /// What `[upstreams.NAME.tls]` asks for.
    #[cfg(feature = "certificates")]
    fn encryption(
        &mut self,
        upstream: &UpstreamSettings,
        address: Option<&Address>,
    ) -> Option<Credential<rustls::ClientConfig>> {
        let tls = upstream.tls?;
        if let (Some(address), Endpoint::Http { variable, .. }) = (address, &upstream.endpoint)
            && !address.tls()
        {
            let name = upstream.name;
            let what = format!("must begin with `https://`, as `[upstreams.{name}.tls]` is set");
            self.problem::<()>(variable, what);
        }
        let sources = Sources {
            identity: tls.identity,
            authority: tls.ca,
        };
        let read = Credential::read(sources, tls::upstream::of_its_own);
        self.certificates(read, "TLS to an upstream")
    }

    /// What `[gateway.tls]` asks for.
    #[cfg(feature = "certificates")]
    fn listener(&mut self, gateway: &Gateway) -> Option<Credential<rustls::ServerConfig>> {
        let (sources, http2) = (tls::listener::sources(gateway.tls.as_ref()?), gateway.http2);
        let read = Credential::read(sources, move |material| {
            tls::listener::configuration(material, http2)
        });
        self.certificates(read, "TLS for clients")
    }

    #[cfg(feature = "certificates")]
    fn certificates<T>(
        &mut self,
        read: Result<Credential<T>, Vec<Fault>>,
        purpose: &str,
    ) -> Option<Credential<T>> {
        match read {
            Ok(credential) => Some(credential),
            Err(faults) => {
                for Fault { file, wrong } in faults {
                    self.problem::<()>(file, format!("{wrong} ({purpose})"));
                }
                None
            }
        }
    }

    fn keys(&mut self, keys: impl Iterator<Item = (&'static str, Secret)>) -> Vec<String> {
        let mut owners = HashMap::new();
        let mut values = Vec::new();
        for (name, place) in keys {
            let Some(value) = self.secret(place, &format!("the secret of key `{name}`")) else {
                continue;
            };
            if let Some(other) = owners.insert(value.clone(), name) {
                let what = format!("keys `{other}` and `{name}` have the same secret");
                self.problem::<()>(secret::place(place), what);
            }
            values.push(value);
        }
        values
    }

    #[cfg(feature = "jwt")]
    fn jwt(&mut self, jwt: &Jwt) -> Option<jwt::Keys> {
        let written = match &jwt.keys {
            TokenKeys::Fixed(written) => *written,
            #[cfg(feature = "jwks")]
            TokenKeys::Published(jwks) => {
                let source = self.issuer(jwks)?;
                let store = Store::new(source, jwt.algorithm, jwks.refresh);
                return Some(jwt::Keys::Published(Box::new(store)));
            }
        };
        let place = secret::place(written);
        // A public key has several lines.
        let text = match secret::text(written, self.variable) {
            Ok(text) => text,
            Err(error) => return self.problem(place, format!("{error} ({VERIFIES_TOKENS})")),
        };
        match key::parse(jwt.algorithm, &text) {
            Ok(key) => Some(jwt::Keys::Fixed(key)),
            Err(error) => self.problem(place, format!("{error} ({VERIFIES_TOKENS})")),
        }
    }

    #[cfg(feature = "jwks")]
    fn issuer(&mut self, jwks: &Jwks) -> Option<Source> {
        let replaced = self.optional(jwks.variable);
        let url = replaced.as_deref().unwrap_or(jwks.url);
        #[cfg(feature = "certificates")]
        if jwks.ca.is_some() {
            let sources = Sources {
                identity: None,
                authority: jwks.ca,
            };
            let read = Credential::read(sources, tls::upstream::of_its_own);
            let credential = self.certificates(read, "TLS to the issuer of tokens")?;
            return match Source::believing(credential, url) {
                Ok(source) => Some(source),
                Err(error) => self.problem(jwks.variable, error),
            };
        }
        match Source::at(url) {
            Ok(source) => Some(source),
            Err(error) => self.problem(jwks.variable, error),
        }
    }

    #[cfg(feature = "words")]
    fn words(&mut self, list: Secret) -> Option<Words> {
        let place = secret::place(list);
        let text = match secret::text(list, self.variable) {
            Ok(text) => text,
            Err(error) => return self.problem(place, format!("{error} ({FORBIDDEN_WORDS})")),
        };
        match Words::parse(&text) {
            Ok(words) => Some(words),
            Err(error) => self.problem(place, format!("{error} ({FORBIDDEN_WORDS})")),
        }
    }

    #[cfg(feature = "redis")]
    fn store(&mut self, store: &StoreSettings) -> Option<address::Address> {
        let text = self.secret(store.url, COUNTS_LIMITS);
        #[cfg(feature = "certificates")]
        let credential = match store.tls {
            None => None,
            Some(tls) => {
                let sources = Sources {
                    identity: tls.identity,
                    authority: tls.ca,
                };
                let read = Credential::read(sources, tls::upstream::of_the_store);
                Some((self.certificates(read, "TLS to Redis")?, tls.server_name))
            }
        };
        let address = address::Address::parse(&text?);
        #[cfg(feature = "certificates")]
        let address = match credential {
            None => address.and_then(address::Address::plain),
            Some((credential, name)) => {
                address.and_then(|address| address.encrypted(credential, name))
            }
        };
        #[cfg(not(feature = "certificates"))]
        let address = address.and_then(address::Address::plain);
        match address {
            Ok(address) => Some(address),
            Err(error) => {
                let what = format!("{error} ({COUNTS_LIMITS})");
                self.problem(secret::place(store.url), what)
            }
        }
    }

    #[cfg(feature = "audit")]
    fn audit(
        &mut self,
        settings: &'static Audit,
        keys: &'static [&'static Key],
    ) -> Option<audit::Settings> {
        let salt = self.secret(settings.salt, SALTS_CALLERS).and_then(|salt| {
            if salt.len() >= SHORTEST_SALT {
                return Some(salt);
            }
            let what = format!("has fewer than {SHORTEST_SALT} characters ({SALTS_CALLERS})");
            self.problem(secret::place(settings.salt), what)
        });
        // Opened also by a check, which is how a folder that cannot be written is found.
        let replaced = self.optional(AUDIT_FILE);
        let output = match replaced.as_deref().or(settings.file) {
            None | Some(STANDARD_OUTPUT) => Output::Standard(std::io::stdout()),
            Some(path) => match Rotated::open(path.as_ref()) {
                Ok(file) => Output::File(file),
                Err(error) => {
                    let reason = match error.kind() {
                        ErrorKind::NotFound => "its folder does not exist".to_owned(),
                        other => other.to_string(),
                    };
                    let what = format!("cannot be written: {reason} (the audit log)");
                    return self.problem(path, what);
                }
            },
        };
        Some(audit::Settings {
            salt: salt?,
            keys,
            output,
        })
    }

    #[cfg(feature = "otlp")]
    fn otlp(&mut self, settings: &Otlp) -> Option<otlp::Settings> {
        let replaced = self.optional(COLLECTOR);
        let address = match Address::parse(replaced.as_deref().unwrap_or(settings.endpoint)) {
            Ok(address) => Some(address),
            Err(error) => self.problem(COLLECTOR, error),
        };
        let mut headers = Vec::new();
        for (name, place) in settings.headers {
            let purpose = format!("the header `{name}` for the collector");
            let text = match secret::text(*place, self.variable) {
                Ok(text) => text,
                Err(error) => {
                    self.problem::<()>(secret::place(*place), format!("{error} ({purpose})"));
                    continue;
                }
            };
            match HeaderValue::try_from(text) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    headers.push((HeaderName::from_static(name), value));
                }
                Err(_) => {
                    let what = format!("{} ({purpose})", secret::Unreadable::NotText);
                    self.problem::<()>(secret::place(*place), what);
                }
            }
        }
        Some(otlp::Settings {
            address: address?,
            headers,
        })
    }

    fn secret(&mut self, place: Secret, purpose: &str) -> Option<String> {
        match secret::read(place, self.variable) {
            Ok(value) => Some(value),
            Err(error) => self.problem(secret::place(place), format!("{error} ({purpose})")),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let value = self.optional(name)?;
        match value.parse() {
            Ok(value) => Some(value),
            Err(_) => self.problem(name, format!("is not {expected}")),
        }
    }

    /// A variable with a default. An empty one counts as absent, as compose files pass on absent
    /// ones.
    fn optional(&mut self, name: &str) -> Option<String> {
        let value = (self.variable)(name).filter(|value| !value.is_empty())?;
        match value.into_string() {
            Ok(value) => Some(value),
            Err(_) => self.problem(name, "is not UTF-8"),
        }
    }

    fn problem<T>(&mut self, place: &str, what: impl Display) -> Option<T> {
        self.problems.push(Problem {
            place: place.to_owned(),
            what: what.to_string(),
        });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::CHAT;

    fn read_with(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        read(&CHAT, &|name| variables.get(name).map(OsString::from))
            .map_err(|problems| problems.iter().map(Problem::to_string).collect())
    }

    fn problems_with(variables: &[(&str, &str)]) -> Vec<String> {
        match read_with(variables) {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        }
    }

    const COMPLETE: [(&str, &str); 3] = [
        ("KEY_BATCH", "batch-secret"),
        ("KEY_WEB", "web-secret"),
        ("CLOUD_API_KEY", "cloud-secret"),
    ];

    #[test]
    fn lists_everything_missing_at_once() {
        assert_eq!(
            problems_with(&[]),
            [
                "CLOUD_API_KEY: not set (the gateway's API key for an upstream)",
                "KEY_BATCH: not set (the secret of key `batch`)",
                "KEY_WEB: not set (the secret of key `web`)",
            ]
        );
    }

    #[test]
    fn two_keys_with_one_secret_are_both_named() {
        let [batch, _, cloud] = COMPLETE;
        assert_eq!(
            problems_with(&[batch, ("KEY_WEB", "batch-secret"), cloud]),
            ["KEY_WEB: keys `batch` and `web` have the same secret"]
        );
    }

    #[test]
    fn variables_replace_the_tables() {
        let [batch, web, cloud] = COMPLETE;
        let overrides = [
            batch,
            web,
            cloud,
            ("NEXUS_LISTEN", "127.0.0.1:0"),
            ("NEXUS_WORKERS", "3"),
            ("NEXUS_LOG_LEVEL", "warn"),
            ("UPSTREAM_CLOUD_URL", "http://127.0.0.1:9/base"),
        ];
        let settings = read_with(&overrides).unwrap();
        assert_eq!(settings.process.listen.to_string(), "127.0.0.1:0");
        assert_eq!(settings.process.workers.get(), 3);
        assert_eq!(settings.process.level, Level::Warn);
        assert_eq!(settings.upstreams[0].address.as_ref().unwrap().port(), 9);
        assert!(
            settings.upstreams[0]
                .authorization
                .as_ref()
                .unwrap()
                .is_sensitive()
        );
    }

    #[test]
    fn wrong_values_are_named_but_never_shown() {
        let [batch, web, cloud] = COMPLETE;
        let wrong = [
            batch,
            web,
            cloud,
            ("NEXUS_LISTEN", "not-an-address"),
            ("NEXUS_WORKERS", "0"),
            ("NEXUS_LOG_LEVEL", "loud"),
            ("UPSTREAM_CLOUD_URL", "ftp://secret.internal"),
        ];
        let problems = problems_with(&wrong);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(!problems.concat().contains("secret.internal"));
    }

    #[test]
    fn an_empty_variable_leaves_the_default() {
        let [batch, web, cloud] = COMPLETE;
        let settings = read_with(&[batch, web, cloud, ("NEXUS_LOG_LEVEL", "")]).unwrap();
        assert_eq!(settings.process.level, Level::Info);
    }
}
