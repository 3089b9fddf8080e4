//! Five upstreams for the tests of rules.

use crate::{Candidate, hash};

/// An upstream that has nothing but a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named(pub(crate) &'static str);

impl Candidate for Named {
    fn identity(self) -> u64 {
        hash::stable(self.0.as_bytes())
    }
}

pub(crate) const A: Named = Named("a");
pub(crate) const B: Named = Named("b");
pub(crate) const C: Named = Named("c");

/// All of them, by name.
pub(crate) static ALL: &[Named] = &[A, B, C, Named("d"), Named("e")];

/// The place of `upstream` among all.
pub(crate) fn place_of(upstream: Named) -> usize {
    let place = ALL.iter().position(|other| *other == upstream);
    place.unwrap()
}
