//! A field of JSON that may lack its beginning, found by its name.
//!
//! In JSON, a name in its quotes can only be a whole string: inside of one, the quotes have backslashes.
//! So a search for these bytes cannot be misled by what a model writes; only a match is parsed.

use memchr::memmem::Finder;

/// What `read` makes of what follows the last `name`, quotes included, of which it makes anything. It says as well how
/// many bytes it has looked at: they are not looked at again, as those of fields within fields would be for each.
pub(crate) fn last<T>(
    json: &[u8],
    name: &Finder<'_>,
    read: impl Fn(&[u8]) -> (usize, Option<T>),
) -> Option<T> {
    let mut last = None;
    let mut rest = json;
    // Not by an iterator, which begins with a copy of all that was prepared.
    while let Some(start) = name.find(rest) {
        rest = rest.get(start + name.needle().len()..)?;
        let (looked_at, found) = read(rest);
        last = found.or(last);
        rest = rest.get(looked_at..).unwrap_or_default();
    }
    last
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let name = b"\"a\"";
        let json = name.repeat(1000);
        let looked_at = Cell::new(0);
        let found = last(&json, &Finder::new(name), |rest| {
            looked_at.set(looked_at.get() + rest.len());
            (rest.len(), None::<()>)
        });
        assert_eq!(found, None);
        assert!(looked_at.get() < json.len(), "{}", looked_at.get());
    }
}
