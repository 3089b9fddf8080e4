//! Everything that a dataplane takes from its environment, read once before anything is bound.
//!
//! [`read`] reports all that is missing or wrong together, by name, never by value. [`variables::of`]
//! lists what it reads. Nothing here is looked at again after the start.

#[cfg(feature = "audit")]
mod audit;
mod callers;
#[cfg(feature = "certificates")]
mod certificates;
#[cfg(feature = "otlp")]
mod otlp;
mod reader;
#[cfg(feature = "redis")]
mod store;
mod upstream;
pub(crate) mod variables;
#[cfg(feature = "words")]
mod words;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use thiserror::Error;

use crate::environment::reader::Reader;
use crate::environment::variables::{LOG_LEVEL, SOCKETS};
#[cfg(feature = "jwt")]
use crate::jwt;
#[cfg(feature = "redis")]
use crate::limit::store::address;
use crate::observe::level::Level;
use crate::observe::reports;
#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
use crate::topology::{Auth, Key, Topology};
use crate::upstream::access::UpstreamAccess;
#[cfg(feature = "words")]
use crate::words::Words;

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
    let words = words::list(topology).and_then(|list| reader.words(list));
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

/// The API keys that callers may present.
pub(crate) fn keys(auth: &Auth) -> &'static [&'static Key] {
    match auth {
        Auth::Development => &[],
        Auth::ApiKeys(keys) => keys,
        #[cfg(feature = "jwt")]
        Auth::Jwt { keys, .. } => keys,
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
