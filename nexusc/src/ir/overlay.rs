//! The environments.

use crate::ir::kubernetes;
use crate::ir::table::{Id, Named};
use crate::ir::upstream::{Endpoint, Upstream};
use crate::key_path::KeyPath;

/// An environment.
#[derive(Debug)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// `[overlays.NAME]`.
    pub path: KeyPath,
    /// Whether real users depend on it.
    pub production: bool,
    /// What answers for upstreams.
    pub servers: Servers,
    /// The profile whose engines run, beside those of none.
    pub profile: Option<String>,
    /// The addresses that differ, sorted by upstream.
    pub addresses: Vec<Address>,
    /// What it is in Kubernetes.
    pub kubernetes: kubernetes::Environment,
}

impl Named for Overlay {
    fn name(&self) -> &str {
        &self.name
    }
}

/// What answers for the upstreams of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Servers {
    /// They do.
    #[default]
    Real,
    /// A server without a model, for all but those with a `tls` of their own.
    Mock,
}

impl Servers {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Real, Self::Mock];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Mock => "mock",
        }
    }
}

/// The address that an upstream has in an environment.
#[derive(Debug)]
pub struct Address {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// Where it is there.
    pub endpoint: Endpoint,
    /// `overlays.NAME.upstreams.NAME.url`.
    pub path: KeyPath,
}
