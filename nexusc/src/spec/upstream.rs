//! `[upstreams.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::breaker::Breaker;
use crate::spec::engine::Engine;
use crate::spec::health::Health;
use crate::spec::secret::Secret;
use crate::spec::timeouts::Timeouts;
use crate::spec::tls::UpstreamTls;

/// A server that produces responses, for one model that it serves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its base address without `/v1`: `"http://vllm:8000"`, `"https://api.example.com"`, or
    /// `"mock://local"` (answers by itself) and `"mock://fail"` (always fails). For `http` and `https` the
    /// variable `UPSTREAM_<NAME>_URL` replaces it at start.
    pub url: String,
    /// The model name that this server knows. Default: the name that the client sent.
    pub model: Option<String>,
    /// The API key that the gateway presents to this server.
    pub api_key: Option<Secret>,
    /// How long this server may take; what is left out comes from `[timeouts]`.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// When this server is left alone; what is left out comes from `[breaker]`.
    pub breaker: Option<Breaker>,
    /// How this server is checked while no client waits; what is left out comes from `[health]`.
    pub health: Option<Health>,
    /// Whom to believe and what to present, for an address that begins with `https://`. Default: a certificate of
    /// the web's authorities is believed, and nothing presented.
    pub tls: Option<UpstreamTls>,
    /// Asks this server for the usage of a stream whose client does not. `false` for servers that refuse
    /// `stream_options`, such as vLLM before 0.4.3. Default: as `usage` in `[gateway.stream]`.
    pub stream_usage: Option<bool>,
    /// What serves it on which GPUs, for the GPU plan. Default: that is not planned.
    pub engine: Option<Engine>,
    /// The most requests that this server works on at once (`--max-num-seqs` of vLLM); more wait in its own queue,
    /// where no priority counts. The compiler compares it with limits, shares and fallback models; nothing of it
    /// is enforced on requests. Default: what its planned engine has, such as `max_num_seqs`, else unknown.
    pub capacity: Option<u64>,
}
