//! `[store]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;
use crate::spec::tls::UpstreamTls;

/// Where the replicas of a gateway count together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// A Redis. Default: none, each replica counts for itself.
    pub redis: Option<Redis>,
}

/// A Redis in which all replicas count the `requests` and the `tokens` of limits together, so that a limit
/// holds for all of them; it needs Redis 5 or later, one server and not a cluster, and only the clock of that
/// server. `concurrent` is still counted by each replica for itself. Each replica also goes by its own
/// counts, so that no replica by itself ever admits more than a limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Its URL, which may hold a password: `redis://:PASSWORD@HOST:6379/0`, or `rediss://...` where
    /// there is `tls`.
    pub url: Secret,
    /// What happens to requests with a limit while Redis is away: `"admit"` goes by the counts of each
    /// replica, so that all together may admit as many times the limit; `"refuse"` answers them 503.
    pub when_away: String,
    /// How long a request waits for Redis, from `"1ms"` to `"5s"`; then Redis counts as away, until it
    /// answers again. Default: `"50ms"`.
    pub timeout: Option<String>,
    /// How it is reached encrypted, where its URL is `rediss://`; `{}` believes the authorities of the web.
    /// Default: it is not, and its URL is `redis://`.
    pub tls: Option<UpstreamTls>,
}
