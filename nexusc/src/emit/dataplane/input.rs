//! What the front door lets in: `[gateway.input]`, `[gateway.idempotency]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::emit::dataplane::literal::{duration, integer, option, secret, size};
use crate::ir::{Idempotency, Input};

/// What a request may hold.
pub(super) fn input(input: &Input) -> TokenStream {
    let max_messages = option(
        input
            .max_messages
            .map(|most| integer(most).into_token_stream()),
    );
    let forbidden_words = option(input.forbidden_words.as_ref().map(|list| {
        let list = secret(list);
        quote!(ForbiddenWords { list: #list, })
    }));
    quote! {
        Input {
            max_messages: #max_messages,
            forbidden_words: #forbidden_words,
        }
    }
}

/// Which answers are kept.
pub(super) fn idempotency(idempotency: &Idempotency) -> TokenStream {
    let ttl = duration(idempotency.ttl);
    let max_bytes = size(idempotency.max_bytes);
    quote!(Idempotency { ttl: #ttl, max_bytes: #max_bytes, })
}
