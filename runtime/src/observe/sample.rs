//! Which requests are taken where a part of them is asked for.
//!
//! The trace id decides, so that every replica takes the same ones, as does a second gateway that a
//! request passes: each line of what is kept has its counterpart everywhere.

use decide::hash;

use crate::topology::Share;

/// Whether the request of this trace is in `share`. One that is, is in every larger share too.
pub(crate) fn takes(share: Share, trace_id: &[u8]) -> bool {
    let draw = u128::from(hash::stable(trace_id));
    (draw * u128::from(Share::WHOLE)) >> 64 < u128::from(share.basis_points())
}

/// Whether a trace that begins here, whose id has these hexadecimal digits, is in `share`: by its last 56
/// bits, as OpenTelemetry samples, so that other services that begin to record choose alike.
pub(crate) fn begins(share: Share, context: &[u8; 32]) -> bool {
    const BITS: u128 = 1 << 56;
    let last = context.split_at(18).1;
    let digit = |byte: &u8| u64::from(char::from(*byte).to_digit(16).unwrap_or_default());
    let random = last
        .iter()
        .fold(0, |number, byte| number << 4 | digit(byte));
    let left_out = Share::WHOLE - share.basis_points();
    u128::from(random) * u128::from(Share::WHOLE) >= BITS * u128::from(left_out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_its_part_and_no_more() {
        for (percent, low, high) in [
            (0.0, 0, 0),
            (10.0, 9_700, 10_300),
            (100.0, 100_000, 100_000),
        ] {
            let share = Share::percent(percent);
            let taken = (0..100_000).filter(|id| takes(share, format!("{id:032x}").as_bytes()));
            assert!((low..=high).contains(&taken.count()), "{percent}");
        }
    }

    #[test]
    fn the_last_bits_of_a_trace_decide() {
        let begins = |percent, last: &str| {
            let context = format!("{:0>32}", last);
            begins(
                Share::percent(percent),
                context.as_bytes().try_into().unwrap(),
            )
        };
        assert!(begins(100.0, "00000000000000"));
        assert!(begins(50.0, "80000000000000"));
        assert!(!begins(50.0, "7fffffffff0000"));
        assert!(begins(0.01, "ffffffffffffff"));
        assert!(!begins(0.01, "ffe00000000000"));
    }

    proptest! {
        #[test]
        fn who_is_in_a_share_is_in_a_larger_one(
            id in ".{0,40}",
            one in 0.0..100.0_f64,
            other in 0.0..100.0_f64,
        ) {
            let (small, large) = (Share::percent(one.min(other)), Share::percent(one.max(other)));
            prop_assert!(!takes(small, id.as_bytes()) || takes(large, id.as_bytes()));
        }
    }
}
