//! `policies.rs`: who may ask for what.

use quote::quote;

use crate::emit::dataplane::limits;
use crate::emit::dataplane::literal::{constant, secret};
use crate::emit::dataplane::table::TableFile;
use crate::ir::{Access, Topology};

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
        let models = match &key.models {
            Access::All => quote!(Access::All),
            Access::Only(models) => {
                let models = models
                    .iter()
                    .map(|&id| self::constant(&topology.models.get(id).name));
                quote!(Access::Only(&[#(&models::#models,)*]))
            }
        };
        let limit = limits::reference(key.limit, topology);
        file.entry(
            &key.path,
            quote! {
                pub static #constant: Key = Key::new(KeySettings {
                    name: #name,
                    secret: #secret,
                    models: #models,
                    limit: #limit,
                });
            },
        );
    }
    let names = topology.keys.iter().map(|key| key.name.as_str());
    file.all("Every API key.", quote!(Key), names);
    file.item(
        "Callers present an API key.",
        quote!(
            pub const AUTH: Auth = Auth::ApiKeys(ALL);
        ),
    );
    file
}
