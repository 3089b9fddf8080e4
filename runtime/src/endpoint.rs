//! The paths that exist, and what each takes: the closed set that requests and metrics go by.

use std::borrow::Cow;

use decide::metric::INFERENCE;
use hyper::Method;

/// What a request asks for, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Something that an upstream does.
    Inference(Operation),
    /// `/v1/models`.
    Models,
    /// `/v1/models/NAME`.
    Model,
    /// `/v1/circuit-breakers`.
    CircuitBreakers,
    /// Below `/v1/admin/`.
    Admin(Admin),
    /// `/health`.
    Health,
    /// `/ready`.
    Ready,
    /// `/metrics`.
    Metrics,
    /// A path that does not exist.
    Unknown,
}

/// What upstreams do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// `/v1/embeddings`.
    Embeddings,
}

/// Where everything for administrators stands.
const ADMIN: &str = "/v1/admin/";

/// What an administrator can see and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admin {
    /// `/v1/admin/switches`.
    Switches,
    /// `/v1/admin/features/NAME`.
    Feature,
    /// `/v1/admin/upstreams/NAME`.
    Upstream,
    /// `/v1/admin/gpus`.
    Gpus,
}

impl Admin {
    /// What there is at `path` below [`ADMIN`].
    fn at(path: &str) -> Option<Self> {
        match path.split_once('/') {
            None if path == "switches" => Some(Self::Switches),
            None if path == "gpus" => Some(Self::Gpus),
            Some(("features", _)) => Some(Self::Feature),
            Some(("upstreams", _)) => Some(Self::Upstream),
            _ => None,
        }
    }
}

impl Operation {
    /// The path, the same at the gateway and at every upstream.
    pub(crate) const fn path(self) -> &'static str {
        let [chat, completions, embeddings] = INFERENCE;
        match self {
            Self::Chat => chat,
            Self::Completions => completions,
            Self::Embeddings => embeddings,
        }
    }

    /// Whether a model's default parameters apply: they are about generating text.
    pub(crate) const fn generates(self) -> bool {
        !matches!(self, Self::Embeddings)
    }
}

impl Endpoint {
    /// One of each kind, in the order of [`Endpoint::index`].
    pub(crate) const ALL: [Self; 14] = [
        Self::Inference(Operation::Chat),
        Self::Inference(Operation::Completions),
        Self::Inference(Operation::Embeddings),
        Self::Models,
        Self::Model,
        Self::CircuitBreakers,
        Self::Health,
        Self::Ready,
        Self::Metrics,
        Self::Unknown,
        Self::Admin(Admin::Switches),
        Self::Admin(Admin::Feature),
        Self::Admin(Admin::Upstream),
        Self::Admin(Admin::Gpus),
    ];

    /// The endpoint at `path`.
    pub(crate) fn at(path: &str) -> Self {
        match path {
            "/v1/chat/completions" => Self::Inference(Operation::Chat),
            "/v1/completions" => Self::Inference(Operation::Completions),
            "/v1/embeddings" => Self::Inference(Operation::Embeddings),
            "/v1/models" => Self::Models,
            "/v1/circuit-breakers" => Self::CircuitBreakers,
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            "/metrics" => Self::Metrics,
            _ if name_in_path(path).is_some() => Self::Model,
            _ => match path.strip_prefix(ADMIN).and_then(Admin::at) {
                Some(admin) => Self::Admin(admin),
                None => Self::Unknown,
            },
        }
    }

