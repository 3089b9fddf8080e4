//! `limits.rs`: how much may be asked for.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, duration, integer, option};
use crate::emit::dataplane::table::TableFile;
use crate::ir::table::Id;
use crate::ir::{Limit, Rate, Topology};

/// The file, if there are any limits.
pub(super) fn emit(topology: &Topology) -> Option<TableFile> {
    if topology.limits.is_empty() {
        return None;
    }
    let mut file = TableFile::new("How much may be asked for.");
    for limit in topology.limits.iter() {
        let constant = constant(&limit.name);
        let name = &limit.name;
        let requests = option(limit.requests.as_ref().map(rate));
        let tokens = option(limit.tokens.as_ref().map(rate));
        let concurrent = option(limit.concurrent.map(|most| {
            let most = integer(most);
            quote!(#most)
        }));
        let queue = option(limit.queue.as_ref().map(|queue| {
            let length = integer(queue.length);
            let wait = duration(queue.wait);
            quote!(Queue { length: #length, wait: #wait, })
        }));
        file.entry(
            &limit.path,
            quote! {
                pub static #constant: Limit = Limit::new(LimitSettings {
                    name: #name,
                    requests: #requests,
                    tokens: #tokens,
                    concurrent: #concurrent,
                    queue: #queue,
                });
            },
        );
    }
    let names = topology.limits.iter().map(|limit| limit.name.as_str());
    file.all("Every limit.", quote!(Limit), names);
    Some(file)
}

/// The list of every limit, from the root of the tables.
pub(super) fn all(topology: &Topology) -> TokenStream {
    if topology.limits.is_empty() {
        quote!(&[])
    } else {
        quote!(limits::ALL)
    }
}

/// The limit of a key or a model.
pub(super) fn reference(limit: Option<Id<Limit>>, topology: &Topology) -> TokenStream {
    option(limit.map(|id| {
        let limit = constant(&topology.limits.get(id).name);
        quote!(&limits::#limit)
    }))
}

fn rate(rate: &Rate) -> TokenStream {
    let amount = integer(rate.amount);
    let per = duration(rate.per);
    quote!(Rate { amount: #amount, per: #per, })
}
