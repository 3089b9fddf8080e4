//! `routes.rs`: how the requests of a model choose among upstreams.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, integer, percent};
use crate::emit::dataplane::table::TableFile;
use crate::ir::table::Id;
use crate::ir::{Rule, Topology, Upstream};

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new("How the requests of a model choose among upstreams.");
    for route in topology.routes.iter() {
        let constant = constant(&route.name);
        let name = &route.name;
        let rule = route
            .rule
            .as_ref()
            .expect("resolved: a route without a rule is reported");
        let rule = self::rule(rule, topology);
        file.entry(
            &route.path,
            quote! {
                pub static #constant: Route = Route {
                    name: #name,
                    rule: #rule,
                };
            },
        );
    }
    file
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
    }
}
