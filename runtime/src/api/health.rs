//! `/health` and `/ready`: for machines that watch the gateway.

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

/// The answer to `/health`: the process lives, and of its upstreams this many answered when last
/// tried.
pub(crate) fn health(healthy: usize, total: usize) -> (StatusCode, Bytes) {
    let upstreams = Upstreams {
        healthy,
        unhealthy: total - healthy,
    };
    let status = if healthy == total { "ok" } else { "degraded" };
    let body = Health {
        status,
        upstreams,
        dependencies: Dependencies {},
    };
    let body = serde_json::to_vec(&body).expect("text and numbers can be written as JSON");
    (StatusCode::OK, body.into())
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    upstreams: Upstreams,
    dependencies: Dependencies,
}

#[derive(Serialize)]
struct Upstreams {
    healthy: usize,
    unhealthy: usize,
}

/// No spec can name one yet; those who read `/health` find the object there.
#[derive(Serialize)]
struct Dependencies {}

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
        let (status, body) = health(2, 3);
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            r#"{"status":"degraded","upstreams":{"healthy":2,"unhealthy":1},"dependencies":{}}"#
        );
        assert!(health(3, 3).1.starts_with(br#"{"status":"ok","#));
    }
}
