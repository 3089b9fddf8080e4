//! `/health` and `/ready`: for machines that watch the gateway.

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

/// The answer to `/health`: the process lives, of its upstreams this many answered when last tried,
/// and what else it depends on is in these states.
pub(crate) fn health(
    healthy: usize,
    total: usize,
    dependencies: &Dependencies,
) -> (StatusCode, Bytes) {
    let upstreams = Upstreams {
        healthy,
        unhealthy: total - healthy,
    };
    let is_well = healthy == total && dependencies.are_well();
    let status = if is_well { "ok" } else { "degraded" };
    let body = Health {
        status,
        upstreams,
        dependencies,
    };
    let body = serde_json::to_vec(&body).expect("text and numbers can be written as JSON");
    (StatusCode::OK, body.into())
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    upstreams: Upstreams,
    dependencies: &'a Dependencies,
}

#[derive(Serialize)]
struct Upstreams {
    healthy: usize,
    unhealthy: usize,
}

/// What a gateway depends on beside its upstreams, as far as its spec names it: `"ok"`, or how it is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Dependencies {
    /// The issuer of tokens, for its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<&'static str>,
    /// The Redis that limits are counted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redis: Option<&'static str>,
}

impl Dependencies {
    fn are_well(&self) -> bool {
        let mut states = [self.issuer, self.redis].into_iter().flatten();
        states.all(|state| state == WELL)
    }
}

/// Of a dependency: it answers.
pub(crate) const WELL: &str = "ok";

/// The answer to `/ready` of a gateway that takes requests.
pub(crate) fn ready() -> (StatusCode, Bytes) {
    (StatusCode::OK, Bytes::from_static(br#"{"status":"ready"}"#))
}

/// The answer to `/ready` of a gateway that was asked to stop.
pub(crate) fn draining() -> (StatusCode, Bytes) {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Bytes::from_static(br#"{"status":"draining"}"#),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_upstreams_that_failed() {
        let none = Dependencies::default();
        let (status, body) = health(2, 3, &none);
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            r#"{"status":"degraded","upstreams":{"healthy":2,"unhealthy":1},"dependencies":{}}"#
        );
        assert!(health(3, 3, &none).1.starts_with(br#"{"status":"ok","#));
    }

    #[test]
    fn names_a_dependency_that_is_not_well() {
        let with = |state| {
            let issuer = Some(state);
            let redis = Some(WELL);
            health(3, 3, &Dependencies { issuer, redis }).1
        };
        let body = with("stale");
        assert!(body.starts_with(br#"{"status":"degraded","#));
        assert!(body.ends_with(br#""dependencies":{"issuer":"stale","redis":"ok"}}"#));
        assert!(with(WELL).starts_with(br#"{"status":"ok","#));
    }
}
