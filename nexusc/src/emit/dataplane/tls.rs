//! TLS, towards clients and upstreams.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::option;
use crate::ir::{GatewayTls, Identity, UpstreamTls};

pub(super) fn of_gateway(tls: &GatewayTls) -> TokenStream {
    let identity = identity(&tls.identity);
    let client_ca = option(tls.client_ca.as_ref().map(|file| quote!(#file)));
    quote!(GatewayTls { identity: #identity, client_ca: #client_ca, })
}

pub(super) fn of_upstream(tls: &UpstreamTls) -> TokenStream {
    let ca = option(tls.ca.as_ref().map(|file| quote!(#file)));
    let identity = option(tls.identity.as_ref().map(identity));
    let server_name = option(tls.server_name.as_ref().map(|name| quote!(#name)));
    quote!(UpstreamTls { ca: #ca, identity: #identity, server_name: #server_name, })
}

fn identity(identity: &Identity) -> TokenStream {
    let Identity {
        certificate,
        private_key,
    } = identity;
    quote!(Identity { certificate: #certificate, private_key: #private_key, })
}
