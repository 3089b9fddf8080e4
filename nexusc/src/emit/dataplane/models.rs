//! `models.rs`: the names that clients ask for.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{constant, duration, option};
use crate::emit::dataplane::table::TableFile;
use crate::emit::dataplane::{limits, observe};
use crate::ir::{Topology, Total};

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new("The names that clients ask for.");
    for model in topology.models.iter() {
        let constant = constant(&model.name);
        let name = &model.name;
        let aliases = &model.aliases;
        let fields = model.defaults.iter().map(|parameter| parameter.field);
        let values = model.defaults.iter().map(|parameter| &parameter.json);
        let route = model
            .route
            .expect("checked: a route serves every model (NX0401)");
        let route = self::constant(&topology.routes.get(route).name);
        let fallback = model
            .fallback
            .iter()
            .map(|&id| self::constant(&topology.models.get(id).name));
        let total = time(model.totals.whole.as_ref());
        let total_streamed = time(model.totals.streamed.as_ref());
        let limit = limits::reference(model.limit, topology);
        let log_sample = observe::sample(model.log_sample);
        file.entry(
            &model.path,
            quote! {
                pub static #constant: Model = Model::new(ModelSettings {
                    name: #name,
                    aliases: &[#(#aliases,)*],
                    defaults: &[#(Parameter::new(#fields, #values),)*],
                    route: &routes::#route,
                    fallback: &[#(&#fallback,)*],
                    total: #total,
                    total_streamed: #total_streamed,
                    limit: #limit,
                    log_sample: #log_sample,
                });
            },
        );
    }
    let names = topology.models.iter().map(|model| model.name.as_str());
    file.all("Every model.", quote!(Model), names);
    file
}

fn time(total: Option<&Total>) -> TokenStream {
    option(total.map(|total| duration(total.time)))
}
