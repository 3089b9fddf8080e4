//! What is written about requests: the parts of `topology.rs` that say so.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{option, percent, secret};
use crate::ir::{Audit, Endpoint, Otlp, Percent, Privacy, WhenFailing};

/// The part of requests that is logged.
pub(super) fn sample(share: Option<Percent>) -> TokenStream {
    option(share.map(|share| {
        let percent = percent(share);
        quote!(Share::percent(#percent))
    }))
}

/// What is kept out of what is written.
pub(super) fn privacy(privacy: Option<&Privacy>) -> TokenStream {
    option(privacy.map(|privacy| {
        let Privacy {
            client_ip,
            email,
            phone,
            key,
        } = privacy;
        quote! {
            Privacy {
                client_ip: #client_ip,
                email: #email,
                phone: #phone,
                key: #key,
            }
        }
    }))
}

/// The record of who asked what.
pub(super) fn audit(audit: Option<&Audit>) -> TokenStream {
    option(audit.map(|audit| {
        let salt = audit.salt.as_ref();
        let salt = secret(salt.expect("resolved: a missing salt is reported"));
        let file = option(audit.file.as_ref().map(|file| quote!(#file)));
        let when_failing = match audit.when_failing {
            Some(WhenFailing::Admit) => quote!(WhenFailing::Admit),
            Some(WhenFailing::Refuse) => quote!(WhenFailing::Refuse),
            None => unreachable!("resolved: an unknown policy is reported"),
        };
        quote! {
            Audit {
                salt: #salt,
                file: #file,
                when_failing: #when_failing,
            }
        }
    }))
}

/// Where spans go.
pub(super) fn otlp(otlp: Option<&Otlp>) -> TokenStream {
    option(otlp.map(|otlp| {
        let Some(Endpoint::Http(endpoint) | Endpoint::Https(endpoint)) = &otlp.endpoint else {
            unreachable!("resolved: an address that cannot be read is reported");
        };
        let sample = percent(otlp.sample);
        let headers = otlp.headers.iter().map(|(name, value)| {
            let value = secret(
                value
                    .as_ref()
                    .expect("resolved: a missing value is reported"),
            );
            quote!((#name, #value))
        });
        quote! {
            Otlp {
                endpoint: #endpoint,
                sample: Share::percent(#sample),
                headers: &[#(#headers,)*],
            }
        }
    }))
}
