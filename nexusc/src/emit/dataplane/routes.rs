//! `routes.rs`: how the requests of a model choose among upstreams.

use decide::rule::{Draw, Rule};
use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, duration, integer, option, percent, size};
use crate::emit::dataplane::table::TableFile;
use crate::ir::{Hedge, Percent, Retry, Shadow, Topology};
use crate::lower::{self, Choice, Rules, with_rules};

pub(super) fn emit(topology: &Topology) -> TableFile {
    with_rules(topology, |rules| table(topology, rules))
}

fn table(topology: &Topology, rules: &Rules<'_>) -> TableFile {
    let mut file = TableFile::new("How the requests of a model choose among upstreams.");
    for (id, route) in topology.routes.ids() {
        let constant = constant(&route.name);
        let name = &route.name;
        let draw = draw(lower::draw(route.draw));
        let rule = rule(rules.of(id), topology);
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
            let length = size(length as u64);
            quote!(Draw::Head(#length))
        }
    }
}

fn rule(rule: Rule<'_, Choice>, topology: &Topology) -> TokenStream {
    let upstream = |choice: Choice| constant(&topology.upstreams.get(choice.id).name);
    match rule {
        Rule::Direct(choice) => {
            let upstream = upstream(choice);
            quote!(Rule::Direct(&upstreams::#upstream))
        }
        Rule::Weighted(weighted) => {
            let targets = weighted.targets();
            let upstreams = targets.iter().map(|target| upstream(target.upstream));
            let weights = targets.iter().map(|target| integer(target.weight.into()));
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
            let (primary, canary) = (upstream(primary), upstream(canary));
            let percent = percent(Percent(share.basis_points()));
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
            let percent = percent(Percent(load_factor.basis_points()));
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

fn list(upstreams: &[Choice], topology: &Topology) -> TokenStream {
    let upstreams = upstreams
        .iter()
        .map(|choice| constant(&topology.upstreams.get(choice.id).name));
    quote!(&[#(&upstreams::#upstreams,)*])
}
