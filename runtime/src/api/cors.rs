//! Which web pages may use the gateway from a browser: cross-origin resource sharing, as the Fetch
//! standard has it.
//!
//! Browsers enforce it, and they alone: a page of another origin is not refused here, it only is not
//! told that it may read the answer.

use hyper::Method;

use crate::endpoint::Endpoint;
use crate::message::Head;
use crate::message::headers::Headers;
use crate::message::name::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use crate::topology::Cors;

/// What a page may read of a response beside its body.
const EXPOSED: &str = "x-request-id, x-trace-id, x-fallback-model, idempotent-replayed, retry-after, x-should-retry, \
     x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, \
     x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens";

/// Seconds for which a browser need not ask again: the most that Chromium takes.
const MAX_AGE: &str = "7200";

/// What the response to one request says about who may read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharing {
    /// The origin that may, if the request comes from one that is listed.
    origin: Option<&'static str>,
}

impl Sharing {
    /// For a request with these headers; `None` where there is nothing to say.
    pub(crate) fn of(
        cors: Option<&'static Cors>,
        endpoint: Endpoint,
        headers: &Headers,
    ) -> Option<Self> {
        let cors = cors.filter(|_| endpoint.is_for_pages())?;
        Some(Self {
            origin: listed(cors, headers),
        })
    }

    /// Puts it on a response, in place of what an upstream says.
    pub(crate) fn mark(self, headers: &mut Headers) {
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        headers.append(VARY, "Origin");
        if let Some(origin) = self.origin {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}

/// What a browser is told that asks, before a request, whether a listed page may send it; `None` where
/// `head` is no such question. It holds no key, so neither does the answer depend on one.
pub(crate) fn preflight(
    cors: Option<&Cors>,
    endpoint: Endpoint,
    allowed: &'static str,
    head: &Head,
) -> Option<Headers> {
    let cors = cors.filter(|_| head.method == Method::OPTIONS && endpoint.is_for_pages())?;
    head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    listed(cors, &head.headers)?;
    let mut answer = Headers::default();
    answer.append(ACCESS_CONTROL_ALLOW_METHODS, allowed);
    answer.append(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    // Whatever the page asks for: SDKs send many of their own, and `*` would leave out the key.
    if let Some(wanted) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.append(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    Some(answer)
}

fn listed(cors: &Cors, headers: &Headers) -> Option<&'static str> {
    let origin = headers.get(ORIGIN)?;
    let mut origins = cors.origins.iter().copied();
    origins.find(|listed| listed.as_bytes() == origin)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::endpoint::Operation;

    static CORS: Cors = Cors {
        origins: &["http://localhost:3000", "https://chat.example.com"],
    };

    const CHAT: Endpoint = Endpoint::Inference(Operation::Chat);

    fn head(method: &str, headers: &[(&str, &str)]) -> Head {
        let request = headers.iter().fold(
            Request::builder().method(method),
            |request, (name, value)| request.header(*name, *value),
        );
        request.body(()).unwrap().into_parts().0.into()
    }

    fn marked(origin: &str, endpoint: Endpoint) -> Headers {
        let head = head("POST", &[("origin", origin)]);
        let mut headers =
            Headers::from_iter([(VARY, "Accept"), (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true")]);
        if let Some(sharing) = Sharing::of(Some(&CORS), endpoint, &head.headers) {
            sharing.mark(&mut headers);
        }
        headers
    }

    #[test]
    fn a_listed_page_may_read_and_any_other_may_not() {
        let headers = marked("https://chat.example.com", CHAT);
        assert_eq!(
            headers.text(ACCESS_CONTROL_ALLOW_ORIGIN),
            Some("https://chat.example.com")
        );
        assert!(headers.has(ACCESS_CONTROL_EXPOSE_HEADERS));
        for other in [
            "https://chat.example.com.evil.test",
            "https://chat.example.co",
            "HTTPS://CHAT.EXAMPLE.COM",
            "null",
            "*",
            "",
        ] {
            let headers = marked(other, CHAT);
            assert!(headers.iter().all(|(name, _)| name == b"vary"), "{other}");
        }
    }

    #[test]
    fn caches_keep_origins_apart_beside_what_an_upstream_says() {
        for origin in ["http://localhost:3000", "http://other.test"] {
            let headers = marked(origin, CHAT);
            let vary: Vec<_> = headers.all(VARY).collect();
            assert_eq!(vary, [b"Accept", b"Origin"]);
        }
    }

    #[test]
    fn nothing_is_said_about_what_is_for_machines() {
        let headers = marked("https://chat.example.com", Endpoint::Metrics);
        assert!(!headers.has(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(Sharing::of(None, CHAT, &headers).is_none());
    }

    #[test]
    fn a_preflight_is_an_options_of_a_listed_page_about_a_method() {
        const ORIGIN: (&str, &str) = ("origin", "https://chat.example.com");
        const METHOD: (&str, &str) = ("access-control-request-method", "POST");
        let wanted = (
            "access-control-request-headers",
            "authorization,x-stainless-os",
        );
        let answered =
            |method, headers: &[_]| preflight(Some(&CORS), CHAT, "POST", &head(method, headers));
        let answer = answered("OPTIONS", &[ORIGIN, METHOD, wanted]).unwrap();
        assert_eq!(answer.text(ACCESS_CONTROL_ALLOW_METHODS), Some("POST"));
        assert_eq!(answer.text(ACCESS_CONTROL_ALLOW_HEADERS), Some(wanted.1));
        assert_eq!(answer.text(ACCESS_CONTROL_MAX_AGE), Some(MAX_AGE));
        assert!(answered("GET", &[ORIGIN, METHOD]).is_none());
        assert!(answered("OPTIONS", &[ORIGIN]).is_none());
        assert!(answered("OPTIONS", &[METHOD]).is_none());
        let other = ("origin", "https://other.test");
        assert!(answered("OPTIONS", &[other, METHOD]).is_none());
    }
}
