//! A hash that never changes: what sticky and prefix-aware routes go by.
//!
//! The same bytes give the same number on every core, in every replica and after every restart, so
//! neither a random seed nor the standard library's unspecified hash will do. It spreads load and
//! resists nobody who wants a collision, who would gain only the upstream that somebody else has.

/// The hash of `bytes`, its bits so even that any of them may be used.
#[inline]
pub const fn stable(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ bytes.len() as u64;
    let mut rest = bytes;
    while let Some((word, others)) = rest.split_first_chunk::<8>() {
        hash = fold(hash ^ u64::from_le_bytes(*word));
        rest = others;
    }
    let mut last = 0;
    while let [byte, others @ ..] = rest {
        last = last << 8 | *byte as u64;
        rest = others;
    }
    mix(fold(hash ^ last), 0)
}

/// One number of two, as even as [`stable`].
#[inline]
pub const fn mix(one: u64, other: u64) -> u64 {
    fold(fold(one ^ SEED) ^ other)
}

/// Digits of pi: nothing up the sleeve.
const SEED: u64 = 0x243F_6A88_85A3_08D3;

/// Odd, its ones and zeros as many and as irregular as can be.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A multiplication whose upper half is not thrown away: every bit reaches every other.
#[inline]
const fn fold(number: u64) -> u64 {
    let product = number as u128 * FACTOR as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// If this fails, every session in the field changes its upstream with the next release.
    #[test]
    fn never_changes() {
        let texts = ["", "a", "session-1", "a longer text, of several words"];
        let known = [
            13_732_896_621_338_335_410,
            2_268_647_316_256_586_558,
            2_621_179_599_955_789_211,
            11_449_519_357_903_115_532,
        ];
        assert_eq!(texts.map(|text| stable(text.as_bytes())), known);
    }

    #[test]
    fn spreads_names_that_are_alike() {
        for name in [
            |number: u32| format!("session-{number}"),
            |number| format!("{number}"),
            |number| format!("{number:032x}"),
        ] {
            let mut buckets = [0_i32; 64];
            for number in 0..64_000 {
                let bucket = stable(name(number).as_bytes()) >> 58;
                buckets[bucket as usize] += 1;
            }
            // Five standard deviations of an even spread.
            let uneven = buckets.iter().find(|count| (**count - 1000).abs() > 160);
            assert_eq!(uneven, None, "{} ...", name(1));
        }
    }

    proptest! {
        #[test]
        fn every_byte_and_the_length_count(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            index in any::<prop::sample::Index>(),
            other in 1..=u8::MAX,
        ) {
            let longer = [bytes.as_slice(), &[0]].concat();
            prop_assert_ne!(stable(&bytes), stable(&longer));
            let mut changed = longer.clone();
            changed[index.index(longer.len())] ^= other;
            prop_assert_ne!(stable(&longer), stable(&changed));
        }
    }
}
