//! The ways in which bytes may arrive.

use decide::hash;

/// How often bytes are split at random, beside byte by byte.
const RANDOM: u64 = 3;

/// `bytes` in pieces: as a whole, byte by byte, and at places that these bytes decide, always the same.
pub(super) fn ways(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let whole = vec![bytes];
    let byte_by_byte = bytes.chunks(1).collect();
    let random = (0..RANDOM).map(move |number| {
        let mut random = fastrand::Rng::with_seed(hash::mix(hash::stable(bytes), number));
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            // Short and long pieces: an event of a stream has some hundred bytes, a line end two.
            let most = 1 << random.usize(1..8);
            let (piece, others) = rest.split_at(random.usize(1..=most).min(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        pieces
    });
    [whole, byte_by_byte].into_iter().chain(random)
}
