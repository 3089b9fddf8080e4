//! The GPUs of the gateway's machine: the part of `topology.rs` that lists them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::dataplane::literal::{integer, size};
use crate::ir::{Gpu, Topology};
use crate::plan::report::Report;

/// The list: each with what the plan has on it.
pub(super) fn all(topology: &Topology, plan: &Report) -> TokenStream {
    let gpus = topology.gpus.iter().filter_map(|gpu| {
        let name = &gpu.name;
        let index = integer(gpu.index?);
        let planned = size(planned(gpu, plan));
        Some(quote! {
            Gpu {
                name: #name,
                index: #index,
                planned_memory: #planned,
            }
        })
    });
    quote!(&[#(#gpus,)*])
}

/// What servers and others have of a GPU, in the profile where that is most: whole MiB, as drivers count.
fn planned(gpu: &Gpu, plan: &Report) -> u64 {
    const MIB: u64 = 1 << 20;
    let profiles = plan.profiles.iter().flat_map(|profile| &profile.gpus);
    let used = profiles
        .filter(|planned| planned.name == gpu.name)
        .map(|planned| {
            let used = i128::from(planned.memory) - i128::from(planned.free);
            u64::try_from(used).unwrap_or(0)
        });
    used.max().unwrap_or(gpu.reserved).div_ceil(MIB) * MIB
}
