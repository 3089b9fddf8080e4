//! A field of JSON that may lack its beginning, found by its name.
//!
//! In JSON, a name in its quotes can only be a whole string: inside of one, the quotes have backslashes.
//! So a search for these bytes cannot be misled by what a model writes; only a match is parsed.

use memchr::memmem;

/// What `read` makes of what follows the last `name`, quotes included, of which it makes anything.
pub(crate) fn last<T>(json: &[u8], name: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    let mut end = json.len();
    while let Some(start) = memmem::rfind(json.get(..end)?, name) {
        if let Some(value) = json.get(start + name.len()..).and_then(&read) {
            return Some(value);
        }
        end = start;
    }
    None
}
