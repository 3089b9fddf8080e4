//! `[telemetry]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;

/// What is told to other systems about requests while they happen.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Spans for an OpenTelemetry collector. Default: none.
    pub otlp: Option<Otlp>,
}

/// Spans for an OpenTelemetry collector: one for each recorded request, one for each attempt at an upstream, with
/// the semantic conventions for HTTP and generative AI; as OTLP over HTTP, in JSON. The attempt's span is the
/// parent of what the upstream records (`traceparent`). A collector that is slow or away costs spans, never time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// The base address of the collector, without `/v1/traces`: `"http://collector:4318"`. The variable
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` replaces it at start.
    pub endpoint: String,
    /// The part of requests that is recorded where the client says nothing about it, such as `"10%"`; a client's
    /// `traceparent` decides about its own. Default: `"100%"`.
    pub sample: Option<String>,
    /// Headers that the collector asks for, by name, with where their values are read from:
    /// `{ authorization = { env = "OTLP_AUTHORIZATION" } }`. Default: none.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
}
