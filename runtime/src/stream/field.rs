//! A field of JSON that may lack its beginning, found by its name.
//!
//! In JSON, a name in its quotes can only be a whole string: inside of one, the quotes have backslashes.
//! So a search for these bytes cannot be misled by what a model writes; only a match is parsed.

use memchr::memmem::Finder;

/// What `read` makes of what follows the last `name`, quotes included, of which it makes anything.
pub(crate) fn last<T>(
    json: &[u8],
    name: &Finder<'_>,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    let mut last = None;
    let mut rest = json;
    // Not by an iterator, which begins with a copy of all that was prepared.
    while let Some(start) = name.find(rest) {
        rest = rest.get(start + name.needle().len()..)?;
        last = read(rest).or(last);
    }
    last
}
