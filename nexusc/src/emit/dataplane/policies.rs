//! `policies.rs`: who may ask for what.

use proc_macro2::TokenStream;
use quote::quote;

use crate::conventions;
use crate::emit::dataplane::literal::{constant, duration, option, secret};
use crate::emit::dataplane::table::TableFile;
use crate::emit::dataplane::{limits, observe};
use crate::ir::{Access, Algorithm, Jwt, Priority, TokenKeys, Topology};

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new("Who may ask for what.");
    if topology.gateway.development {
        file.item(
            "Development mode: `development = true` in `[gateway]`.",
            quote!(
                pub const AUTH: Auth = Auth::Development;
            ),
        );
        return file;
    }
    for key in topology.keys.iter() {
        let constant = constant(&key.name);
        let name = &key.name;
        let secret = secret(
            key.secret
                .as_ref()
                .expect("resolved: a missing secret is reported"),
        );
        let models = access(&key.models, topology);
        let limit = limits::reference(key.limit, topology);
        let priority = priority(key.priority);
        let admin = key.admin;
        let log_sample = observe::sample(key.log_sample);
        file.entry(
            &key.path,
            quote! {
                pub static #constant: Key = Key::new(KeySettings {
                    name: #name,
                    secret: #secret,
                    models: #models,
                    limit: #limit,
                    priority: #priority,
                    admin: #admin,
                    log_sample: #log_sample,
                });
            },
        );
    }
    let names = topology.keys.iter().map(|key| key.name.as_str());
    file.all("Every API key.", quote!(Key), names);
    if let Some(jwt) = &topology.jwt {
        let jwt = tokens(jwt, topology);
        file.item(
            "Callers present a token, as `[auth.jwt]` asks for, or an API key.",
            quote!(
                pub const AUTH: Auth = Auth::Jwt {
                    jwt: #jwt,
                    keys: ALL,
                };
            ),
        );
        return file;
    }
    file.item(
        "Callers present an API key.",
        quote!(
            pub const AUTH: Auth = Auth::ApiKeys(ALL);
        ),
    );
    file
}

fn access(access: &Access, topology: &Topology) -> TokenStream {
    match access {
        Access::All => quote!(Access::All),
        Access::Only(models) => {
            let models = models
                .iter()
                .map(|&id| constant(&topology.models.get(id).name));
            quote!(Access::Only(&[#(&models::#models,)*]))
        }
    }
}

fn tokens(jwt: &Jwt, topology: &Topology) -> TokenStream {
    let algorithm = match jwt.algorithm {
        Some(Algorithm::Hs256) => quote!(Algorithm::Hs256),
        Some(Algorithm::Rs256) => quote!(Algorithm::Rs256),
        Some(Algorithm::Es256) => quote!(Algorithm::Es256),
        None => unreachable!("resolved: an unknown algorithm is reported"),
    };
    let keys = match &jwt.keys {
        Some(TokenKeys::Fixed(key)) => {
            let key = secret(key);
            quote!(TokenKeys::Fixed(#key))
        }
        Some(TokenKeys::Published(jwks)) => {
            let url = &jwks.url;
            let variable = conventions::JWKS_URL_VARIABLE;
            let refresh = duration(jwks.refresh);
            let ca = option(jwks.ca.as_ref().map(|file| quote!(#file)));
            quote! {
                TokenKeys::Published(Jwks {
                    url: #url,
                    variable: #variable,
                    refresh: #refresh,
                    ca: #ca,
                })
            }
        }
        None => unreachable!("resolved: a missing key is reported"),
    };
    let issuer = &jwt.issuer;
    let audience = &jwt.audience;
    let leeway = duration(jwt.leeway);
    let models_claim = &jwt.models_claim;
    let models = access(&jwt.models, topology);
    let limit = limits::reference(jwt.limit, topology);
    let priority = priority(jwt.priority);
    quote! {
        Jwt {
            algorithm: #algorithm,
            keys: #keys,
            issuer: #issuer,
            audience: #audience,
            leeway: #leeway,
            models_claim: #models_claim,
            models: #models,
            limit: #limit,
            priority: #priority,
        }
    }
}

fn priority(priority: Priority) -> TokenStream {
    match priority {
        Priority::High => quote!(PriorityClass::High),
        Priority::Normal => quote!(PriorityClass::Normal),
        Priority::Low => quote!(PriorityClass::Low),
    }
}
