//! `upstreams.rs`: the servers that produce responses.

use proc_macro2::TokenStream;
use quote::quote;

use crate::conventions;
use crate::emit::dataplane::literal::{constant, duration, integer, option, secret};
use crate::emit::dataplane::table::TableFile;
use crate::emit::dataplane::tls;
use crate::ir::{Breaker, Endpoint, Health, Probe, Topology};

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new("The servers that produce responses, by name.");
    for upstream in topology.upstreams.iter() {
        let constant = constant(&upstream.name);
        let name = &upstream.name;
        let endpoint = match &upstream.endpoint {
            Endpoint::Http(url) | Endpoint::Https(url) => {
                let variable = conventions::upstream_url_variable(name);
                quote!(Endpoint::Http { url: #url, variable: #variable, })
            }
            Endpoint::MockLocal => quote!(Endpoint::Mock(Mock::Local)),
            Endpoint::MockFail => quote!(Endpoint::Mock(Mock::Fail)),
        };
        let served_model = option(upstream.served_model.as_ref().map(|model| quote!(#model)));
        let api_key = option(upstream.api_key.as_ref().map(secret));
        let connect = duration(upstream.timeouts.connect);
        let first_byte = duration(upstream.timeouts.first_byte);
        let between_chunks = duration(upstream.timeouts.between_chunks);
        let breaker = option(upstream.breaker.as_ref().map(breaker));
        let health = option(upstream.health.as_ref().map(health));
        let tls = option(upstream.tls.as_ref().map(tls::of_upstream));
        let stream_usage = upstream.stream_usage;
        file.entry(
            &upstream.path,
            quote! {
                pub static #constant: Upstream = Upstream::new(UpstreamSettings {
                    name: #name,
                    endpoint: #endpoint,
                    served_model: #served_model,
                    api_key: #api_key,
                    timeouts: Timeouts {
                        connect: #connect,
                        first_byte: #first_byte,
                        between_chunks: #between_chunks,
                    },
                    breaker: #breaker,
                    health: #health,
                    tls: #tls,
                    stream_usage: #stream_usage,
                });
            },
        );
    }
    let names = topology
        .upstreams
        .iter()
        .map(|upstream| upstream.name.as_str());
    file.all("Every upstream.", quote!(Upstream), names);
    file
}

fn breaker(breaker: &Breaker) -> TokenStream {
    let failures = integer(breaker.failures);
    let reset = duration(breaker.reset);
    quote!(Breaker { failures: #failures, reset: #reset, })
}

fn health(health: &Health) -> TokenStream {
    let probe = match &health.probe {
        Probe::Path(path) => quote!(Probe::Path(#path)),
        Probe::Chat => quote!(Probe::Chat),
        Probe::Completion => quote!(Probe::Completion),
        Probe::Embedding => quote!(Probe::Embedding),
    };
    let interval = duration(health.interval);
    let timeout = duration(health.timeout);
    let unhealthy_after = integer(health.unhealthy_after);
    let healthy_after = integer(health.healthy_after);
    quote! {
        Health {
            probe: #probe,
            interval: #interval,
            timeout: #timeout,
            unhealthy_after: #unhealthy_after,
            healthy_after: #healthy_after,
        }
    }
}
