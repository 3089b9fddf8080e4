//! `routes.rs`: how the requests of a model choose among upstreams.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, duration, integer, option, percent, size};
use crate::emit::dataplane::table::TableFile;
use crate::ir::table::Id;
use crate::ir::{Draw, Hedge, Retry, Rule, Shadow, Topology, Upstream};

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new("How the requests of a model choose among upstreams.");
    for route in topology.routes.iter() {
        let constant = constant(&route.name);
        let name = &route.name;
        let draw = draw(route.draw);
        let rule = route
            .rule
            .as_ref()
            .expect("resolved: a route without a rule is reported");
        let rule = self::rule(rule, topology);
        let shadow = option(route.shadow.as_ref().map(|copies| shadow(copies, topology)));
        let retry = option(route.retry.as_ref().map(retry));
        let hedge = option(route.hedge.as_ref().map(hedge));
        file.entry(
            &route.path,
            quote! {
                pub static #constant: Route = Route {
                    name: #name,
                    draw: #draw,
                    rule: #rule,
                    shadow: #shadow,
                    retry: #retry,
                    hedge: #hedge,
                };
            },
        );
    }
    file
}

fn retry(retry: &Retry) -> TokenStream {
    let attempts = integer(retry.attempts);
    let backoff = duration(retry.backoff);
    let max_backoff = duration(retry.max_backoff);
    quote! {
        Retry {
            attempts: #attempts,
            backoff: #backoff,
            max_backoff: #max_backoff,
        }
    }
}

fn hedge(hedge: &Hedge) -> TokenStream {
    let after = duration(hedge.after);
    let percent = percent(hedge.budget);
    quote! {
        Hedge::new(HedgeSettings {
            after: #after,
            budget: Share::percent(#percent),
        })
    }
}

fn draw(draw: Draw) -> TokenStream {
    match draw {
        Draw::Sequence => quote!(Draw::Sequence),
        Draw::Caller => quote!(Draw::Caller),
        Draw::Session => quote!(Draw::Session),
        Draw::Head(length) => {
            let length = size(length);
            quote!(Draw::Head(#length))
        }
    }
}

fn rule(rule: &Rule, topology: &Topology) -> TokenStream {
    let upstream = |id: Id<Upstream>| constant(&topology.upstreams.get(id).name);
    match rule {
        Rule::Direct(id) => {
            let upstream = upstream(*id);
            quote!(Rule::Direct(&upstreams::#upstream))
        }
        Rule::Weighted(targets) => {
            let upstreams = targets.iter().map(|target| upstream(target.upstream));
            let weights = targets.iter().map(|target| integer(target.weight));
            quote! {
                Rule::Weighted(Weighted::new(&[
                    #(Target::new(&upstreams::#upstreams, #weights),)*
                ]))
            }
        }
        Rule::Canary {
            primary,
            canary,
            share,
        } => {
            let (primary, canary) = (upstream(*primary), upstream(*canary));
            let percent = percent(*share);
            quote! {
                Rule::Canary {
                    primary: &upstreams::#primary,
                    canary: &upstreams::#canary,
                    share: Share::percent(#percent),
                }
            }
        }
        Rule::Priority(tiers) => {
            let tiers = tiers.iter().map(|tier| list(tier, topology));
            quote!(Rule::Priority(&[#(#tiers,)*]))
        }
        Rule::LeastInFlight(upstreams) => {
            let upstreams = list(upstreams, topology);
            quote!(Rule::LeastInFlight(#upstreams))
        }
        Rule::Prefix {
            upstreams,
            load_factor,
        } => {
            let upstreams = list(upstreams, topology);
            let percent = percent(*load_factor);
            quote! {
                Rule::Prefix {
                    upstreams: #upstreams,
                    load_factor: LoadFactor::percent(#percent),
                }
            }
        }
    }
}

fn shadow(shadow: &Shadow, topology: &Topology) -> TokenStream {
    let upstream = constant(&topology.upstreams.get(shadow.upstream).name);
    let percent = percent(shadow.share);
    let concurrent = integer(shadow.concurrent);
    quote! {
        Shadow::new(ShadowSettings {
            upstream: &upstreams::#upstream,
            share: Share::percent(#percent),
            concurrent: #concurrent,
        })
    }
}

fn list(upstreams: &[Id<Upstream>], topology: &Topology) -> TokenStream {
    let upstreams = upstreams
        .iter()
        .map(|&id| constant(&topology.upstreams.get(id).name));
    quote!(&[#(&upstreams::#upstreams,)*])
}
