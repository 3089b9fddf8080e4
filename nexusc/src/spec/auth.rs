//! `[auth]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;
use crate::spec::tls::Pem;

/// Other ways than API keys to know who asks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Tokens of an issuer.
    pub jwt: Option<Jwt>,
}

/// Tokens of an issuer, which callers present as `Authorization: Bearer`. A bearer that has the form of a
/// JSON Web Token is judged as one; any other is an API key, as is `X-API-Key`. A token must have `iss`,
/// `aud`, `sub` and `exp`; its `sub` is the `user_id` of log lines. Whatever is wrong with it is answered
/// 401; the reason is in the log, at level `debug`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// What tokens are signed with: `"HS256"`, `"RS256"` or `"ES256"`. No other algorithm is accepted,
    /// whatever a token says.
    pub algorithm: String,
    /// For `HS256`: the secret that issuer and gateway share, at least 32 characters, used as it is
    /// written.
    pub secret: Option<Secret>,
    /// For `RS256` and `ES256`: the issuer's public key in PEM form.
    pub public_key: Option<Secret>,
    /// For `RS256` and `ES256`, instead of `public_key`: where the issuer publishes its keys, which it may
    /// then change without anybody telling the gateway.
    pub jwks: Option<Jwks>,
    /// What `iss` must be, exactly.
    pub issuer: String,
    /// What `aud` must be, or hold, exactly.
    pub audience: String,
    /// How far the clocks of issuer and gateway may differ, for `exp` and `nbf`: whole seconds, at most
    /// `"5m"`. Default: `"30s"`.
    pub leeway: Option<String>,
    /// The claim that holds the models which a token allows: a list of names, or `"*"`. What is in it and
    /// no model of this spec allows nothing. Default: `"models"`.
    pub models_claim: Option<String>,
    /// The models that a token without this claim allows, by name; `["*"]` for all. Default: none.
    #[serde(default)]
    pub models: Vec<String>,
    /// The limit of how much each `sub` may ask for, by name; each has a count of its own. At most 65,536
    /// of them are counted at once, in at most 128 MiB: one is forgotten only when nothing of its limit is
    /// taken, and while there is no such one, a new one is answered 429. Default: any amount.
    pub limit: Option<String>,
    /// The turn of whoever presents a token, where requests wait in the queue of a limit: as the
    /// `priority` of a key. Default: `"normal"`.
    pub priority: Option<String>,
}

/// Where an issuer publishes its keys, as a JSON Web Key Set. The gateway fetches them when it starts, again
/// every `refresh`, and at once when a token names a key that it does not know: never more often than every
/// 3 s, and such a token waits at most 5 s before it is answered 401. Only keys for signatures of `algorithm`
/// are taken: RSA of 2048 bits or more, or P-256. While the issuer does not answer, the keys of before stay
/// in use, for 24 hours; without any, tokens are answered 503 and `Retry-After`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The address of the document, without a query: what the issuer's `/.well-known/openid-configuration`
    /// says as `jwks_uri`. The variable `NEXUS_JWKS_URL` replaces it at start. `https`, or `http` on the same
    /// machine; any other `http` earns a warning.
    pub url: String,
    /// How old the keys may become before they are fetched again, from `"10s"` to `"6h"`: for so long may a
    /// key that the issuer has withdrawn still be accepted. Default: `"10m"`.
    pub refresh: Option<String>,
    /// The authorities that may have issued the certificate of an `https` address. The file is read again when
    /// it changes. Default: those of the web.
    pub ca: Option<Pem>,
}
