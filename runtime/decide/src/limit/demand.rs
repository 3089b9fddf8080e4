//! How many tokens a request may take, before anybody knows how many it will.

/// The output that is assumed where neither the request nor its model sets `max_tokens`.
pub const ASSUMED_OUTPUT: u64 = 1024;

/// Bytes of JSON to a token of a prompt: about what English text comes to.
const BYTES_PER_TOKEN: u64 = 4;

/// The tokens of a prompt of which `text` bytes of JSON are text and `media` tokens are something else: an
/// estimate, at least 1.
pub const fn prompt(text: u64, media: u64) -> u64 {
    let tokens = text / BYTES_PER_TOKEN + media;
    if tokens == 0 { 1 } else { tokens }
}
