//! Where a piece of JSON stands in the body that it was read from.

use std::ops::Range;

/// Where `raw`, which was read from `body`, stands in it.
pub(crate) fn span(body: &[u8], raw: &str) -> Range<usize> {
    // Both point into one allocation.
    let start = raw.as_ptr().addr() - body.as_ptr().addr();
    start..start + raw.len()
}