    /// Its name in metric labels: never what a client wrote.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Inference(operation) => operation.path(),
            Self::Models => "/v1/models",
            Self::Model => "/v1/models/{model}",
            Self::CircuitBreakers => "/v1/circuit-breakers",
            Self::Health => "/health",
            Self::Ready => "/ready",
            Self::Metrics => "/metrics",
            Self::Unknown => "other",
            Self::Admin(Admin::Switches) => "/v1/admin/switches",
            Self::Admin(Admin::Feature) => "/v1/admin/features/{feature}",
            Self::Admin(Admin::Upstream) => "/v1/admin/upstreams/{upstream}",
            Self::Admin(Admin::Gpus) => "/v1/admin/gpus",
        }
    }

    /// Its place in [`Endpoint::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Inference(Operation::Chat) => 0,
            Self::Inference(Operation::Completions) => 1,
            Self::Inference(Operation::Embeddings) => 2,
            Self::Models => 3,
            Self::Model => 4,
            Self::CircuitBreakers => 5,
            Self::Health => 6,
            Self::Ready => 7,
            Self::Metrics => 8,
            Self::Unknown => 9,
            Self::Admin(Admin::Switches) => 10,
            Self::Admin(Admin::Feature) => 11,
            Self::Admin(Admin::Upstream) => 12,
            Self::Admin(Admin::Gpus) => 13,
        }
    }

    /// The value of `Allow` where `method` is not one of this endpoint's.
    pub(crate) fn refuses(self, method: &Method) -> Option<&'static str> {
        match self {
            Self::Inference(_) => (method != Method::POST).then_some("POST"),
            Self::Admin(Admin::Feature | Admin::Upstream) => {
                (method != Method::PUT).then_some("PUT")
            }
            Self::Unknown => None,
            _ => (method != Method::GET && method != Method::HEAD).then_some("GET, HEAD"),
        }
    }

    /// Whether it is there for machines that watch the gateway; asks for no key, is not worth a log
    /// line.
    pub(crate) const fn is_operational(self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::Metrics)
    }

    /// Whether web pages that are listed may use it.
    pub(crate) const fn is_for_pages(self) -> bool {
        !self.is_operational() && !matches!(self, Self::Admin(_))
    }
}

/// The `NAME` of `/v1/admin/features/NAME` or `/v1/admin/upstreams/NAME`; none of these needs an encoding.
pub(crate) fn administered(path: &str) -> &str {
    let below = path.strip_prefix(ADMIN).unwrap_or_default();
    below.split_once('/').map_or("", |(_, name)| name)
}

/// The `NAME` of `/v1/models/NAME`, without percent encoding; `None` where the path is another.
pub(crate) fn name_in_path(path: &str) -> Option<Cow<'_, str>> {
    let encoded = path
        .strip_prefix("/v1/models/")
        .filter(|name| !name.is_empty())?;
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_stands_at_its_index() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint.index(), index, "{endpoint:?}");
        }
    }

    #[test]
    fn paths_lead_to_their_endpoints() {
        assert_eq!(
            Endpoint::at("/v1/chat/completions"),
            Endpoint::Inference(Operation::Chat)
        );
        assert_eq!(Endpoint::at("/v1/models"), Endpoint::Models);
        assert_eq!(Endpoint::at("/v1/models/qwen/14b"), Endpoint::Model);
        assert_eq!(Endpoint::at("/v1/models/"), Endpoint::Unknown);
        assert_eq!(Endpoint::at("/"), Endpoint::Unknown);
        assert_eq!(
            Endpoint::at("/v1/admin/upstreams/vllm"),
            Endpoint::Admin(Admin::Upstream)
        );
        for path in [
            "/v1/admin",
            "/v1/admin/",
            "/v1/admin/switches/",
            "/v1/admin/keys",
        ] {
            assert_eq!(Endpoint::at(path), Endpoint::Unknown, "{path}");
        }
    }

    #[test]
    fn an_administered_name_is_all_that_follows() {
        assert_eq!(administered("/v1/admin/upstreams/vllm-a"), "vllm-a");
        assert_eq!(administered("/v1/admin/upstreams/x/vllm-a"), "x/vllm-a");
        assert_eq!(administered("/v1/admin/features/"), "");
        assert_eq!(administered("/v1/admin/switches"), "");
    }

    #[test]
    fn methods_that_do_not_fit_learn_which_do() {
        assert_eq!(
            Endpoint::at("/v1/embeddings").refuses(&Method::GET),
            Some("POST")
        );
        assert_eq!(
            Endpoint::at("/health").refuses(&Method::POST),
            Some("GET, HEAD")
        );
        assert_eq!(Endpoint::at("/health").refuses(&Method::HEAD), None);
    }

    #[test]
    fn names_in_paths_may_be_percent_encoded() {
        assert_eq!(
            name_in_path("/v1/models/Qwen%2FQwen2.5").as_deref(),
            Some("Qwen/Qwen2.5")
        );
        assert_eq!(name_in_path("/v1/models/a/b").as_deref(), Some("a/b"));
        assert_eq!(name_in_path("/v1/models/%zz"), None);
        assert_eq!(name_in_path("/v1/models/%f"), None);
    }
}
