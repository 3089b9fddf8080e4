//! `histograms.rs`: the bounds of histograms.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::emit::dataplane::table::TableFile;
use crate::ir::Topology;
use crate::plan::buckets::buckets;

pub(super) fn emit(topology: &Topology) -> TableFile {
    let mut file = TableFile::new(
        "The bounds of histograms: thresholds of alerts and objectives, and the longest times, are among them.",
    );
    let buckets = buckets(topology);
    let (request, upstream) = (list(&buckets.request), list(&buckets.upstream));
    let (first_token, queue_wait) = (list(&buckets.first_token), list(&buckets.queue_wait));
    file.item(
        "In seconds.",
        quote! {
            pub const BUCKETS: Buckets = Buckets {
                request: #request,
                upstream: #upstream,
                first_token: #first_token,
                queue_wait: #queue_wait,
            };
        },
    );
    file
}

fn list(bounds: &[f64]) -> TokenStream {
    let bounds = bounds.iter().copied().map(Literal::f64_unsuffixed);
    quote!(&[#(#bounds,)*])
}
