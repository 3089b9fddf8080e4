//! What the choice of a route goes by: a number for each request.
//!
//! An even sequence where each request is chosen for anew; the hash of what stays the same where
//! requests are to stay together. The hash is fixed, so they do after a restart and in every
//! replica.

use std::cell::Cell;

use crate::hash;

/// The longest session id in bytes. A longer one is none: it is something else, by mistake.
const MAX_SESSION_ID: usize = 128;

/// The draw of the session of this `id`, if it is one.
#[inline]
pub fn of_session(id: &[u8]) -> Option<u64> {
    (1..=MAX_SESSION_ID)
        .contains(&id.len())
        .then(|| hash::stable(id))
}

/// The draw of the prompts that begin like `context` for `length` bytes.
#[inline]
pub fn of_head(context: &[u8], length: usize) -> u64 {
    hash::stable(context.get(..length).unwrap_or(context))
}

/// `draw`, as a fraction of the whole range, of `whole`.
#[inline]
pub fn scaled(draw: u64, whole: u32) -> u32 {
    let scaled = (u128::from(draw) * u128::from(whole)) >> 64;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// A place among `count`, as evenly as the draws lie.
#[inline]
pub(crate) fn place(draw: u64, count: usize) -> usize {
    scaled(draw, u32::try_from(count).unwrap_or(u32::MAX)) as usize
}

/// Draws for one model on one worker: a Weyl sequence, the multiples of the golden ratio modulo 1.
/// It covers the unit interval as evenly as a sequence can, so a share of 5 % is 4 to 6 of any 100
/// requests in a row and not a matter of luck.
#[derive(Debug)]
pub struct Sequence(Cell<u64>);

impl Sequence {
    /// 2^64 divided by the golden ratio: of all steps the one whose multiples lie most evenly.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

    /// A sequence that starts somewhere. Workers and replicas must not start alike.
    #[inline]
    pub fn starting_at(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next draw.
    #[inline]
    pub fn draw(&self) -> u64 {
        let draw = self.0.get();
        self.0.set(draw.wrapping_add(Self::STEP));
        draw
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session(id: &str) -> Option<u64> {
        of_session(id.as_bytes())
    }

    #[test]
    fn a_session_has_one_draw() {
        assert_eq!(session("alice"), session("alice"));
        assert_ne!(session("alice"), session("bob"));
    }

    #[test]
    fn an_empty_session_and_an_endless_one_have_none() {
        assert_eq!(session(""), None);
        assert!(session(&"a".repeat(128)).is_some());
        assert_eq!(session(&"a".repeat(129)), None);
    }

    #[test]
    fn only_the_head_of_a_prompt_counts() {
        assert_eq!(of_head(b"abcdef", 3), of_head(b"abcxyz", 3));
        assert_ne!(of_head(b"abcdef", 4), of_head(b"abcxyz", 4));
        assert_eq!(of_head(b"ab", 3), of_head(b"ab", 4));
        // The head may end inside a character.
        assert_eq!(of_head("é!".as_bytes(), 1), of_head("è!".as_bytes(), 1));
    }

    proptest! {
        #[test]
        fn a_share_is_met_within_four(seed: u64, count in 1_usize..=1000, percent in 0..=100_u8) {
            let sequence = Sequence::starting_at(seed);
            let is_within = || scaled(sequence.draw(), 100) < u32::from(percent);
            let within = (0..count).filter(|_| is_within()).count();
            let off = (within * 100).abs_diff(count * usize::from(percent));
            prop_assert!(off <= 400, "{within} of {count} are not {percent} %");
        }
    }
}
