//! Chains of fallbacks, of which none may lead back.

use std::collections::{BTreeMap, BTreeSet};

/// Whether the fallbacks of `from` come to `to` in the end.
pub(super) fn leads_to(fallbacks: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(next) = open.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            open.extend(
                fallbacks
                    .get(next)
                    .into_iter()
                    .flatten()
                    .map(String::as_str),
            );
        }
    }
    false
}
