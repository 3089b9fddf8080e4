//! `topology.rs`: the root of the tables, with the front door.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, duration, integer, option, secret, size};
use crate::emit::dataplane::table::TableFile;
use crate::emit::dataplane::{gpus, input, limits, observe, tls};
use crate::ir::{Store, Topology, WhenAway};
use crate::plan::report::Report;

pub(super) fn emit(topology: &Topology, plan: &Report) -> TableFile {
    let mut file = TableFile::new("The root of the tables.");
    let name = &topology.name;
    let gateway = &topology.gateway;
    let listen = gateway.listen.to_string();
    let default_model = option(gateway.default_model.map(|id| {
        let model = constant(&topology.models.get(id).name);
        quote!(&models::#model)
    }));
    let max_body = size(gateway.max_body);
    let max_connections = integer(gateway.max_connections);
    let read_timeout = duration(gateway.read_timeout);
    let write_timeout = duration(gateway.write_timeout);
    let shutdown_grace = duration(gateway.shutdown_grace);
    let max_attempts = integer(gateway.max_attempts);
    let cors = option(gateway.cors.as_ref().map(|cors| {
        let origins = &cors.origins;
        quote!(Cors { origins: &[#(#origins,)*], })
    }));
    let idempotency = option(gateway.idempotency.as_ref().map(input::idempotency));
    let input = option(gateway.input.as_ref().map(input::input));
    let tls = option(gateway.tls.as_ref().map(tls::of_gateway));
    let http2 = gateway.http2;
    let keep_alive = gateway.stream.as_ref().and_then(|stream| stream.keep_alive);
    let keep_alive = option(keep_alive.map(duration));
    let log_sample = observe::sample(topology.log_sample);
    let privacy = observe::privacy(topology.privacy.as_ref());
    let audit = observe::audit(topology.audit.as_ref());
    let otlp = observe::otlp(topology.otlp.as_ref());
    let limits = limits::all(topology);
    let store = option(topology.store.as_ref().map(store));
    let gpus = gpus::all(topology, plan);
    file.item(
        "The whole topology; its front door is `[gateway]`.",
        quote! {
            pub static TOPOLOGY: Topology = Topology {
                name: #name,
                gateway: Gateway {
                    listen: #listen,
                    default_model: #default_model,
                    max_body: #max_body,
                    max_connections: #max_connections,
                    read_timeout: #read_timeout,
                    write_timeout: #write_timeout,
                    shutdown_grace: #shutdown_grace,
                    cors: #cors,
                    input: #input,
                    idempotency: #idempotency,
                    max_attempts: #max_attempts,
                    tls: #tls,
                    http2: #http2,
                    keep_alive: #keep_alive,
                },
                auth: policies::AUTH,
                log_sample: #log_sample,
                privacy: #privacy,
                audit: #audit,
                otlp: #otlp,
                limits: #limits,
                store: #store,
                buckets: histograms::BUCKETS,
                models: models::ALL,
                upstreams: upstreams::ALL,
                gpus: #gpus,
            };
        },
    );
    file
}

fn store(store: &Store) -> TokenStream {
    let url = secret(
        store
            .url
            .as_ref()
            .expect("resolved: a missing URL is reported"),
    );
    let when_away = match store.when_away {
        Some(WhenAway::Admit) => quote!(WhenAway::Admit),
        Some(WhenAway::Refuse) => quote!(WhenAway::Refuse),
        None => unreachable!("resolved: anything else is reported"),
    };
    let timeout = duration(store.timeout);
    let tls = option(store.tls.as_ref().map(tls::of_upstream));
    quote! {
        Store {
            url: #url,
            when_away: #when_away,
            timeout: #timeout,
            tls: #tls,
        }
    }
}
