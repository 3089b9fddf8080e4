//! Where upstreams are, and what the gateway presents to them.

use hyper::header::HeaderValue;

use crate::address::Address;
use crate::environment::reader::Reader;
#[cfg(feature = "certificates")]
use crate::tls::{self, credential::Credential, material::Sources};
use crate::topology::{Endpoint, UpstreamSettings};
use crate::upstream::access::UpstreamAccess;

impl Reader<'_> {
    pub(super) fn upstream(&mut self, upstream: &'static UpstreamSettings) -> UpstreamAccess {
        let address = match &upstream.endpoint {
            Endpoint::Http { url, variable } => {
                let written = self.optional(variable);
                match Address::parse(written.as_deref().unwrap_or(url)) {
                    Ok(address) => Some(address),
                    Err(error) => self.problem(variable, error),
                }
            }
            #[cfg(feature = "mock")]
            Endpoint::Mock(_) => None,
        };
        let authorization = upstream
            .api_key
            .and_then(|secret| self.secret(secret, "the gateway's API key for an upstream"))
            .and_then(|key| HeaderValue::try_from(format!("Bearer {key}")).ok())
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        UpstreamAccess {
            #[cfg(feature = "certificates")]
            tls: self.encryption(upstream, address.as_ref()),
            address,
            authorization,
        }
    }

    /// What `[upstreams.NAME.tls]` asks for.
    #[cfg(feature = "certificates")]
    fn encryption(
        &mut self,
        upstream: &UpstreamSettings,
        address: Option<&Address>,
    ) -> Option<Credential<rustls::ClientConfig>> {
        let tls = upstream.tls?;
        if let (Some(address), Endpoint::Http { variable, .. }) = (address, &upstream.endpoint)
            && !address.tls()
        {
            let name = upstream.name;
            let what = format!("must begin with `https://`, as `[upstreams.{name}.tls]` is set");
            self.problem::<()>(variable, what);
        }
        let sources = Sources {
            identity: tls.identity,
            authority: tls.ca,
        };
        let read = Credential::read(sources, tls::upstream::of_its_own);
        self.certificates(read, "TLS to an upstream")
    }
}
